"""Reads which objects carry which tags, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from introspect_control.perception.document import Document
from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.families import DEFAULT_FAMILY, FAMILIES
from introspect_control.perception.pose import Pose
from introspect_control.perception.tagged_object import TaggedObject, TagPlace, check_distinct


@dataclass(frozen=True)
class ObjectSet:
    """Objects whose tags are of one family."""

    family: str  # one of FAMILIES
    objects: tuple[TaggedObject, ...]

    def named(self, name: str) -> TaggedObject:
        """One of the objects.

        Raises:
            PerceptionError: There is none of that name; the text lists those there are.
        """
        for thing in self.objects:
            if thing.name == name:
                return thing
        known = ", ".join(thing.name for thing in self.objects)
        raise PerceptionError(f"there is no object {name!r}; there are {known}")


def read_objects(path: Path) -> ObjectSet:
    """Read objects from a YAML file.

    ``family`` (optional), and under ``objects`` for every name: ``max_tilt`` [rad] (optional), and
    either ``tags``, a list of ``id``, ``size`` [m], ``xyz`` [m] and ``rpy`` [rad] of the tag in the
    object's frame, or ``cube`` with ``edge`` [m], ``size`` [m] and ``first_id``.

    Raises:
        PerceptionError: The file is not valid; the text names the file and the key.
    """
    data = Document.read(path)
    data.refuse_unknown(("family", "objects"))
    family = data.choice("family", FAMILIES) if data.has("family") else DEFAULT_FAMILY
    listed = data.part("objects")
    try:
        objects = tuple(_object(name, listed.part(name)) for name in listed.names)
        check_distinct(objects)
    except PerceptionError as error:
        text = str(error)
        raise PerceptionError(text if str(path) in text else f"{path}: {text}") from error
    if not objects:
        data.refuse("objects", "has none; give at least one")
    return ObjectSet(family, objects)


def _object(name: str, data: Document) -> TaggedObject:
    data.refuse_unknown(("max_tilt", "tags", "cube"))
    tilt = data.number("max_tilt") if data.has("max_tilt") else None
    if data.has("cube") == data.has("tags"):
        data.refuse("tags", "give either tags, or cube for one with a tag on every face")
    if data.has("cube"):
        cube = data.part("cube")
        cube.refuse_unknown(("edge", "size", "first_id"))
        edge, size = cube.number("edge"), cube.number("size")
        return TaggedObject.cube(name, edge, size, cube.whole("first_id"), tilt)
    return TaggedObject(name, tuple(_tag(item) for item in data.parts("tags")), tilt)


def _tag(data: Document) -> TagPlace:
    data.refuse_unknown(("id", "size", "xyz", "rpy"))
    place = Pose.from_xyz_rpy(data.numbers("xyz", 3), data.numbers("rpy", 3))
    return TagPlace(data.whole("id"), data.number("size"), place)
