"""From a goal to an arm at rest there: wait, plan, let the motion be followed."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from introspect_control.planning.planner import Goal, Motion, PlanningError
from introspect_control.planning.worker import PlanningWorker
from introspect_control.trajectory import Trajectory

Array = NDArray[np.float64]

_HOLD = 0.1  # of a trajectory that moves nothing but the gripper [s]


class Stage(enum.Enum):
    """How far a move has got."""

    IDLE = ""
    """There is none."""
    WAITING = "waiting"
    """For an arm at rest, and somebody to move it."""
    PLANNING = "planning"
    """The motion."""
    MOVING = "moving"
    """Along it."""


@dataclass(frozen=True)
class Ending:
    """How a motion was followed to its end, in the words of whoever followed it."""

    success: bool  # whether the arm is at rest at the end
    message: str


@dataclass(frozen=True)
class MoveOutcome:
    """How a move ended."""

    success: bool  # whether the arm is at rest at the goal
    message: str
    planning_time: float = 0.0  # [s]
    duration: float = 0.0  # of the motion [s]


class Follower(Protocol):
    """Whoever moves the arm along trajectories."""

    @property
    def ready(self) -> bool:
        """Whether there is anybody."""

    @property
    def progress(self) -> float:
        """Share of the motion that is over."""

    def send(self, trajectory: Trajectory, gripper_width: float | None) -> None:
        """Ask for a motion."""

    def cancel(self) -> None:
        """Have the arm come to rest; the end is told as ever."""

    def look(self) -> Ending | None:
        """How the motion has ended, once; None while it goes on."""


class MeasuredArm(Protocol):
    """What is known of the arm."""

    @property
    def position(self) -> Array:
        """The measured joints (joints,) [rad]."""

    def problem(self, now: float) -> str:
        """Why no motion may start from there at a time [s]; empty if one may."""


class Mover:
    """Brings the arm to one goal at a time.

    Args:
        worker: that plans.
        follower: that moves the arm.
        measured: the arm.
        patience: with an arm that is not at rest, and a follower that is not there [s].
    """

    def __init__(
        self,
        worker: PlanningWorker,
        follower: Follower,
        measured: MeasuredArm,
        patience: float = 2.0,
    ) -> None:
        self.stage = Stage.IDLE
        self._worker, self._follower, self._measured = worker, follower, measured
        self._patience = patience
        self._goal: Goal | None = None
        self._speed = 1.0
        self._gripper_width: float | None = None
        self._deadline = 0.0  # of waiting [s]
        self._cancelled = False
        self._motion: Motion | None = None

    @property
    def progress(self) -> float:
        """Share of the motion that is over."""
        return self._follower.progress if self.stage is Stage.MOVING else 0.0

    def begin(self, goal: Goal, speed: float, gripper_width: float | None, now: float) -> None:
        """Begin to move; ``step`` does the rest.

        Args:
            goal: to come to rest at.
            speed: share of the planner's limits to use, (0, 1].
            gripper_width: wanted distance between the fingers [m]; None: as it is.
            now: time [s].

        Raises:
            RuntimeError: A move is under way.
        """
        if self.stage is not Stage.IDLE:
            raise RuntimeError(f"a move is under way ({self.stage.value})")
        self._goal, self._speed, self._gripper_width = goal, speed, gripper_width
        self._deadline = now + self._patience
        self._cancelled, self._motion = False, None
        self.stage = Stage.WAITING

    def cancel(self) -> None:
        """Give the move up; an arm that moves comes to rest first."""
        if not self._cancelled and self.stage is Stage.MOVING:
            self._follower.cancel()
        self._worker.cancel()
        self._cancelled = True

    def step(self, now: float) -> MoveOutcome | None:
        """Do what can be done without waiting; returns how the move has ended, once.

        Args:
            now: time [s].
        """
        outcome = None
        if self._cancelled and self.stage in (Stage.WAITING, Stage.PLANNING):
            outcome = MoveOutcome(False, "cancelled before the arm has moved")
        elif self.stage is Stage.WAITING:
            outcome = self._wait(now)
        elif self.stage is Stage.PLANNING:
            outcome = self._plan()
        elif self.stage is Stage.MOVING:
            outcome = self._move()
        if outcome is not None:
            self.stage = Stage.IDLE
        return outcome

    def _wait(self, now: float) -> MoveOutcome | None:
        problem = self._measured.problem(now)
        if not self._follower.ready:
            problem = "nobody serves follow_trajectory (is arm_bridge_node running?)"
        elif self._worker.busy:
            problem = "the planner has not yet given up the goal before"
        if problem:
            return MoveOutcome(False, problem) if now > self._deadline else None
        assert self._goal is not None
        self._worker.start(self._measured.position.copy(), self._goal, self._speed)
        self.stage = Stage.PLANNING
        return None

    def _plan(self) -> MoveOutcome | None:
        answer = self._worker.answer()
        if isinstance(answer, PlanningError):
            return MoveOutcome(False, str(answer))
        if answer is None:
            return None
        self._motion, trajectory = answer, answer.trajectory
        if not answer.duration:
            if self._gripper_width is None:
                return self._ended(True, "the arm is there already")
            still, rest = (np.repeat(part, 2, axis=0) for part in trajectory[1:])
            trajectory = Trajectory(np.array([0.0, _HOLD]), still, rest)
        self._follower.send(trajectory, self._gripper_width)
        self.stage = Stage.MOVING
        return None

    def _move(self) -> MoveOutcome | None:
        ending = self._follower.look()
        if ending is None:
            return None
        if ending.success:
            return self._ended(True, ending.message or "the arm is at rest at the goal")
        return self._ended(False, ending.message)

    def _ended(self, success: bool, message: str) -> MoveOutcome:
        assert self._motion is not None
        return MoveOutcome(success, message, self._motion.planning_time, self._motion.duration)
