"""How a path is asked of MoveIt, and what becomes of it; MoveIt itself is a fake, or skipped."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from introspect_control.collision import Box
from introspect_control.nodes.moveit_path_finder import MoveItPathFinder
from introspect_control.planning import (
    BuiltinPlanner,
    JointGoal,
    PlannerConfig,
    PlanningError,
)
from introspect_control.planning.moveit_config import GROUP
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
HIGH = np.array([0.0, -0.6, 0.0, -1.2, 0.0, 1.6, 0.785])  # over the wall
WALL = Box("wall", (0.5, 0.0, 0.1), (0.5, 0.02, 0.2))


class FakeState:
    def __init__(self, model: Any) -> None:
        assert model == "the robot model"
        self.joint_positions: dict[str, float] = {}

    def update(self) -> None:
        pass


class FakeMoveIt:
    """Answers with the way over the wall, its joints in an order of their own."""

    made: dict[str, Any]
    succeeds = True

    def __init__(self, **given: Any) -> None:
        FakeMoveIt.made = given

    def get_planning_component(self, group: str) -> FakeMoveIt:
        assert group == GROUP
        return self

    def get_robot_model(self) -> str:
        return "the robot model"

    def set_start_state(self, robot_state: FakeState) -> None:
        self.start = robot_state.joint_positions

    def set_goal_state(self, robot_state: FakeState) -> None:
        self.goal = robot_state.joint_positions

    def plan(self) -> Any:
        if not FakeMoveIt.succeeds:
            return None
        names = list(reversed(ARM.joint_names))
        start, goal = ([state[name] for name in names] for state in (self.start, self.goal))
        turns = [{**self.start}, {**self.goal}]
        over = [
            [turn[name] if k == 6 else HIGH[6 - k] for k, name in enumerate(names)]
            for turn in turns
        ]
        points = [SimpleNamespace(positions=position) for position in (start, *over, goal)]
        trajectory = SimpleNamespace(joint_names=names, points=points)
        message = SimpleNamespace(joint_trajectory=trajectory)
        return SimpleNamespace(trajectory=SimpleNamespace(get_robot_trajectory_msg=lambda: message))


@pytest.fixture
def moveit(monkeypatch: pytest.MonkeyPatch) -> type[FakeMoveIt]:
    states, planning = ModuleType("moveit.core.robot_state"), ModuleType("moveit.planning")
    states.RobotState = FakeState  # type: ignore[attr-defined]
    planning.MoveItPy = FakeMoveIt  # type: ignore[attr-defined]
    for module in (ModuleType("moveit"), ModuleType("moveit.core"), states, planning):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(FakeMoveIt, "succeeds", True)
    return FakeMoveIt


def planned() -> tuple[Any, np.ndarray, np.ndarray]:
    config = PlannerConfig()
    plans = BuiltinPlanner(ARM, config, [WALL], MoveItPathFinder(ARM, config))
    low = np.array([0.0, 0.35, 0.0, -2.0, 0.0, 2.35, 0.785])
    start, end = low + np.eye(7)[0] * 0.6, low - np.eye(7)[0] * 0.6
    return plans, start, end


def test_a_path_of_moveit_is_timed_and_rehearsed_like_any_other(moveit: type[FakeMoveIt]) -> None:
    plans, start, end = planned()
    motion = plans.plan(start, JointGoal(end))
    assert len(motion.waypoints) in (3, 4)
    np.testing.assert_array_equal(motion.trajectory.positions[-1], end)
    assert moveit.made["config_dict"]["robot_description"] == ARM.urdf()


def test_when_moveit_finds_nothing_nothing_is_found(moveit: type[FakeMoveIt]) -> None:
    moveit.succeeds = False
    plans, start, end = planned()
    with pytest.raises(PlanningError, match="no way was found"):
        plans.plan(start, JointGoal(end))


def test_a_path_of_moveit_that_touches_something_is_refused(
    moveit: type[FakeMoveIt], monkeypatch: pytest.MonkeyPatch
) -> None:
    plans, start, end = planned()
    monkeypatch.setattr(sys.modules[__name__], "HIGH", start)
    with pytest.raises(PlanningError, match=r"on the way that was found the arm would .* wall"):
        plans.plan(start, JointGoal(end))


def test_without_moveit_the_error_says_where_it_is() -> None:
    if importlib.util.find_spec("moveit") is not None:
        pytest.skip("MoveIt is here")
    with pytest.raises(PlanningError, match=r"apt install ros-\$ROS_DISTRO-moveit-py"):
        MoveItPathFinder(ARM, PlannerConfig())


def test_moveit_itself_finds_a_path() -> None:
    pytest.importorskip("moveit.planning", reason="NOT TESTED: MoveItPy; it comes with ROS 2 only")
    plans, start, end = planned()
    assert plans.plan(start, JointGoal(end)).duration > 0.0
