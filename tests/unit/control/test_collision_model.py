"""The collision model agrees with MuJoCo's own distances, and lets the arm do its work."""

from __future__ import annotations

import dataclasses
import sys
from functools import cache

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from introspect_control import KinematicChain
from introspect_control.bridge import BridgeConfig
from introspect_control.bridge.hazards import make_watch
from introspect_control.collision import (
    Box,
    CollisionError,
    CollisionModel,
    Exclusion,
    Nearest,
    Sphere,
)
from introspect_description import ArmDescription

ARMS = ("panda", "fr3", "iiwa14", "gen3", "xarm7")
MARGIN = 0.01

# Joints [rad] at which two links overlap, found by sampling and looked at.
FOLDED = {
    "panda": ([0.8, -0.8, -2.7, -3.0, 1.8, 3.4, 0.6], ("panda_link0", "panda_hand")),
    "fr3": ([0.8, 1.4, 0.6, -2.7, -0.3, 2.1, 1.7], ("fr3_link0", "fr3_hand")),
    "iiwa14": ([-2.0, -1.8, 2.9, -2.0943, -2.8, -1.7, 1.2], ("lbr_link_0", "iiwa14_hand")),
    "gen3": ([-3.0, -1.7, 2.7, 2.4, -3.0, -1.2, 0.2], ("base_link", "gen3_hand")),
    "xarm7": ([-1.4, -1.9, -2.0, -0.1, 0.0, 2.5, -5.2], ("link1", "xarm7_hand")),
}

Array = NDArray[np.float64]


@cache
def loaded(name: str) -> tuple[ArmDescription, CollisionModel]:
    arm = ArmDescription.load(name)
    return arm, CollisionModel(arm)


def random_joints(arm: ArmDescription, n: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(arm.limits.lower, arm.limits.upper, (n, 7))


def above_the_table(arm: ArmDescription, height: float) -> Array:
    """Joints with the tool straight down at x = 0.5 m, from home, by Newton's method."""
    chain = KinematicChain(arm.chain())
    q = arm.home.copy()
    down = chain.forward(q[None])[1][0]
    for _ in range(50):
        position, rotation, J = (part[0] for part in chain.jacobian(q[None]))
        turn = 0.5 * sum(np.cross(rotation[:, k], down[:, k]) for k in range(3))
        error = np.concatenate([[0.5, 0.0, height] - position, turn])
        q = q + np.linalg.pinv(J) @ error
    assert np.linalg.norm(error) < 1e-6
    return q


@pytest.mark.parametrize("name", ARMS)
def test_nothing_is_near_at_home(name: str) -> None:
    arm, model = loaded(name)
    assert model.collides(arm.home, MARGIN) is None
    assert not [exclusion for exclusion in model.excluded if exclusion.reason == "home"]


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_folded_onto_itself_is_found_with_the_links_that_touch(name: str) -> None:
    _, model = loaded(name)
    folded, links = FOLDED[name]
    found = model.collides(folded)
    assert found is not None
    assert found.distance < -0.02
    assert {found.first, found.second} == set(links)


@pytest.mark.parametrize("name", ARMS)
def test_the_tool_may_go_down_to_grasp_but_the_hand_may_not_touch_the_table(name: str) -> None:
    arm, model = loaded(name)
    for height in (0.2, 0.05, 0.012):
        assert model.collides(above_the_table(arm, height), MARGIN) is None
    found = model.collides(above_the_table(arm, -0.01), MARGIN)
    assert found is not None
    assert found.first == "table"
    assert "finger" in found.second
    deeper = model.collides(above_the_table(arm, -0.10), MARGIN)
    assert deeper is not None


@pytest.mark.parametrize("name", ARMS)
def test_the_collision_test_and_the_distance_are_of_one_opinion(name: str) -> None:
    arm, model = loaded(name)
    for q in random_joints(arm, 300):
        nearest = model.nearest(q)
        assert (nearest.first == "") == (nearest.distance == model.reach)
        for margin in (0.0, MARGIN, model.reach):
            found = model.collides(q, margin)
            assert found == (nearest if nearest.distance < margin else None)


@pytest.mark.parametrize("name", ARMS)
def test_distances_are_those_that_mujoco_finds_pair_by_pair(name: str) -> None:
    arm, model = loaded(name)
    urdf = mujoco.MjModel.from_xml_string(arm.urdf())
    urdf.opt.ccd_iterations, urdf.opt.ccd_tolerance = 200, 1e-10
    data = mujoco.MjData(urdf)
    shapes: dict[str, list[int]] = {}
    for k in range(urdf.ngeom):
        if urdf.geom_group[k] == 0:
            shapes.setdefault(urdf.body(urdf.geom_bodyid[k]).name, []).append(k)
    joints = [urdf.joint(joint).qposadr[0] for joint in arm.joint_names]
    fingers = [urdf.joint(joint).qposadr[0] for joint in arm.gripper.joint_names]
    joint_sets = random_joints(arm, 2000, seed=1)
    near = [q for q in joint_sets if model.nearest(q, 0.04).distance < model.reach]
    compared = 0
    for q in [*joint_sets[:40], *near[:80]]:
        data.qpos[joints], data.qpos[fingers] = q, 0.02
        mujoco.mj_kinematics(urdf, data)
        expected = min(
            mujoco.mj_geomDistance(urdf, data, a, b, model.reach, None)
            for first, second in model.watched
            if "table" not in (first, second)
            for a in shapes[first]
            for b in shapes[second]
        )
        nearest = model.nearest(q, gripper_width=0.04)
        if "table" in nearest:
            assert nearest.distance <= expected
            continue
        if expected > 0.0:
            assert nearest.distance == pytest.approx(expected, abs=2e-4)
        else:
            assert nearest.distance <= 0.0
        compared += 0.0 < expected < model.reach
    assert compared >= 3


@pytest.mark.parametrize("name", ARMS)
def test_the_distance_to_the_table_is_the_height_of_the_lowest_point(name: str) -> None:
    arm, model = loaded(name)
    q = above_the_table(arm, 0.012)
    tip = 0.0115  # below the tool frame [m]: hand.yaml and gripper.urdf.xacro
    expected = 0.012 - tip + model.finger_depth
    nearest = model.nearest(q)
    assert nearest.distance == pytest.approx(expected, abs=1e-6)
    assert nearest.first == "table"


@pytest.mark.parametrize("name", ARMS)
def test_no_motion_brings_links_nearer_than_the_levers_tell(name: str) -> None:
    arm, model = loaded(name)
    rng = np.random.default_rng(2)
    for q in random_joints(arm, 300, seed=3):
        step = rng.uniform(-0.02, 0.02, 7)
        before, after = model.nearest(q).distance, model.nearest(q + step).distance
        if before > 0.0:
            assert after >= before - np.abs(step) @ model.levers - 2e-4


@settings(max_examples=12, deadline=None)
@given(
    position=st.tuples(*[st.floats(-0.2, 0.2)] * 3),
    turn=st.tuples(*[st.floats(-1.0, 1.0)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
)
def test_the_way_to_a_box_is_the_way_to_its_nearest_point(
    position: tuple[float, float, float], turn: tuple[float, ...]
) -> None:
    """A small sphere inside a box cannot be nearer than the box, nor the box than a big sphere."""
    arm, _ = loaded("panda")
    at = tuple(np.array([0.55, 0.0, 0.55]) + position)
    unit = tuple(float(v) for v in np.array(turn) / np.linalg.norm(turn))
    box = Box("thing", at, (0.1, 0.06, 0.08), unit)
    inner, outer = Sphere("thing", at, 0.03), Sphere("thing", at, float(np.hypot(0.05, 0.05)))
    distances = [  # how deep shapes overlap is another question: it depends on the way out
        max(CollisionModel(arm, [shape], reach=0.5).nearest(arm.home).distance, 0.0)
        for shape in (inner, box, outer)
    ]
    assert distances[0] >= distances[1] - 2e-4
    assert distances[1] >= distances[2] - 2e-4


def test_an_obstacle_in_the_hand_is_found_and_one_beside_the_arm_is_not() -> None:
    arm, model = loaded("panda")
    tool = KinematicChain(arm.chain()).forward(arm.home[None])[0][0]
    in_hand = model.with_obstacles(Sphere("ball", tuple(tool), 0.02))
    assert in_hand.obstacles[0].name == "ball"
    found = in_hand.collides(arm.home, gripper_width=0.03)
    assert found is not None
    assert "ball" in found
    aside = model.with_obstacles(Box("crate", (0.0, 0.9, 0.2), (0.2, 0.2, 0.4)))
    assert aside.collides(arm.home, MARGIN) is None


def test_obstacles_are_watched_against_everything_that_moves() -> None:
    arm, _ = loaded("fr3")
    model = CollisionModel(arm, [Box("shelf", (0.0, 0.5, 0.5), (0.1, 0.1, 0.1))])
    others = {second for first, second in model.watched if first == "shelf"}
    others |= {first for first, second in model.watched if second == "shelf"}
    assert "fr3_link1" in others
    assert not others & {"fr3_link0", "table"}


@pytest.mark.parametrize("name", ARMS)
def test_every_pair_of_links_is_either_watched_or_excluded_with_a_reason(name: str) -> None:
    arm, model = loaded(name)
    pairs = [frozenset(pair) for pair in model.watched]
    pairs += [frozenset(exclusion[:2]) for exclusion in model.excluded]
    links = set().union(*pairs)
    assert len(links) == 12  # eight of the arm, hand, two fingers, table
    assert len(pairs) == len(set(pairs)) == len(links) * (len(links) - 1) // 2
    assert {exclusion.reason for exclusion in model.excluded} == {"fixed", "adjacent", "fingers"}
    first, second = arm.link_names[:2]
    assert Exclusion(first, second, "adjacent") in model.excluded


def test_what_touches_at_home_may_touch_and_is_told() -> None:
    arm, _ = loaded("panda")
    folded, links = FOLDED["panda"]
    model = CollisionModel(dataclasses.replace(arm, home=np.array(folded)))
    assert Exclusion(*links, "home") in model.excluded
    assert model.collides(folded) is None or "panda_link0" not in model.collides(folded)


@pytest.mark.parametrize("name", ARMS)
def test_the_table_is_watched_even_where_home_reaches_into_it(name: str) -> None:
    arm, _ = loaded(name)
    low = dataclasses.replace(arm, home=above_the_table(arm, -0.10))
    model = CollisionModel(low)
    assert not [exclusion for exclusion in model.excluded if exclusion.reason == "home"]
    found = model.collides(low.home, MARGIN)
    assert found is not None
    assert "table" in (found.first, found.second)
    chain, config = KinematicChain(low.chain()), BridgeConfig(workspace_lower=(-1.0, -1.0, -1.0))
    with pytest.raises(ValueError, match=r"collision_margin of 0.01 m is more than .* table and"):
        make_watch(low, chain, config)


def test_fingers_are_where_the_width_says() -> None:
    arm, model = loaded("panda")
    tool = KinematicChain(arm.chain()).forward(arm.home[None])[0][0]
    ball = model.with_obstacles(Sphere("ball", tuple(tool), 0.01))
    gaps = [ball.nearest(arm.home, width).distance for width in (0.06, 0.04, 0.03)]
    np.testing.assert_allclose(gaps, [0.02, 0.01, 0.005], atol=1e-4)
    assert ball.nearest(arm.home) == ball.nearest(arm.home, arm.gripper.width_max)


def test_nothing_within_reach_has_no_names() -> None:
    arm, _ = loaded("gen3")
    assert CollisionModel(arm, reach=0.001).nearest(arm.home) == Nearest(0.001, "", "")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda arm: CollisionModel(arm, reach=0.0), r"reach must be in \(0, 1\) m, got 0.0"),
        (
            lambda arm: CollisionModel(arm, finger_depth=-0.01),
            r"finger_depth must be in \(0, 1\) m, got -0.01",
        ),
        (
            lambda arm: CollisionModel(arm, [Sphere("table", (0.5, 0.0, 0.5), 0.1)]),
            "there is already a link or an obstacle 'table'",
        ),
        (
            lambda arm: CollisionModel(arm, [Sphere("a", (0.5, 0.0, 0.5), 0.1)] * 2),
            "there is already a link or an obstacle 'a'",
        ),
        (
            lambda arm: CollisionModel(arm).collides(arm.home, 0.2),
            r"margin must be at most the model's reach \(0.03 m\), got 0.2 m",
        ),
        (
            lambda arm: Box("crate", (0.0, 0.0, 0.0), (0.1, 0.0, 0.1)),
            r"size of obstacle 'crate' must be positive, got \(0.1, 0.0, 0.1\) m",
        ),
        (
            lambda arm: Sphere("ball", (0.0, float("nan"), 0.0), 0.1),
            "position of obstacle 'ball' must be 3 finite numbers",
        ),
        (
            lambda arm: Box("crate", (0.0, 0.0, 0.0), (0.1, 0.1, 0.1), (0.0, 0.0, 0.0, 0.0)),
            "orientation of obstacle 'crate' must be a quaternion x, y, z, w of length 1",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(make: object, message: str) -> None:
    with pytest.raises(CollisionError, match=message):
        make(loaded("panda")[0])  # type: ignore[operator]


def test_without_mujoco_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(CollisionError, match=r"pip install 'introspect_control\[planning\]'"):
        CollisionModel(loaded("panda")[0])
