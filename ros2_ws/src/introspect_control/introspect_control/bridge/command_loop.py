"""The ticks of the arm bridge: what the arm is told, period by period."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.bridge.hazards import make_watch
from introspect_control.bridge.motion_follower import MotionFollower
from introspect_control.guard import CommandGuard, GuardDecision, GuardState, Verdict
from introspect_control.servo import CartesianServo
from introspect_control.trajectory import ShortHorizon, Trajectory

if TYPE_CHECKING:
    from introspect_control.bridge.config import BridgeConfig
    from introspect_control.bridge.joint_state_monitor import JointStateMonitor
    from introspect_description import ArmDescription

Array = NDArray[np.float64]


class Tick(NamedTuple):
    """What the arm is told."""

    position: Array  # (joints,) commanded [rad]
    velocity: Array  # (joints,) [rad/s]
    trajectory: Trajectory | None  # to send; None: silence


class CommandLoop:
    """Commands from the servo, or from the motion that is followed, through the guard.

    Every trajectory would end at rest by itself. Ticks that came too late are made up for as the
    arm did, which went on at the velocity of the last command; too many of them end the motion.

    Args:
        arm: to be driven.
        config: rates and limits.
        monitor: of the measured joints.

    Attributes:
        guard: every command goes through it.
        motion: followed instead of the servo while it is busy.
        missed: ticks that came too late and were caught up with.
        stalls: times that more ticks were missed than can be caught up with.
        avoiding: what the servo's latest command would have led to; empty unless it was avoided.

    Raises:
        ValueError: An envelope too fast to stop within the horizon.
    """

    def __init__(
        self, arm: ArmDescription, config: BridgeConfig, monitor: JointStateMonitor
    ) -> None:
        self.missed = self.stalls = 0
        self.avoiding = ""
        self._config = config
        self._servo = CartesianServo(arm, config.servo)
        self._horizon = ShortHorizon(
            arm.limits,
            self._servo.limits,
            config.period,
            config.horizon,
            lead=1 if config.lockstep else config.lead,
        )
        max_age = max(config.guard.max_age, config.command_timeout)
        self.guard = CommandGuard(
            self._servo.limits,
            config.period,
            dataclasses.replace(config.guard, max_age=max_age),
            make_watch(arm, self._servo.chain, config),
            self._horizon.coast,
        )
        self.motion = MotionFollower(self.guard, monitor, self._servo.limits, config)
        self._ticked: float | None = None  # when the latest tick was due [s]
        self._end: Array | None = None  # of the latest trajectory [rad]

    @property
    def begun(self) -> bool:
        """Whether there has been a tick since the start."""
        return self._ticked is not None

    def start(self, measured: Array) -> str:
        """Start guard and servo at the measured joints (joints,) [rad], or say why not."""
        try:
            self.guard.start(measured)
        except ValueError as error:
            return str(error)
        self._servo.reset(self.guard.position[None])
        self._ticked, self.avoiding = None, ""
        return ""

    def set_twist(self, linear: Array, angular: Array) -> None:
        """Let the servo follow a twist of the tool: (3,) [m/s] and (3,) [rad/s]."""
        self._servo.set_twist(linear[None], angular[None])

    def twist(self, tick: Tick) -> Array:
        """Twist (6,) of the tool in a tick: linear [m/s], angular [rad/s]."""
        _, _, J = self._servo.chain.jacobian(tick.position[None])
        twist: Array = J[0] @ tick.velocity
        return twist

    def settle(self, reason: str, fault: bool = False) -> None:
        """Send nothing more: the arm is held where its latest trajectory ends."""
        self.guard.settle(reason, fault, self._end)

    def advance(self, now: float, acted_at: float, share: float) -> Tick | None:
        """Run the ticks that are due.

        Args:
            now: time [s].
            acted_at: when the twist was asked for [s].
            share: of its speed at which the arm follows commands.

        Returns:
            The last of them, or one of silence where nothing moves or too many were missed; None
            where none is due yet.
        """
        self.motion.look(now)
        if not self.guard.moving:
            return self._silence()
        due = 1 if self._ticked is None else round((now - self._ticked) / self._config.period)
        if due < 1:
            return None
        self._ticked = now
        self.missed += due - 1
        problem = self._catch_up(due - 1, share)
        if problem is not None:
            self.stalls += 1
            late = (due - 1) * self._config.period
            self.settle(f"no tick for {late:.2f} s{problem}; the arm came to rest by itself")
            return self._silence()
        decision = self._command(now, acted_at, share)
        trajectory = self._horizon.plan(decision.position, decision.velocity)
        self._end = trajectory.positions[-1]
        return Tick(decision.position, decision.velocity, trajectory)

    def _silence(self) -> Tick:
        return Tick(self.guard.position, self.guard.velocity, None)

    def _catch_up(self, periods: int, share: float) -> str | None:
        """Go on as the arm did without us: at the velocity of the last command.

        Returns:
            None, or what is wrong with that, in addition to its being late: then nothing more must
            be sent, for the latest trajectory ends well.
        """
        if periods > self._config.most_missed:
            return ""
        for _ in range(periods):
            obstruction = self.guard.coast()
            if obstruction:
                return f", and after that it would {obstruction}"
            if self.motion.busy:
                self.motion.skip(share)
        if periods:
            # For the tool's reference orientation; the servo's commands are forgotten.
            self._servo.ticks(periods)
            self._resume()
        return None

    def _resume(self) -> None:
        """Let the servo go on from what the guard made of its commands."""
        guard = self.guard
        self._servo.resume(guard.position[None], guard.velocity[None], guard.acceleration[None])

    def _command(self, now: float, acted_at: float, share: float) -> GuardDecision:
        if self.guard.state is not GuardState.ACTIVE:
            return self.guard.check(self.guard.position, now, now)
        if self.motion.busy:
            return self.motion.command(now, share)
        command = self._servo.tick()
        decision = self.guard.check(command.position[0], acted_at, now)
        self.avoiding = decision.reason if decision.verdict is Verdict.AVOID else ""
        if decision.verdict is Verdict.PASS:  # the same velocity too, to the last bit
            return decision._replace(velocity=command.velocity[0])
        self._resume()
        return decision
