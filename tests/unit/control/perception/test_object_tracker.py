"""An object on a table is found by its tags, steadily and truly, or nothing is said."""

from __future__ import annotations

import numpy as np
import pytest

from introspect_control.perception import (
    CameraModel,
    ObjectTracker,
    PerceptionError,
    Pose,
    TagFamily,
    TaggedObject,
    TagPlace,
)
from introspect_control.perception.locator import LocatorConfig
from introspect_control.perception.pictures import PictureConfig, TagPainter

pytest.importorskip("cv2")

CAMERA = CameraModel.pinhole(640, 480, 0.8)
FAMILY = TagFamily()
CUBE = TaggedObject.cube(max_tilt=0.5)
GOAL = TaggedObject("goal", (TagPlace(10, 0.06, Pose.from_xyz_rpy((0, 0, -0.02), (0, 0, 0))),))
MIDDLE = np.array([0.47, 0.0, 0.02])  # of where objects are [m]
PERIOD = 1.0 / 15.0  # between two pictures [s]


def camera_at(distance: float, elevation: float) -> Pose:
    """A camera that looks down on the table's middle, from an elevation in degrees."""
    angle = np.radians(elevation)
    away = distance * np.array([np.cos(angle), 0.0, np.sin(angle)])
    return Pose.looking(MIDDLE + away, MIDDLE)


def on_table(x: float, y: float, yaw: float) -> Pose:
    return Pose.from_xyz_rpy((x, y, 0.02), (0.0, 0.0, yaw))


def yaw_of(pose: Pose) -> float:
    return float(np.arctan2(pose.rotation[1, 0], pose.rotation[0, 0]))


class Table:
    """Objects on a table, and a camera that looks at them."""

    def __init__(self, T_base_camera: Pose, seed: int = 0) -> None:
        self.T_base_camera = T_base_camera
        self.rng = np.random.default_rng(seed)
        self.painter = TagPainter(CAMERA, FAMILY, PictureConfig(samples=6))

    def picture(self, *scene: tuple[TaggedObject, Pose]) -> np.ndarray:
        T_camera_base = self.T_base_camera.inverse()
        return self.painter.paint([(thing, T_camera_base @ T) for thing, T in scene], self.rng)


@pytest.mark.parametrize("distance", [0.6, 0.8, 1.0])
def test_a_cube_of_four_centimetres_is_found_to_three_millimetres_and_two_degrees(
    distance: float,
) -> None:
    position, yaw = [], []
    for seed, elevation in enumerate((40.0, 60.0)):
        table = Table(camera_at(distance, elevation), seed)
        T = on_table(*table.rng.uniform([0.44, -0.03, -0.7], [0.5, 0.03, 0.7]))
        tracker = ObjectTracker([CUBE], CAMERA, FAMILY)
        for number in range(5):
            seen = tracker.see(table.picture((CUBE, T)), table.T_base_camera, number * PERIOD)
        found = seen["cube"].pose
        position.append(found.distance(T)[0])
        yaw.append(abs(yaw_of(found) - yaw_of(T)))
    assert np.mean(position) < 0.003
    assert max(position) < 0.006
    assert max(yaw) < np.radians(1.0)


def test_tags_on_several_faces_make_one_pose() -> None:
    table = Table(camera_at(0.6, 40.0))
    tracker = ObjectTracker([CUBE], CAMERA, FAMILY)
    T = on_table(0.47, 0.0, 0.7)  # an edge to the camera: three faces in view

    tracker.see(table.picture((CUBE, T)), table.T_base_camera, 0.0)
    seen = tracker.see(table.picture((CUBE, T)), table.T_base_camera, PERIOD)["cube"]

    assert len(seen.sighting.tags) == 3
    assert not seen.sighting.ambiguous
    assert seen.sighting.error < 0.3
    assert seen.sighting.position_std < 0.002


def test_object_and_goal_are_told_apart_and_nothing_is_said_of_what_is_hidden() -> None:
    table = Table(camera_at(0.7, 55.0))
    tracker = ObjectTracker([CUBE, GOAL], CAMERA, FAMILY)
    cube, goal = on_table(0.47, 0.06, 0.3), on_table(0.45, -0.08, 0.0)
    scenes = [[(CUBE, cube), (GOAL, goal)]] * 3 + [[(GOAL, goal)]] * 3 + [[]] * 2

    names, poses = [], {}
    for number, scene in enumerate(scenes):
        seen = tracker.see(table.picture(*scene), table.T_base_camera, number * PERIOD)
        names.append(set(seen))
        poses |= {name: item.pose for name, item in seen.items()}

    both = {"cube", "goal"}
    assert names == [set(), both, both, {"goal"}, {"goal"}, {"goal"}, set(), set()]
    assert poses["goal"].distance(goal)[0] < 0.002  # 2 cm above its tag


def test_an_object_that_is_carried_is_followed_without_lag() -> None:
    table = Table(camera_at(0.7, 50.0))
    tracker = ObjectTracker([CUBE], CAMERA, FAMILY)
    missed = []
    for number in range(9):
        T = on_table(0.4 + 0.2 * PERIOD * number, 0.0, 0.1)  # 0.2 m/s
        seen = tracker.see(table.picture((CUBE, T)), table.T_base_camera, number * PERIOD)
        if "cube" in seen:
            missed.append(seen["cube"].pose.distance(T)[0])
    assert len(missed) == 8
    assert max(missed[4:]) < 0.008


def test_an_object_that_was_put_elsewhere_is_found_there() -> None:
    table = Table(camera_at(0.7, 50.0))
    tracker = ObjectTracker([CUBE], CAMERA, FAMILY)
    here, there = on_table(0.42, -0.08, 0.1), on_table(0.5, 0.1, -0.4)

    seen = []
    for number in range(6):
        T = here if number < 3 else there
        seen.append(
            tracker.see(table.picture((CUBE, T)), table.T_base_camera, number * PERIOD).get("cube")
        )

    assert [item is not None for item in seen] == [False, True, True, False, True, True]
    assert tracker.refused["cube: outlier"] == 1
    assert seen[-1] is not None
    assert seen[-1].pose.distance(there)[0] < 0.003


def test_what_is_known_of_an_object_chooses_between_two_likely_poses() -> None:
    small = TaggedObject("small", (TagPlace(3, 0.02, Pose.identity()),))
    upright = TaggedObject("small", small.tags, max_tilt=0.3)
    table = Table(camera_at(0.6, 80.0))
    tracker = ObjectTracker([small], CAMERA, FAMILY)
    wiser = ObjectTracker([upright], CAMERA, FAMILY)
    ambiguous = 0
    for number in range(8):
        picture = table.picture((small, on_table(0.47, 0.0, 0.2)))
        tracker.see(picture, table.T_base_camera, number * PERIOD)
        seen = wiser.see(picture, table.T_base_camera, number * PERIOD)
        for item in seen.values():
            ambiguous += item.sighting.ambiguous
            assert item.sighting.pose.distance(on_table(0.47, 0.0, 0.2))[1] < 0.35

    assert tracker.refused["small: ambiguous"] > 0  # it does not guess
    assert ambiguous > 0


def test_a_cube_that_lies_where_it_cannot_is_not_believed() -> None:
    table = Table(camera_at(0.6, 50.0))
    tracker = ObjectTracker([CUBE], CAMERA, FAMILY)
    T = Pose.from_xyz_rpy((0.47, 0.0, 0.03), (0.9, 0.0, 0.0))  # stands on an edge

    for number in range(3):
        assert not tracker.see(table.picture((CUBE, T)), table.T_base_camera, number * PERIOD)

    assert tracker.refused["cube: tilted too far"] > 0


def test_tags_that_are_not_where_the_file_says_are_not_believed() -> None:
    table = Table(camera_at(0.6, 40.0))
    wrong = TaggedObject.cube(edge=0.06, size=0.032)  # told larger than it is
    tracker = ObjectTracker([wrong], CAMERA, FAMILY, locator=LocatorConfig(max_error=0.5))

    for number in range(2):
        T = on_table(0.47, 0.0, 0.7)
        assert not tracker.see(table.picture((CUBE, T)), table.T_base_camera, number * PERIOD)

    assert tracker.refused["cube: its tags do not agree"] > 0


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([], "there is no object to look for; give at least one"),
        ([CUBE, TaggedObject.cube("other", first_id=5)], "tag 5 belongs to object 'cube' and to"),
        ([CUBE, TaggedObject.cube("cube", first_id=20)], "two objects are named 'cube'"),
    ],
)
def test_objects_that_cannot_be_told_apart_are_refused(objects: list, message: str) -> None:
    with pytest.raises(PerceptionError, match=message):
        ObjectTracker(objects, CAMERA, FAMILY)
