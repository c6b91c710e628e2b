"""Brings the arm along a joint trajectory, and says how that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.bridge.motion_sampler import MotionSampler
from introspect_control.guard import CommandGuard, GuardDecision, GuardState, Verdict

if TYPE_CHECKING:
    from introspect_control.bridge.config import BridgeConfig
    from introspect_control.bridge.joint_state_monitor import JointStateMonitor
    from introspect_control.trajectory import Trajectory
    from introspect_description import JointLimits

Array = NDArray[np.float64]

OCCUPIED = "the arm is following a trajectory"
_FARTHEST = 0.02  # that the guard may be behind the motion, which stands still then [rad]


class MotionOutcome(NamedTuple):
    """How a motion ended."""

    success: bool
    final_error: float  # largest distance of a measured joint from the end [rad]
    message: str


class MotionFollower:
    """Commands one trajectory at a time, through a guard.

    A motion has succeeded when its last point has been commanded, the guard is at rest without a
    fault, and the measured joints are at the end within ``goal_tolerance``, after ``settle_time``
    at the latest.

    Args:
        guard: that every command goes through.
        monitor: of the measured joints.
        limits: the envelope that a trajectory must stay in.
        config: tolerances and times.
    """

    def __init__(
        self,
        guard: CommandGuard,
        monitor: JointStateMonitor,
        limits: JointLimits,
        config: BridgeConfig,
    ) -> None:
        self._guard, self._monitor = guard, monitor
        self._limits, self._config = limits, config
        self._largest_step = 2.0 * limits.velocity * config.period
        self._motion: MotionSampler | None = None
        self._commanded: Array = guard.position  # the motion's latest position (joints,) [rad]
        self._way: Array = np.zeros_like(self._commanded)  # its latest step (joints,) [rad]
        self._deadline: float | None = None  # for the measured joints to come to its end [s]
        self._outcome: MotionOutcome | None = None  # of the latest motion, not told yet

    @property
    def busy(self) -> bool:
        """Whether a motion is under way, or its end is waited for."""
        return self._motion is not None

    @property
    def progress(self) -> float | None:
        """Of the motion, from 0 to 1; None where there is none."""
        return None if self._motion is None else self._motion.progress

    @property
    def gripper_width(self) -> float | None:
        """That the motion wants [m]; None: as it is."""
        return None if self._motion is None else self._motion.gripper_width

    def begin(self, trajectory: Trajectory, gripper_width: float | None) -> str:
        """Follow a trajectory from now on, with a guard that has just been started.

        Returns:
            Why not; empty if it is followed.
        """
        try:
            self._motion = MotionSampler(
                trajectory,
                self._guard.position,
                self._limits,
                self._config.period,
                self._config.guard.start_tolerance,
                gripper_width,
            )
        except ValueError as error:
            return f"trajectory refused: {error}"
        self._commanded = self._guard.position
        self._way = np.zeros_like(self._commanded)
        self._deadline = self._outcome = None
        return ""

    def command(self, now: float, share: float) -> GuardDecision:
        """Send the next command.

        Args:
            now: time [s].
            share: of a command period that the motion goes on by.
        """
        motion = self._go_on(share)
        decision = self._guard.check(self._within_reach(), now, now)
        if decision.verdict is Verdict.AVOID:
            self._guard.stop(f"{decision.reason}; the trajectory is given up")
        elif motion.over and self._guard.at_rest:
            self._deadline = now + self._config.settle_time
            self._guard.stop("")
        return decision

    def skip(self, share: float) -> None:
        """Let the motion go on by a period in which no command could be sent."""
        self._go_on(share)

    def look(self, now: float) -> None:
        """See whether the motion has ended."""
        if self._motion is None or self._guard.moving:
            return
        if self._deadline is None or self._guard.state is GuardState.FAULT:
            self._conclude(self._guard.reason)
            return
        joint, error = self._monitor.tracking_error(self._motion.end)
        if error <= self._config.goal_tolerance:
            self._conclude("", success=True)
        elif now > self._deadline:
            self._conclude(f"{joint} stayed {error:.3f} rad away from the end")

    def cancel(self, reason: str) -> None:
        """Give the motion up; its end is told once the arm has ramped to rest."""
        if self._motion is None:
            return
        self._guard.stop(reason)
        self._deadline = None  # whether the arm gets to the end no longer matters
        if not self._guard.moving:
            self._conclude(self._guard.reason)

    def take_outcome(self) -> MotionOutcome | None:
        """How the latest motion ended, once; None while it goes on."""
        outcome, self._outcome = self._outcome, None
        return outcome

    def _go_on(self, share: float) -> MotionSampler:
        """Sample the motion a share of a period later.

        A guard that has fallen behind, as after missed ticks in which the arm did not accelerate,
        is waited for: a motion at full acceleration could not be caught up with. One that is ahead,
        as after missed ticks in which the arm did not slow down, is followed.
        """
        assert self._motion is not None
        way, length = self._way, float(np.linalg.norm(self._way))
        if length > 0.0:
            behind = float((self._commanded - self._guard.position) @ way) / length
            share *= min(max(1.0 - behind / _FARTHEST, 0.0), 2.0)
        before, self._commanded = self._commanded, self._motion.advance(share)
        if share > 0.0:
            self._way = self._commanded - before
        return self._motion

    def _within_reach(self) -> Array:
        """The motion's latest position, or a place on the way where that would be nonsense.

        As where an arm that could not slow down for want of commands has gone beyond the end.
        """
        position = self._guard.position
        step = self._commanded - position
        if not (np.abs(step) > self._largest_step).any():
            return self._commanded
        nearer: Array = position + np.clip(step, -self._largest_step, self._largest_step)
        return nearer

    def _conclude(self, reason: str, success: bool = False) -> None:
        assert self._motion is not None
        _, error = self._monitor.tracking_error(self._motion.end)
        self._motion = None
        self._outcome = MotionOutcome(success, error, reason)
