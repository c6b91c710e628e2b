"""A move: waiting, planning, moving, and every way in which it may end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from introspect_control.planning import JointGoal, Motion, PlanningError
from introspect_control.planning.mover import Ending, MoveOutcome, Mover, Stage
from introspect_control.planning.planner import Goal
from introspect_control.planning.worker import PlanningWorker
from introspect_control.trajectory import Trajectory

START, END = np.zeros(7), np.full(7, 0.1)
PATIENCE = 20.0  # with a thread [s]


class SlowPlanner:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.answer = threading.Event()
        self.result: Motion | Exception = motion(END)
        self.asked: list[tuple[np.ndarray, Goal, float]] = []

    def plan(
        self, start: np.ndarray, goal: Goal, speed: float, cancelled: Callable[[], bool]
    ) -> Motion:
        self.asked.append((start, goal, speed))
        while not self.answer.wait(0.001):
            if cancelled():
                raise PlanningError("cancelled")
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Arm:
    """At rest, and followed by a bridge that does as it is told."""

    def __init__(self) -> None:
        self.position = START.copy()
        self.trouble = ""
        self.ready = True
        self.progress = 0.0
        self.sent: list[tuple[Trajectory, float | None]] = []
        self.cancelled = 0
        self.ending: Ending | None = None

    def problem(self, now: float) -> str:
        return self.trouble

    def send(self, trajectory: Trajectory, gripper_width: float | None) -> None:
        self.sent.append((trajectory, gripper_width))

    def cancel(self) -> None:
        self.cancelled += 1

    def look(self) -> Ending | None:
        return self.ending


def motion(end: np.ndarray) -> Motion:
    if np.array_equal(end, START):
        still = Trajectory(np.zeros(1), START[None], np.zeros((1, 7)))
        return Motion(still, START[None], 0.2)
    trajectory = Trajectory(np.array([0.0, 1.5]), np.array([START, end]), np.zeros((2, 7)))
    return Motion(trajectory, np.array([START, end]), 0.2)


class Scene:
    """A mover with all that it needs."""

    def __init__(self) -> None:
        self.planner, self.arm = SlowPlanner(), Arm()
        self.worker = PlanningWorker(self.planner)
        self.mover = Mover(self.worker, self.arm, self.arm, patience=2.0)
        self.now = 100.0

    def begin(self, gripper_width: float | None = None) -> None:
        self.mover.begin(JointGoal(END), 0.5, gripper_width, self.now)

    def step(self, passed: float = 0.05) -> MoveOutcome | None:
        self.now += passed
        return self.mover.step(self.now)

    def let_plan(self) -> MoveOutcome | None:
        assert self.mover.stage is Stage.PLANNING
        self.planner.answer.set()
        self.join()
        return self.step()

    def join(self) -> None:
        for thread in threading.enumerate():
            if thread.name == "planning":
                thread.join(PATIENCE)
        assert not self.worker.busy


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_move_waits_plans_and_moves(scene: Scene) -> None:
    assert scene.mover.stage is Stage.IDLE
    assert scene.step() is None
    scene.begin(gripper_width=0.04)
    assert scene.mover.stage is Stage.WAITING
    assert scene.step() is None
    assert scene.step() is None  # still planning
    assert scene.let_plan() is None
    assert scene.mover.stage is Stage.MOVING
    assert scene.planner.asked[0][2] == 0.5
    trajectory, width = scene.arm.sent[0]
    assert width == 0.04
    np.testing.assert_array_equal(trajectory.positions[-1], END)
    scene.arm.progress = 0.7
    assert scene.step() is None
    assert scene.mover.progress == 0.7
    scene.arm.ending = Ending(True, "")
    assert scene.step() == MoveOutcome(True, "the arm is at rest at the goal", 0.2, 1.5)
    assert scene.mover.stage is Stage.IDLE
    assert scene.mover.progress == 0.0


@pytest.mark.parametrize(
    ("trouble", "ready", "message"),
    [
        ("panda_joint1 still moves", True, "panda_joint1 still moves"),
        ("", False, "nobody serves follow_trajectory (is arm_bridge_node running?)"),
    ],
)
def test_what_is_not_there_is_waited_for_and_then_named(
    scene: Scene, trouble: str, ready: bool, message: str
) -> None:
    scene.arm.trouble, scene.arm.ready = trouble, ready
    scene.begin()
    assert scene.step(1.0) is None
    outcome = scene.step(1.1)
    assert outcome == MoveOutcome(False, message)
    assert not scene.planner.asked
    scene.arm.trouble, scene.arm.ready = "", True
    scene.begin()
    scene.step()
    assert scene.mover.stage is Stage.PLANNING
    scene.let_plan()


def test_a_goal_without_a_motion_is_refused_in_the_planners_words(scene: Scene) -> None:
    scene.planner.result = PlanningError("the goal is in the wall")
    scene.begin()
    scene.step()
    assert scene.let_plan() == MoveOutcome(False, "the goal is in the wall")
    assert not scene.arm.sent


def test_a_planner_that_breaks_is_no_reason_to_wait_for_ever(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.planner.result = KeyError("elbow")
    scene.begin()
    scene.step()
    assert scene.let_plan() == MoveOutcome(False, "the planner failed: KeyError: 'elbow'")
    assert "the planner failed" in caplog.text


def test_an_arm_that_is_there_already_is_not_moved_but_its_gripper_is(scene: Scene) -> None:
    scene.planner.result = motion(START)
    scene.begin()
    scene.step()
    assert scene.let_plan() == MoveOutcome(True, "the arm is there already", 0.2, 0.0)
    assert not scene.arm.sent
    scene.begin(gripper_width=0.0)
    scene.step()
    scene.join()
    assert scene.step() is None
    (trajectory, width) = scene.arm.sent[0]
    assert width == 0.0
    assert trajectory.times[-1] > 0.0
    np.testing.assert_array_equal(trajectory.positions, [START, START])
    assert not trajectory.velocities.any()


def test_a_move_cancelled_before_the_arm_moves_ends_at_once(scene: Scene) -> None:
    scene.begin()
    scene.step()
    scene.mover.cancel()
    outcome = scene.step()
    assert outcome is not None
    assert outcome.message == "cancelled before the arm has moved"
    scene.join()
    assert scene.worker.answer() is None
    scene.begin()
    scene.step()
    assert scene.let_plan() is None
    assert len(scene.arm.sent) == 1


def test_a_move_cancelled_on_its_way_is_followed_to_rest(scene: Scene) -> None:
    scene.begin()
    scene.step()
    scene.let_plan()
    scene.mover.cancel()
    scene.mover.cancel()
    assert scene.arm.cancelled == 1
    assert scene.step() is None
    scene.arm.ending = Ending(False, "cancelled")
    assert scene.step() == MoveOutcome(False, "cancelled", 0.2, 1.5)


def test_two_moves_at_once_are_a_mistake(scene: Scene) -> None:
    scene.begin()
    with pytest.raises(RuntimeError, match=r"a move is under way \(waiting\)"):
        scene.begin()
    scene.step()
    with pytest.raises(RuntimeError, match="the planner is busy"):
        scene.worker.start(START, JointGoal(END), 1.0)
    scene.let_plan()


def test_a_planner_that_will_not_give_up_is_waited_for(scene: Scene) -> None:
    scene.planner.plan = lambda *_: (  # type: ignore[method-assign,assignment]
        scene.planner.answer.wait(PATIENCE),
        motion(END),
    )[1]
    scene.begin()
    scene.step()
    scene.mover.cancel()
    scene.step()
    scene.begin()
    assert scene.step() is None
    outcome = scene.step(2.0)
    assert outcome is not None
    assert outcome.message == "the planner has not yet given up the goal before"
    scene.planner.answer.set()
    scene.join()
