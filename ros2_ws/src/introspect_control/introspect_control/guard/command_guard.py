"""The last gate before the arm: pass, clamp or reject every joint command."""

from __future__ import annotations

import dataclasses
from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from introspect_control.guard.config import GuardConfig
from introspect_control.guard.decision import GuardDecision, GuardState, Verdict
from introspect_control.guard.scalar_limiter import ScalarLimiter
from introspect_control.guard.soft_margin import SoftMargin

if TYPE_CHECKING:
    from introspect_control.guard.clearance import ClearanceWatch
    from introspect_description import JointLimits

Array = NDArray[np.float64]

# The guard's limits are looser than the envelope by what float64 rounding can make of a command
# that another limiter put exactly on it, and tighter than what the arm would notice.
_SLACK = 1.0 + 5e-8
_POSITION_SLACK = 1e-10  # [rad]
_ROUNDING = 1e-9  # differences of times that count as equal [s]


class CommandGuard:
    """Lets nothing through that breaks a position, velocity, acceleration or jerk limit.

    Commands are compared with the last command sent, never with the measured arm, in three bands:
    what the limits allow passes unchanged, what goes somewhat beyond is followed as far as they
    allow, and what is no sensible command (a step above ``reject_ratio · velocity · period``, not
    finite, of the wrong size, too old, or from the future) is rejected while the arm slows down.
    Several rejections in a row stop the arm and latch a fault, as ``stop(..., fault=True)`` does;
    only ``rearm`` ends it.

    Within ``soft_margin`` of a position limit a joint may approach it at the share of its velocity
    limit that is left of the margin. And a command after which the arm could not come to rest clear
    of all hazards is not followed: the arm slows down, until a command leads elsewhere. So both the
    hardest stop and the one that comes when commands cease end well.

    Args:
        limits: the envelope to stay in.
        period: between two calls of ``check`` [s].
        config: what is nonsense.
        watch: over what the arm must stay clear of; None where there is nothing.
        coast: time for which the arm goes on at its velocity if commands cease, so to say [s].
    """

    def __init__(
        self,
        limits: JointLimits,
        period: float,
        config: GuardConfig | None = None,
        watch: ClearanceWatch | None = None,
        coast: float = 0.0,
    ) -> None:
        self.config = config or GuardConfig()
        self.state = GuardState.IDLE
        self.reason = ""
        self.passed = 0
        self.clamped = 0
        self.rejected = 0
        self._names = limits.names
        self._limiter = ScalarLimiter(
            dataclasses.replace(
                limits,
                lower=limits.lower - _POSITION_SLACK,
                upper=limits.upper + _POSITION_SLACK,
                velocity=limits.velocity * _SLACK,
                acceleration=limits.acceleration * _SLACK,
                jerk=limits.jerk * _SLACK,
            ),
            period,
        )
        self._lower = limits.lower.tolist()
        self._upper = limits.upper.tolist()
        self._largest_step = (self.config.reject_ratio * limits.velocity * period).tolist()
        self._margin = SoftMargin(limits, period, self.config.soft_margin)
        self._watch = watch
        self._coast = coast
        self._sent = False  # whether anything has ever been sent
        self._rest: list[float] = []  # where the hardest stop would end [rad]
        self._fault_follows = False
        self._rejects = 0
        self._rejecting_since = inf

    @property
    def moving(self) -> bool:
        """Whether commands are sent: of a motion, or of the stop that ends it."""
        return self.state in (GuardState.ACTIVE, GuardState.STOPPING)

    @property
    def position(self) -> Array:
        """The last command, (joints,) [rad]."""
        return np.array(self._limiter.position)

    @property
    def velocity(self) -> Array:
        """Velocity of the last command, (joints,) [rad/s]."""
        return np.array(self._limiter.velocity)

    @property
    def acceleration(self) -> Array:
        """Acceleration of the last command, (joints,) [rad/s²]."""
        return np.array(self._limiter.acceleration)

    @property
    def at_rest(self) -> bool:
        """Whether the last command is one of rest."""
        return self._limiter.at_rest

    def start(self, measured: ArrayLike) -> None:
        """Begin to accept commands, from rest.

        They begin at the last command where the arm has stayed there, within ``start_tolerance``:
        its controller still holds that, and would feel a step to where the arm really is. Otherwise
        they begin at the measured joints.

        Args:
            measured: (joints,) [rad].

        Raises:
            ValueError: Not idle, or a position that no command could start from; the guard's state
                does not change.
        """
        if self.state is not GuardState.IDLE:
            raise ValueError(f"the guard is {self.state.name}: {self.reason or 'rearm it first'}")
        values = self._read(measured)
        if isinstance(values, str):
            raise ValueError(f"cannot start: {values}")
        tolerance = self.config.start_tolerance
        for name, value, low, high in zip(
            self._names, values, self._lower, self._upper, strict=True
        ):
            if not low - tolerance <= value <= high + tolerance:
                raise ValueError(
                    f"cannot start: {name} is at {value:.4f} rad, outside [{low}, {high}]; "
                    "move the arm back by hand or with its own tools"
                )
        last = self._limiter.position
        stayed = all(abs(a - b) <= tolerance for a, b in zip(last, values, strict=True))
        self._limiter.reset(last if self._sent and stayed else values)
        self._rest = list(self._limiter.position)
        self._accept()
        self.state, self.reason = GuardState.ACTIVE, ""

    def check(self, position: ArrayLike, stamp: float, now: float) -> GuardDecision:
        """Judge one command and advance one period. Never raises, whatever it is given.

        Args:
            position: (joints,) wanted [rad].
            stamp: when it was asked for [s].
            now: on the same clock [s].
        """
        if self.state is not GuardState.ACTIVE:
            return self._hold()
        problem = self._staleness(stamp, now)
        values = self._read(position)
        if isinstance(values, str):
            problem = problem or values
        elif not problem:
            problem = self._step_problem(values)
        if problem or isinstance(values, str):
            self.reject(problem, now)
            self._advance_stop()
            return self._decision(Verdict.REJECT, problem)
        self._accept()
        self._sent = True
        verdict, reason = self._advance(values)
        if verdict is Verdict.PASS:
            self.passed += 1
        else:
            self.clamped += 1
        return self._decision(verdict, reason)

    def coast(self) -> str:
        """Advance one period as an arm does that no command reached: at the velocity that it had.

        For whoever missed a period: to make up for it with the acceleration that it would have
        brought takes several times as much.

        Returns:
            What the arm would do wherever it stopped from now on; empty if nothing is wrong. It is
            still clear where the latest trajectory ends, if nothing more is sent.
        """
        if not self.moving:
            return ""
        self._limiter.coast()
        rest = self._limiter.rest_position()
        obstruction = self._obstruction(rest)
        self._rest = rest
        return obstruction

    def reject(self, reason: str, now: float) -> None:
        """Count something that was no sensible command; latches a fault when it goes on."""
        self.rejected += 1
        if self.state is not GuardState.ACTIVE:
            return
        self._rejects += 1
        self._rejecting_since = min(self._rejecting_since, now)
        rejecting = now - self._rejecting_since
        if self._rejects >= self.config.rejects_in_a_row:
            self.stop(f"{self._rejects} commands rejected in a row, the last: {reason}", fault=True)
        elif rejecting >= self.config.reject_time - _ROUNDING:
            self.stop(f"only rejected commands for {rejecting:.1f} s, the last: {reason}", True)

    def stop(self, reason: str, fault: bool = False) -> None:
        """Ramp to rest from the last command, then IDLE, or FAULT if asked for or already due.

        Args:
            reason: for the person who reads the status.
            fault: whether a ``rearm`` is needed afterwards.
        """
        if self.state is GuardState.FAULT:
            return
        if self.state is GuardState.STOPPING:
            if fault and not self._fault_follows:
                self._fault_follows, self.reason = True, reason
            return
        self._fault_follows, self.reason = fault, reason
        self.state = GuardState.STOPPING
        if self._limiter.at_rest:
            self._come_to_rest()

    def settle(self, reason: str, fault: bool = False, at: ArrayLike | None = None) -> None:
        """Take note that the arm comes to rest without further commands; nothing more is sent.

        Args:
            reason: for the person who reads the status.
            fault: whether a ``rearm`` is needed; also when the stop under way needed one.
            at: (joints,) where it will be held then [rad]; None: at the last command.
        """
        self.stop(reason, fault)
        if self.state is GuardState.STOPPING:
            self._limiter.reset(self._limiter.position if at is None else np.asarray(at).tolist())
            self._come_to_rest()

    def forget_last(self) -> None:
        """The arm does not hold the last command: begin at the measured joints the next time."""
        self._sent = False

    def rearm(self) -> bool:
        """Leave FAULT for IDLE; returns whether the guard is free of faults and not stopping."""
        if self.state is GuardState.FAULT:
            self._fault_follows = False
            self.state, self.reason = GuardState.IDLE, ""
        return self.state is not GuardState.STOPPING

    def _advance(self, values: list[float]) -> tuple[Verdict, str]:
        """Follow a command as far as may be, and say why not all the way."""
        softened = self._margin.soften(values, self._limiter.position)
        before = self._limiter.save()
        followed = self._limiter.step(softened)
        if self._watch is not None:
            rest = self._limiter.rest_position()
            obstruction = self._obstruction(rest)
            if obstruction:
                self._limiter.restore(before)
                self._advance_stop()
                return Verdict.AVOID, f"the arm would {obstruction}"
            self._rest = rest
        if softened is not values:
            return Verdict.CLAMP, "close to a position limit"
        return (Verdict.PASS, "") if followed else (Verdict.CLAMP, "beyond the limits")

    def _obstruction(self, rest: list[float]) -> str:
        """What the arm would do by the hardest stop, or left alone; empty if nothing is wrong."""
        if self._watch is None:
            return ""
        obstruction = self._watch.obstruction(self._rest, rest)
        if self._coast and not obstruction:
            obstruction = self._watch.obstruction(self._rest, self._coasted())
        return obstruction

    def _coasted(self) -> list[float]:
        """Where the arm comes to rest if no other command reaches it."""
        return [
            min(max(q + v * self._coast, low), high)
            for q, v, low, high in zip(
                self._limiter.position,
                self._limiter.velocity,
                self._lower,
                self._upper,
                strict=True,
            )
        ]

    def _hold(self) -> GuardDecision:
        if self.state is GuardState.STOPPING:
            self._advance_stop()
        return self._decision(Verdict.HOLD, self.reason)

    def _advance_stop(self) -> None:
        self._limiter.stop()
        if self.state is GuardState.STOPPING and self._limiter.at_rest:
            self._come_to_rest()

    def _come_to_rest(self) -> None:
        self.state = GuardState.FAULT if self._fault_follows else GuardState.IDLE

    def _accept(self) -> None:
        self._rejects = 0
        self._rejecting_since = inf

    def _decision(self, verdict: Verdict, reason: str) -> GuardDecision:
        return GuardDecision(
            verdict, np.array(self._limiter.position), np.array(self._limiter.velocity), reason
        )

    def _staleness(self, stamp: float, now: float) -> str:
        age = now - stamp
        if -self.config.max_lead - _ROUNDING <= age <= self.config.max_age + _ROUNDING:
            return ""
        if not isfinite(age):
            return f"its time is {stamp}"
        return f"it is {age:.2f} s old" if age > 0.0 else f"it is {-age:.2f} s from the future"

    def _read(self, position: ArrayLike) -> list[float] | str:
        """The numbers of a command, or what is wrong with it."""
        try:
            array = np.asarray(position, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            return "it is not a list of numbers"
        if array.shape != (len(self._names),):
            return f"it has shape {array.shape}, expected ({len(self._names)},)"
        values: list[float] = array.tolist()
        for name, value in zip(self._names, values, strict=True):
            if not isfinite(value):
                return f"{name} is {value}"
        return values

    def _step_problem(self, values: list[float]) -> str:
        for value, last, largest in zip(
            values, self._limiter.position, self._largest_step, strict=True
        ):
            if not -largest <= value - last <= largest:
                break
        else:
            return ""
        steps = np.abs(np.array(values) - self._limiter.position)
        worst = int(np.argmax(steps / self._largest_step))
        return (
            f"{self._names[worst]} would step {steps[worst]:.3g} rad, "
            f"the most is {self._largest_step[worst]:.3g} rad"
        )
