"""When the next period of simulated time may run: by the wall clock, or by who is talking."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from introspect_sim.tasks import POLICY_PERIOD

_BELIEVABLE = 1_000_000_000  # age of a state that an action may answer [ns]
_LATEST = round(2e9 * POLICY_PERIOD)  # after the state that an action answers [ns]


class Pacing(Protocol):
    """Decides when the simulation goes on. Stamps are simulated time [ns]."""

    overruns: int
    """How often the simulation came too late, or waited for an answer that did not come."""

    def ready(self) -> bool:
        """Whether the next period may run now."""

    def published(self, stamp: int) -> None:
        """A state has been published."""

    def commanded(self, moving: bool) -> None:
        """A trajectory has arrived; ``moving`` is false for one that only holds."""

    def observed(self, stamp: int) -> None:
        """The policy has taken up the state ``stamp`` and will answer it."""

    def acted(self, stamp: int, moving: bool) -> None:
        """The policy has answered the state ``stamp``; not ``moving``: for the last time."""


class RealTime:
    """Simulated time in a fixed ratio to the wall clock, free of drift.

    Period k is due at ``start + k period / factor``, whenever the ones before it ran. After a stall
    the missing periods are caught up with; what is more than ``catch_up`` behind is given up.

    A policy that is late is felt, as on a real arm. But before an arm that moves would fault for
    want of an action, time stands still: that this machine is too busy is not the policy's doing.

    Args:
        period: of one published state [s of simulated time].
        factor: simulated seconds in one second.
        catch_up: longest backlog [s of wall time].
        patience: longest wait for a policy that has fallen silent [s of wall time]; short enough
            for the arm to come to rest before a runner ends what is left of its nodes.
        clock: returns a monotonic time [s].

    Raises:
        ValueError: A period or factor that is not positive.
    """

    def __init__(
        self,
        period: float,
        factor: float = 1.0,
        catch_up: float = 0.1,
        patience: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not (period > 0.0 and factor > 0.0):
            raise ValueError(f"period and factor must be positive, got {period} s and {factor}")
        self.interval = period / factor
        self.overruns = 0
        self._catch_up = catch_up
        self._patience = patience
        self._clock = clock
        self._due: float | None = None
        self._stamp = 0  # of the latest state [ns]
        self._published_at = 0.0  # [s of wall time]
        self._acted: int | None = None  # stamp that the policy's latest action answers

    def ready(self) -> bool:
        """Whether the next period is due, to a quarter of a period, and nobody is waited for."""
        now = self._clock()
        if self._due is None:
            self._due = now
        return now >= self._due - 0.25 * self.interval and not self._waits(now)

    def published(self, stamp: int) -> None:
        """Plan the next period; count this one if it came a whole period late."""
        now = self._clock()
        self._stamp, self._published_at = stamp, now
        due = now if self._due is None else self._due
        self.overruns += now - due > self.interval
        if now - due > self._catch_up + self.interval:
            due = now
        self._due = due + self.interval

    def commanded(self, moving: bool) -> None:
        """Real time waits for nobody."""

    def observed(self, stamp: int) -> None:
        """Real time waits for nobody."""

    def acted(self, stamp: int, moving: bool) -> None:
        """The policy has answered the state ``stamp``."""
        believable = 0 <= self._stamp - stamp < _BELIEVABLE
        self._acted = stamp if moving and believable else None

    def _waits(self, now: float) -> bool:
        if self._acted is None or self._stamp - self._acted < _LATEST:
            return False
        if now - self._published_at < self._patience:
            return True
        self._acted = None  # it is gone; the arm may find that out
        return False


@dataclass(frozen=True)
class LockstepConfig:
    """Whom a simulation that runs as fast as it goes waits for, and how long."""

    period: float = 0.01  # of one published state [s of simulated time]
    action_period: float = POLICY_PERIOD  # of the policy [s of simulated time]
    patience: float = 1.0  # longest wait for an answer, on a busy machine [s of wall time]
    short_patience: float = 0.1  # the same for who has not answered in time lately
    chances: int = 3  # answers that may fail to come before patience becomes short
    idle_factor: float = 1.0  # speed while nobody answers, so that whoever joins can keep up

    def __post_init__(self) -> None:
        """Refuse values with which nothing would move."""
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


class Lockstep:
    """As fast as it goes: each state waits for the trajectory that answers it.

    It waits for the policy's action as well, when the policy has taken up a state or a policy
    period is over. Without an answer it goes on after ``patience``, and without waiting until
    somebody speaks again. A trajectory that only holds may be its sender's last word: it is not
    waited on.

    Args:
        config: whom to wait for.
        clock: returns a monotonic time [s].
    """

    def __init__(
        self, config: LockstepConfig | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.config = config or LockstepConfig()
        self.overruns = 0
        self._clock = clock
        self._action_period = round(1e9 * self.config.action_period)
        self._idle_interval = self.config.period / self.config.idle_factor
        self._published_at = float("-inf")
        self._stamp = 0
        self._answered = True  # whether the state has been answered by a trajectory
        self._conversing = False  # whether states are answered by trajectories at all
        self._observed: int | None = None  # stamp that the policy is at work on
        self._acted: int | None = None  # stamp that its latest action answers
        self._done = -1  # up to which stamp the policy has nothing more to do
        self._failures = 0  # answers in a row that did not come

    def ready(self) -> bool:
        """Whether everybody has answered, or will not."""
        waited = self._clock() - self._published_at
        if self._policy_is_due() or (self._conversing and not self._answered):
            if waited < self._patience():
                return False
            self.overruns += 1
            self._failures += 1
            self._conversing, self._observed, self._acted = False, None, None
        return self._conversing or waited >= 0.75 * self._idle_interval

    def published(self, stamp: int) -> None:
        """Wait for the answers to this state from now on."""
        self._stamp, self._published_at, self._answered = stamp, self._clock(), False

    def commanded(self, moving: bool) -> None:
        """Somebody has answered the state."""
        self._answered, self._conversing = True, moving

    def observed(self, stamp: int) -> None:
        """The policy has taken up the state ``stamp``, unless it tells of one it has acted on."""
        if stamp > self._done:
            self._observed = stamp

    def acted(self, stamp: int, moving: bool) -> None:
        """The policy has answered the state ``stamp``."""
        if stamp == self._stamp:
            self._failures = 0
        self._acted = stamp if moving else None
        self._done = max(self._done, min(stamp, self._stamp))
        if not moving or self._observed == stamp:
            self._observed = None

    def _policy_is_due(self) -> bool:
        if self._observed is not None:
            return True
        return self._acted is not None and self._stamp - self._acted >= self._action_period

    def _patience(self) -> float:
        little = self._failures >= self.config.chances
        return self.config.short_patience if little else self.config.patience


def make_pacing(period: float, factor: float) -> RealTime | Lockstep:
    """Real time at a factor, or lockstep at factor 0.

    Raises:
        ValueError: A negative factor.
    """
    if factor < 0.0:
        raise ValueError(f"realtime must be 0 or positive, got {factor}")
    if factor == 0.0:
        return Lockstep(LockstepConfig(period=period))
    return RealTime(period, factor)
