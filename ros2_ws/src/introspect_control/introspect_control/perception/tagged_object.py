"""What is found by the tags that it carries: a cube, a goal, a tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.pose import Pose

Array = NDArray[np.float64]

_CUBE_FACES = (  # roll, pitch and yaw of the tag on each face of a cube [rad]
    ("top", (0.0, 0.0, 0.0)),
    ("front", (0.5 * np.pi, 0.0, 0.5 * np.pi)),  # +x
    ("left", (0.5 * np.pi, 0.0, np.pi)),  # +y
    ("back", (0.5 * np.pi, 0.0, -0.5 * np.pi)),  # -x
    ("right", (0.5 * np.pi, 0.0, 0.0)),  # -y
    ("bottom", (np.pi, 0.0, 0.0)),
)


@dataclass(frozen=True)
class TagPlace:
    """One tag on an object. Its x runs right, its y up and its z out of the print."""

    id: int
    size: float  # edge of the black square [m]
    T_object_tag: Pose

    def __post_init__(self) -> None:
        """Refuse what is no tag."""
        if isinstance(self.id, bool) or not isinstance(self.id, int) or self.id < 0:
            raise PerceptionError(f"id must be a whole number from 0 on, got {self.id!r}")
        if not 0.001 <= self.size <= 5.0:
            raise PerceptionError(f"size of tag {self.id} must be 0.001 to 5 m, got {self.size} m")

    def corners(self) -> Array:
        """(4, 3) in the object's frame [m]: upper left, upper right, lower right, lower left."""
        return self.T_object_tag.apply(tag_corners(self.size))


@dataclass(frozen=True)
class TaggedObject:
    """An object with tags at known places on it."""

    name: str
    tags: tuple[TagPlace, ...]
    max_tilt: float | None = None  # of its z from the base frame's z; None: any [rad]

    def __post_init__(self) -> None:
        """Refuse what could not be found, or not be told apart."""
        if not self.tags:
            raise PerceptionError(f"object {self.name!r} needs at least one tag")
        ids = [tag.id for tag in self.tags]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise PerceptionError(
                f"object {self.name!r} has tag {', '.join(map(str, twice))} more than once"
            )
        if self.max_tilt is not None and not 0.0 < self.max_tilt <= np.pi:
            raise PerceptionError(
                f"max_tilt of object {self.name!r} must be in (0, π] rad, got {self.max_tilt}"
            )

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of its tags."""
        return tuple(tag.id for tag in self.tags)

    @classmethod
    def cube(
        cls,
        name: str = "cube",
        edge: float = 0.04,
        size: float = 0.032,
        first_id: int = 0,
        max_tilt: float | None = None,
    ) -> TaggedObject:
        """A cube with a tag in the middle of each face; its frame is in its middle.

        Args:
            name: of the object.
            edge: of the cube [m].
            size: edge of a tag's black square, with room for its white margin [m].
            first_id: of the tag on top; then front (+x), left (+y), back, right and bottom.
            max_tilt: of its z from the base frame's z [rad]; None: any.

        Raises:
            PerceptionError: Tags that are larger than the faces.
        """
        if not 0.0 < size < edge:
            raise PerceptionError(f"tags on a cube of {edge} m must be smaller, got {size} m")
        tags = []
        for number, (_, rpy) in enumerate(_CUBE_FACES):
            turn = Pose.from_xyz_rpy((0.0, 0.0, 0.0), rpy)
            place = Pose(turn.rotation, 0.5 * edge * turn.rotation[:, 2])
            tags.append(TagPlace(first_id + number, size, place))
        return cls(name, tuple(tags), max_tilt)


def tag_corners(size: float) -> Array:
    """(4, 3) corners of a tag in its own frame [m], in the order in which detectors tell them."""
    h = 0.5 * size
    return np.array([[-h, h, 0.0], [h, h, 0.0], [h, -h, 0.0], [-h, -h, 0.0]])


def check_distinct(objects: Sequence[TaggedObject]) -> None:
    """See that no tag belongs to two objects, and no name either.

    Raises:
        PerceptionError: One does.
    """
    names = [thing.name for thing in objects]
    for name in names:
        if names.count(name) > 1:
            raise PerceptionError(f"two objects are named {name!r}; give each a name of its own")
    owner: dict[int, str] = {}
    for thing in objects:
        for tag in thing.ids:
            if tag in owner:
                raise PerceptionError(
                    f"tag {tag} belongs to object {owner[tag]!r} and to object {thing.name!r}; "
                    "give each object tags of its own"
                )
            owner[tag] = thing.name
