"""Motions of the built-in planner: they touch nothing, keep the limits, and the guard agrees."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
from planned_motions import (
    ARMS,
    DOWN,
    check_bridge_follows,
    check_clear,
    check_motion,
    free_joints,
    model,
    planner,
    turned,
)

from introspect_control import KinematicChain
from introspect_control.collision import Box
from introspect_control.planning import (
    BuiltinPlanner,
    JointGoal,
    PlannerConfig,
    PlanningError,
    PoseGoal,
)
from introspect_description import ArmDescription

GRASP_HEIGHT = 0.012  # of the tool: the lowest that the task asks for [m]
WALL = Box("wall", (0.45, 0.0, 0.2), (0.5, 0.02, 0.4))
LEFT = PoseGoal(np.array([0.45, 0.3, 0.15]), np.array(DOWN))
RIGHT = PoseGoal(np.array([0.45, -0.3, 0.15]), np.array(DOWN))


@pytest.mark.parametrize("name", ARMS)
def test_from_anywhere_home_without_touching_anything_and_the_guard_agrees(name: str) -> None:
    arm, plans = ArmDescription.load(name), planner(name)
    for start in free_joints(arm, 2):
        motion = plans.plan(start, JointGoal(arm.home))
        np.testing.assert_allclose(motion.trajectory.positions[-1], arm.home, atol=1e-12)
        check_motion(motion, arm, start, plans.limits)
        check_clear(motion, model(name), plans.config.collision_margin)
        check_bridge_follows(motion, plans)


@pytest.mark.parametrize("lockstep", [False, True], ids=["timer", "lockstep"])
@pytest.mark.parametrize("name", ARMS)
def test_the_tool_goes_down_to_where_things_are_picked_and_comes_to_rest_there(
    name: str, lockstep: bool
) -> None:
    arm, plans = ArmDescription.load(name), planner(name)
    goal = PoseGoal(np.array([0.5, -0.2, GRASP_HEIGHT]), np.array(DOWN))
    motion = plans.plan(arm.home, goal)
    position, rotation = KinematicChain(arm.chain()).forward(motion.trajectory.positions[-1:])
    np.testing.assert_allclose(position[0], goal.position, atol=1e-5)
    np.testing.assert_allclose(rotation[0], np.diag([1.0, -1.0, -1.0]), atol=1e-5)
    check_motion(motion, arm, arm.home, plans.limits)
    check_bridge_follows(motion, plans, lockstep)


@pytest.fixture(scope="module")
def walled() -> BuiltinPlanner:
    return BuiltinPlanner(ArmDescription.load("panda"), obstacles=[WALL])


@pytest.fixture(scope="module")
def left(walled: BuiltinPlanner) -> np.ndarray:
    return walled.plan(turned(walled.arm.home, 0.5), LEFT).trajectory.positions[-1]


def test_around_an_obstacle_put_in_the_way(walled: BuiltinPlanner, left: np.ndarray) -> None:
    arm = walled.arm
    straight = planner("panda").plan(left, RIGHT)
    around = walled.plan(left, RIGHT)
    watcher = model("panda").with_obstacles(WALL)
    assert any(watcher.collides(q) for q in straight.trajectory.positions)
    assert len(around.waypoints) > 2
    check_motion(around, arm, left, walled.limits)
    check_clear(around, watcher, walled.config.collision_margin)
    check_bridge_follows(around, walled)
    tool, _ = KinematicChain(arm.chain()).forward(around.trajectory.positions[-1:])
    np.testing.assert_allclose(tool[0], RIGHT.position, atol=1e-5)


def test_the_same_request_with_the_same_seed_gives_the_same_motion(
    walled: BuiltinPlanner, left: np.ndarray
) -> None:
    other_seed = dataclasses.replace(walled.config, seed=1)
    first = walled.plan(left, RIGHT).trajectory.positions
    fresh = BuiltinPlanner(walled.arm, obstacles=[WALL])
    np.testing.assert_array_equal(fresh.plan(left, RIGHT).trajectory.positions, first)
    other = BuiltinPlanner(walled.arm, other_seed, [WALL]).plan(left, RIGHT)
    assert other.trajectory.positions.shape != first.shape or (
        np.abs(other.trajectory.positions - first).max() > 1e-3
    )


def test_half_the_speed_takes_longer_along_the_same_path() -> None:
    arm, plans = ArmDescription.load("xarm7"), planner("xarm7")
    start = arm.home + 0.4
    fast, slow = (plans.plan(start, JointGoal(arm.home), speed) for speed in (1.0, 0.3))
    assert slow.duration > 1.5 * fast.duration
    np.testing.assert_array_equal(slow.waypoints, fast.waypoints)
    check_motion(slow, arm, start, arm.limits.scaled(0.15, 0.15, 500.0))


def test_the_slow_profile_of_a_first_run_is_kept() -> None:
    arm = ArmDescription.load("fr3")
    plans = BuiltinPlanner(arm, PlannerConfig(velocity_scale=0.1, acceleration_scale=0.1))
    start = arm.home + 0.1
    motion = plans.plan(start, JointGoal(arm.home))
    check_motion(motion, arm, start, arm.limits.scaled(0.1, 0.1, 500.0))
    check_bridge_follows(motion, plans)


@pytest.mark.parametrize("name", ARMS)
def test_a_wider_margin_is_kept_too(name: str) -> None:
    arm = ArmDescription.load(name)
    plans = BuiltinPlanner(arm, PlannerConfig(collision_margin=0.015))
    low = PoseGoal(np.array([0.5, 0.1, GRASP_HEIGHT]), np.array(DOWN))
    with pytest.raises(PlanningError, match=r"the arm would come within 0.019 m: table and"):
        plans.plan(arm.home, low)
    higher = PoseGoal(np.array([0.5, 0.1, GRASP_HEIGHT + 0.006]), np.array(DOWN))
    check_clear(plans.plan(arm.home, higher), model(name), 0.015)


def test_where_the_bridge_watches_no_collisions_the_planner_still_does() -> None:
    arm = ArmDescription.load("panda")
    plans = BuiltinPlanner(arm, PlannerConfig(collision_margin=0.0))
    lower = PoseGoal(np.array([0.5, 0.0, 0.005]), np.array(DOWN))
    check_clear(plans.plan(arm.home, lower), model("panda"), 0.0)
    with pytest.raises(PlanningError, match=r"the arm would .* table and"):
        plans.plan(arm.home, PoseGoal(np.array([0.3, 0.0, 0.15]), np.array([0.0, 0.0, 0.0, 1.0])))


def test_an_arm_that_is_there_already_does_not_move() -> None:
    arm, plans = ArmDescription.load("gen3"), planner("gen3")
    motion = plans.plan(arm.home, JointGoal(arm.home))
    assert motion.duration == 0.0
    np.testing.assert_array_equal(motion.trajectory.positions, arm.home[None])


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_that_is_too_near_to_something_is_led_out_first(name: str) -> None:
    arm, plans = ArmDescription.load(name), planner(name)
    low = plans.plan(arm.home, PoseGoal(np.array([0.5, 0.0, GRASP_HEIGHT]), np.array(DOWN)))
    start = low.trajectory.positions[-1]
    chain = KinematicChain(arm.chain())
    for _ in range(30):  # 8 mm deeper than is planned
        position, _, J = chain.jacobian(start[None])
        down = np.array([0.0, 0.0, 0.004 - position[0, 2], 0.0, 0.0, 0.0])
        start = start + np.linalg.pinv(J[0]) @ down
    assert model(name).collides(start, plans.config.collision_margin) is not None
    motion = plans.plan(start, JointGoal(arm.home))
    check_motion(motion, arm, start, plans.limits)
    check_bridge_follows(motion, plans)
    distances = [model(name).nearest(q).distance for q in motion.trajectory.positions]
    leaving = int(np.argmax(np.array(distances) >= plans.config.collision_margin))
    assert (np.diff(distances[:leaving]) > 0.0).all()
    assert min(distances[leaving:]) >= plans.config.collision_margin


def test_a_goal_near_a_limit_is_approached_as_slowly_as_the_guard_wants() -> None:
    arm, plans = ArmDescription.load("panda"), planner("panda")
    goal = arm.home.copy()
    goal[6] = arm.limits.upper[6] - 0.03
    motion = plans.plan(arm.home, JointGoal(goal))
    check_bridge_follows(motion, plans)
    goal[6] = arm.limits.upper[6] - 0.001
    with pytest.raises(PlanningError, match=r"panda_joint7 = 2.8963 rad is too near to its limit"):
        plans.plan(arm.home, JointGoal(goal))


def test_a_start_near_a_limit_is_left_at_once() -> None:
    arm, plans = ArmDescription.load("fr3"), planner("fr3")
    start = arm.home.copy()
    start[0] = arm.limits.upper[0] + 0.005
    motion = plans.plan(start, JointGoal(arm.home))
    assert motion.trajectory.positions[0, 0] == arm.limits.upper[0]
    check_bridge_follows(motion, plans)


@pytest.mark.parametrize("module", ["ompl.base", "ruckig"])
def test_without_its_packages_the_error_says_how_to_get_them(
    module: str, monkeypatch: pytest.MonkeyPatch, walled: BuiltinPlanner, left: np.ndarray
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PlanningError, match=r"run: pip install 'introspect_control\[planning\]'"):
        walled.plan(left, RIGHT)
