"""What the built-in planner does not do: the reason is told, with the culprit, and in time."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from planned_motions import DOWN, planner, turned

from introspect_control.collision import Box
from introspect_control.planning import (
    BuiltinPlanner,
    JointGoal,
    PlannerConfig,
    PlanningError,
    PoseGoal,
    builtin,
)
from introspect_control.planning.rehearsal import Objection
from introspect_description import ArmDescription


def test_a_motion_that_nobody_wants_any_more_is_not_made() -> None:
    arm, plans = ArmDescription.load("panda"), planner("panda")
    with pytest.raises(PlanningError, match=r"^planning was cancelled$"):
        plans.plan(arm.home, JointGoal(arm.home + 0.1), cancelled=lambda: True)


def test_limits_too_fast_to_stop_from_are_refused_as_the_bridge_refuses_them() -> None:
    with pytest.raises(ValueError, match=r"cannot stop within 0.2 s from the envelope's velocity"):
        BuiltinPlanner(ArmDescription.load("panda"), PlannerConfig(velocity_scale=1.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({3: 0.5}, r"the goal has panda_joint4 at 0.5000 rad, outside its limits \[-3.07"),
        (
            {1: 1.6},
            r"at the goal the arm would come within 0.014 m: table and panda_\w+: "
            r"too near by 0.\d\d\d m",
        ),
        ({0: float("nan")}, "joint_positions must be 7 finite numbers, got"),
    ],
)
def test_joints_that_cannot_be_are_refused_with_the_reason(
    change: dict[int, float], message: str
) -> None:
    arm = ArmDescription.load("panda")
    joints = arm.home.copy()
    for joint, value in change.items():
        joints[joint] = value
    with pytest.raises(PlanningError, match=message):
        planner("panda").plan(arm.home, JointGoal(joints))


@pytest.mark.parametrize(
    ("position", "message"),
    [
        (
            (1.5, 0.0, 0.3),
            r"the tool cannot be brought to \(1.500, 0.000, 0.300\) m in that orientation: the "
            r"best try is 0.[67]\d\d m",
        ),
        (
            (0.5, 0.0, -0.03),
            r"with the tool at \(0.500, 0.000, -0.030\) m, in the best of \d+ postures tried, the "
            r"arm would (bring the tool out of z >= 0.004 m|come within 0.014 m: table and )",
        ),
    ],
)
def test_poses_that_cannot_be_are_refused_with_the_distance_or_the_links(
    position: tuple[float, ...], message: str
) -> None:
    arm = ArmDescription.load("panda")
    with pytest.raises(PlanningError, match=message):
        planner("panda").plan(arm.home, PoseGoal(np.array(position), np.array(DOWN)))


def test_a_start_beyond_the_limits_is_refused() -> None:
    arm = ArmDescription.load("panda")
    start = arm.home.copy()
    start[3] = 0.1
    with pytest.raises(PlanningError, match=r"panda_joint4 is at 0.1000 rad, outside .* by hand"):
        planner("panda").plan(start, JointGoal(arm.home))


def cage(timeout: float) -> tuple[BuiltinPlanner, np.ndarray, np.ndarray]:
    """A planner, a start, and a goal on the other side of a wall, to which there is no way.

    The wall cuts the tool's box in two, and reaches so far beyond it that no hand reaches around.
    """
    arm = ArmDescription.load("panda")
    wall = Box("wall", (0.74, 0.0, 0.7), (1.2, 0.02, 1.4))
    config = PlannerConfig(
        timeout=timeout, workspace_lower=(0.3, -0.9, 0.0), workspace_upper=(0.9, 0.9, 1.2)
    )
    return (
        BuiltinPlanner(arm, config, [wall]),
        turned(arm.home, 0.6),
        turned(arm.home, -0.6),
    )


def test_a_search_ends_in_time_and_names_what_is_in_the_way() -> None:
    plans, start, end = cage(timeout=0.2)
    with pytest.raises(PlanningError, match=r"no way was found within 0.2 s; .* wall"):
        plans.plan(start, JointGoal(end))


def test_a_search_that_nobody_wants_any_more_ends_at_once() -> None:
    plans, start, end = cage(timeout=600.0)
    asked = itertools.count()
    began = time.monotonic()
    with pytest.raises(PlanningError, match=r"^planning was cancelled$"):
        plans.plan(start, JointGoal(end), cancelled=lambda: next(asked) > 20)
    assert 20 < next(asked) < 1000
    assert time.monotonic() - began < 30.0


def test_slowing_down_ends_in_time_but_one_pace_is_always_tried() -> None:
    # given no time at all
    arm = ArmDescription.load("panda")
    plans = BuiltinPlanner(arm, PlannerConfig(timeout=1e-9))
    # when the guard has nothing against the motion, then it is planned
    assert plans.plan(arm.home, JointGoal(arm.home + 0.1), speed=0.05).duration > 1.0
    # and where it would have to be slowed down, that is not begun
    low = PoseGoal(np.array([0.5, -0.2, 0.012]), np.array(DOWN))
    with pytest.raises(
        PlanningError,
        match=r"within 1e-09 s no pace was found .* after 0\.\d\d s: the arm would .* table and",
    ):
        plans.plan(arm.home, low)


def test_where_the_guard_cannot_start_no_other_pace_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[object] = []

    def refuse(trajectory: object, *_: object) -> Objection:
        tried.append(trajectory)
        return Objection(0, "cannot start: joint1")

    monkeypatch.setattr(builtin, "objection", refuse)
    arm = ArmDescription.load("panda")
    with pytest.raises(PlanningError, match=r"would not pass the motion: cannot start: joint1"):
        planner("panda").plan(arm.home, JointGoal(arm.home + 0.1))
    assert len(tried) == 1


@pytest.mark.parametrize("speed", [0.0, -0.1, 1.1, float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    arm = ArmDescription.load("panda")
    with pytest.raises(PlanningError, match=r"speed must be in \(0, 1\], got"):
        planner("panda").plan(arm.home, JointGoal(arm.home), speed)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("velocity_scale", 0.0, r"velocity_scale must be in \(0, 1\], got 0.0"),
        ("timeout", float("inf"), "timeout must be positive and finite, got inf"),
        ("seed", -1, "seed must not be negative, got -1"),
        ("goals", 0, "goals must be at least 1, got 0"),
        ("collision_margin", 0.2, r"collision_margin must be in \[0, 0.1\] m, got 0.2 m"),
    ],
)
def test_settings_that_make_no_sense_are_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PlannerConfig(**{field: value})
