"""Picture in, poses of objects out: what a node does with every image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from introspect_control.perception.camera import CameraModel
from introspect_control.perception.detector import (
    DetectorConfig,
    Picture,
    Region,
    TagDetector,
    TagSighting,
)
from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.families import TagFamily
from introspect_control.perception.locator import LocatorConfig, ObjectLocator, ObjectSighting
from introspect_control.perception.pose import Pose
from introspect_control.perception.pose_filter import FilterConfig, PoseFilter
from introspect_control.perception.tagged_object import TaggedObject, check_distinct

_MARGIN = 24  # around where an object was, at least [px]


@dataclass(frozen=True)
class Seen:
    """One object in one picture that is believed."""

    pose: Pose  # in the base frame, steadied
    sighting: ObjectSighting  # as it was seen


class ObjectTracker:
    """Finds tags, makes objects of them, and steadies their poses.

    While all objects are in view, it looks for them around where they were, and else everywhere.

    Args:
        objects: what to look for.
        camera: that sees them.
        family: of the tags.
        detector: what counts as a tag.
        locator: what counts as a pose.
        steady: how poses are steadied.

    Attributes:
        pictures: looked at so far.

    Raises:
        PerceptionError: No object, two with the same tag or name, or a tag that does not exist.
    """

    def __init__(
        self,
        objects: Sequence[TaggedObject],
        camera: CameraModel,
        family: TagFamily,
        detector: DetectorConfig | None = None,
        locator: LocatorConfig | None = None,
        steady: FilterConfig | None = None,
    ) -> None:
        if not objects:
            raise PerceptionError("there is no object to look for; give at least one")
        check_distinct(objects)
        sizes = {tag.id: tag.size for thing in objects for tag in thing.tags}
        self.camera, self.pictures = camera, 0
        self._detector = TagDetector(family, sizes, camera, detector)
        self._locators = {thing.name: ObjectLocator(thing, camera, locator) for thing in objects}
        self._filters = {thing.name: PoseFilter(steady) for thing in objects}
        self._regions: list[Region] | None = None

    @property
    def refused(self) -> Counter[str]:
        """How often something was seen, but not believed; by the reason."""
        refused = Counter({f"tag: {why}": n for why, n in self._detector.refused.items()})
        for name, locator in self._locators.items():
            refused.update({f"{name}: {why}": n for why, n in locator.refused.items()})
            refused[f"{name}: outlier"] += self._filters[name].outliers
        return +refused

    def see(self, picture: Picture, T_base_camera: Pose, time: float) -> dict[str, Seen]:
        """Poses of the objects that a picture shows, by name; others are missing.

        Args:
            picture: (height, width) grey.
            T_base_camera: where the camera was, in the base frame.
            time: when the picture was taken [s].

        Raises:
            PerceptionError: A picture that is not the camera's.
        """
        self.pictures += 1
        found, tags = self._find(picture, self._regions, T_base_camera, time)
        if self._regions is not None and len(found) < len(self._locators):
            found, tags = self._find(picture, None, T_base_camera, time)
        complete = len(found) == len(self._locators)
        self._regions = self._around(found.values(), tags) if complete else None
        seen = {}
        for name, sighting in found.items():
            pose = self._filters[name].update(sighting.pose, time)
            if pose is not None:
                seen[name] = Seen(pose, sighting)
        return seen

    def _find(
        self, picture: Picture, regions: list[Region] | None, T_base_camera: Pose, time: float
    ) -> tuple[dict[str, ObjectSighting], list[TagSighting]]:
        tags = self._detector.detect(picture, regions)
        found = {}
        for name, locator in self._locators.items():
            before = self._filters[name].latest(time)
            sighting = locator.locate(tags, T_base_camera, before)
            if sighting is not None:
                found[name] = sighting
        return found, tags

    def _around(
        self, sightings: Iterable[ObjectSighting], tags: Sequence[TagSighting]
    ) -> list[Region]:
        """Where to look for each object in the next picture: as far around it as it is large."""
        regions = []
        for sighting in sightings:
            own = [tag.corners.pixels for tag in tags if tag.id in sighting.tags]
            corners = self.camera.distort(np.concatenate(own))
            low, high = corners.min(axis=0), corners.max(axis=0)
            margin = max(_MARGIN, float((high - low).max()))
            left, top = np.floor(low - margin).astype(int).tolist()
            right, bottom = np.ceil(high + margin).astype(int).tolist()
            regions.append(
                Region(
                    max(0, left),
                    max(0, top),
                    min(self.camera.width, right),
                    min(self.camera.height, bottom),
                )
            )
        return regions
