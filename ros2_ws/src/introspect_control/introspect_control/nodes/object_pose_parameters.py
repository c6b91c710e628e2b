"""What object_pose_node is told: what to look for, and with which camera."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from introspect_control.nodes.camera_feed import CameraParameters
from introspect_control.nodes.runtime import parameter
from introspect_control.perception import (
    FAMILIES,
    ObjectSet,
    Pose,
    TaggedObject,
    TagPlace,
    read_objects,
)

GOAL_TAG = 6  # where no file says otherwise


@dataclass(frozen=True)
class ObjectPoseParameters(CameraParameters):
    """What to look for, and with which camera."""

    arm: str = parameter("panda", "arm, by the name of its data file")
    camera_pose: str = parameter(
        "",
        "file that introspect calibrate has written; 'described': where the arm's description has "
        "its camera, for simulated ones",
    )
    objects: str = parameter("", "YAML file of objects and their tags; empty: a cube and a goal")
    object: str = parameter("cube", "name of the object that object_pose tells of")
    cube_edge: float = parameter(
        0.04, "edge of the cube, where objects is empty [m]", minimum=0.005, maximum=0.5
    )
    tag_size: float = parameter(
        0.032, "edge of its tags' black squares [m]", minimum=0.004, maximum=0.5
    )
    tag_family: str = parameter(
        "apriltag_36h11",
        "family of the tags: 0 to 5 on the cube, 6 where the goal is",
        choices=tuple(FAMILIES),
    )
    goal_tag_size: float = parameter(
        0.06, "edge of the goal's tag, which lies on the table [m]", minimum=0.004, maximum=0.5
    )
    max_tilt: float = parameter(
        0.5, "of that cube from upright; more is not believed [rad]", minimum=0.01, maximum=3.15
    )
    goal: str = parameter(
        "object",
        "where goal_pose comes from: nowhere, another object's tags, or goal_position",
        choices=("none", "object", "fixed"),
    )
    goal_object: str = parameter("goal", "name of that object")
    goal_memory: float = parameter(
        60.0,
        "for which a goal's tags may be hidden, by the hand or by the object on them, and the goal "
        "is taken to be where it was [s]",
        minimum=0.0,
    )
    goal_position: tuple[float, ...] = parameter(
        (0.5, 0.2, 0.02), "of a fixed goal, in the arm's base frame, x y z [m]"
    )
    rate: float = parameter(
        30.0, "most pictures looked at [Hz]; others are left out", minimum=0.5, maximum=200.0
    )
    max_age: float = parameter(
        0.5, "of a picture, by its stamp; older ones are left out; 0: any [s]", minimum=0.0
    )
    enlargement: int = parameter(
        2, "of pictures before the search: more finds smaller tags", minimum=1, maximum=4
    )
    timeout: float = parameter(
        0.5, "without being seen after which nothing is known any more [s]", minimum=0.05
    )

    def __post_init__(self) -> None:
        """Refuse a goal that is no place, or the object itself."""
        if self.goal == "object" and self.object == self.goal_object:
            raise ValueError(
                f"object and goal_object are both {self.object!r}; name two, or goal:=fixed"
            )
        if len(self.goal_position) != 3 or not np.isfinite(self.goal_position).all():
            raise ValueError(f"goal_position must be x y z, got {list(self.goal_position)}")

    def object_set(self) -> ObjectSet:
        """The objects that there are.

        Raises:
            PerceptionError: A file that is not valid, or tags too large for the cube.
        """
        if self.objects:
            return read_objects(Path(self.objects).expanduser())
        cube = TaggedObject.cube(self.object, self.cube_edge, self.tag_size, max_tilt=self.max_tilt)
        below = Pose(np.eye(3), np.array([0.0, 0.0, -0.5 * self.cube_edge]))
        tag = TagPlace(GOAL_TAG, self.goal_tag_size, below)
        goal = TaggedObject(self.goal_object, (tag,), self.max_tilt)
        return ObjectSet(self.tag_family, (cube, goal))
