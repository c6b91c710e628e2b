"""The pose of an object from all of its tags that are in view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from introspect_control.perception.camera import CameraModel
from introspect_control.perception.detector import TagSighting
from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.pose import Pose
from introspect_control.perception.tag_pose import Corners, PoseFit, fit_pose, likely
from introspect_control.perception.tagged_object import TaggedObject

_SAME = 0.05  # two poses that differ by no more than this are one [rad]
_NEAR = 0.15  # a fit leads from this far to the same pose [rad]


@dataclass(frozen=True)
class LocatorConfig:
    """What counts as an object's pose."""

    max_error: float = 1.0  # of all its corners, seen and projected [px]
    clear: float = 12.0  # by which χ² of another pose must be larger, for one to be sure

    def __post_init__(self) -> None:
        """Refuse what nothing could meet."""
        for name in ("max_error", "clear"):
            if not getattr(self, name) > 0.0:
                raise PerceptionError(f"{name} must be positive, got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class ObjectSighting:
    """One object in one picture."""

    pose: Pose  # in the arm's base frame
    error: float  # root mean square of the distances of all corners, seen and projected [px]
    position_std: float  # of the place along its worst direction [m]
    rotation_std: float  # of the rotation about its worst axis [rad]
    tags: tuple[int, ...]  # that it was found by
    ambiguous: bool  # whether another pose was nearly as likely; what was known before decided


class _Refused(Exception):
    """Tags give no pose; the text is the reason, as it is counted."""


class ObjectLocator:
    """Fits one pose to the corners of all tags of an object, and makes sure that it is the one.

    A tag alone may nearly look alike in two poses. Further tags tell them apart, and else what is
    known: how far the object tilts at most, then where it was before. Where nothing does, the
    object counts as not seen.

    Args:
        thing: the object and its tags.
        camera: that sees it.
        config: what counts.

    Attributes:
        refused: how often tags were seen, but no pose was given; by the reason.
    """

    def __init__(
        self, thing: TaggedObject, camera: CameraModel, config: LocatorConfig | None = None
    ) -> None:
        self.object, self.config = thing, config or LocatorConfig()
        self.refused: Counter[str] = Counter()
        self._camera = camera
        self._places = {tag.id: tag for tag in thing.tags}

    def locate(
        self, sightings: Iterable[TagSighting], T_base_camera: Pose, before: Pose | None = None
    ) -> ObjectSighting | None:
        """The object's pose.

        Args:
            sightings: tags seen in one picture; those of other objects are left alone.
            T_base_camera: where the camera was.
            before: where the object was in the base frame a moment ago, if that is known.
        """
        try:
            return self._locate(sightings, T_base_camera, before)
        except _Refused as refusal:
            self.refused[str(refusal)] += 1
            return None

    def _locate(
        self, sightings: Iterable[TagSighting], T_base_camera: Pose, before: Pose | None
    ) -> ObjectSighting | None:
        own = [sighting for sighting in sightings if sighting.id in self._places]
        if not own:
            return None
        corners = [
            Corners(
                self._places[sighting.id].corners(),
                sighting.corners.pixels,
                sighting.corners.whitening,
            )
            for sighting in own
        ]
        fits = self._fits(own, corners)
        if not fits or fits[0].error > self.config.max_error:
            raise _Refused("its tags do not agree")
        possible, tilt = likely(fits, self.config.clear), self.object.max_tilt
        upright = [f for f in possible if tilt is None or _tilt(T_base_camera @ f.pose) <= tilt]
        if not upright:
            raise _Refused("tilted too far")
        chosen = upright[0]
        if len(upright) > 1:
            if before is not None:
                chosen = min(upright, key=lambda f: (T_base_camera @ f.pose).distance(before)[1])
            elif tilt is not None:
                chosen = min(upright, key=lambda f: _tilt(T_base_camera @ f.pose))
            else:
                raise _Refused("ambiguous")
        return ObjectSighting(
            pose=T_base_camera @ chosen.pose,
            error=chosen.error,
            position_std=chosen.position_std,
            rotation_std=chosen.rotation_std,
            tags=tuple(sighting.id for sighting in own),
            ambiguous=len(possible) > 1,
        )

    def _fits(self, own: Sequence[TagSighting], corners: Sequence[Corners]) -> list[PoseFit]:
        """Poses of the object that its tags suggest, fitted to all of them; likeliest first."""
        fits: list[PoseFit] = []
        for sighting in own:
            T_tag_object = self._places[sighting.id].T_object_tag.inverse()
            for suggested in sighting.fits:
                start = suggested.pose @ T_tag_object
                if _turned(start, fits) < _NEAR:
                    continue  # it would lead to the same
                fit = fit_pose(corners, self._camera, start)
                if fit is not None and _turned(fit.pose, fits) > _SAME:
                    fits.append(fit)
        return sorted(fits, key=lambda fit: fit.chi_squared)


def _turned(pose: Pose, fits: Iterable[PoseFit]) -> float:
    """How far a pose is turned from the nearest of some fits [rad]."""
    return min((pose.distance(fit.pose)[1] for fit in fits), default=np.inf)


def _tilt(T_base_object: Pose) -> float:
    """Of the object's z from the base frame's z [rad]."""
    return float(np.arccos(np.clip(T_base_object.rotation[2, 2], -1.0, 1.0)))
