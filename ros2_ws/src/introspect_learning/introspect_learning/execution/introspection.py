"""The internal-state model at work: period by period, with an alarm that does not flicker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from introspect_learning.execution.gathering import Period


class Surprising(Protocol):
    """What is made of one period."""

    @property
    def surprise(self) -> float:
        """How unexpected it is; 1 where the alarm usually begins."""


S_co = TypeVar("S_co", bound=Surprising, covariant=True)
S = TypeVar("S", bound=Surprising)


class Monitor(Protocol[S_co]):
    """The internal-state model and its memory."""

    def reset(self) -> None:
        """Forget; an episode begins."""

    def run(self, activations: Mapping[str, NDArray[np.float32]], behaviour: str) -> S_co:
        """Take the activations of the next period, by layer, and the behaviour that led to it."""


@dataclass(frozen=True)
class AlarmConfig:
    """When the disturbance alarm begins, and for how long it stays. Times are of observations."""

    level: float = 1.0  # surprise at which it begins
    hold: float = 0.5  # for which it stays after the last such surprise [s]

    def __post_init__(self) -> None:
        """Refuse an alarm that would never or always be on."""
        if not 0.0 < self.level < float("inf"):
            raise ValueError(f"level must be positive and finite, got {self.level}")
        if not 0.0 <= self.hold < float("inf"):
            raise ValueError(f"hold must not be negative, got {self.hold} s")


class Alarm:
    """Begins with a surprise and stays a little, so that nobody misses it.

    Args:
        config: when it begins, and for how long it stays.

    Attributes:
        count: times that it has begun.
        on: whether it is on.
    """

    def __init__(self, config: AlarmConfig | None = None) -> None:
        self.config = config or AlarmConfig()
        self.count = 0
        self.on = False
        self._surprised = 0  # latest time [ns]

    def reset(self) -> None:
        """It is over: an episode begins."""
        self.on = False

    def see(self, stamp: int, surprise: float) -> bool:
        """Take the surprise of the observation at ``stamp`` [ns]; returns whether it is on."""
        if not surprise < self.config.level:  # also where it is not a number
            self.count += not self.on
            self.on, self._surprised = True, stamp
        elif stamp - self._surprised >= round(1e9 * self.config.hold):
            self.on = False
        return self.on


@dataclass(frozen=True)
class Finding(Generic[S]):
    """What is known after one period."""

    state: S
    alarm: bool


class Introspection(Generic[S]):
    """Feeds the model period by period.

    It forgets between episodes, and where periods are missing: it compares each with the two
    before, and a gap would look like a disturbance.

    Args:
        monitor: the model.
        alarm: raised by its surprise.
        period: from one observation to the next [s].

    Attributes:
        gaps: times that periods were missing within an episode.
    """

    def __init__(self, monitor: Monitor[S], alarm: Alarm, period: float) -> None:
        self.gaps = 0
        self.alarm = alarm
        self._monitor = monitor
        self._longest = round(1.5e9 * period)  # time between two neighbours [ns]
        self._latest: Period | None = None
        self._finding: Finding[S] | None = None

    def follow(
        self, period: Period, activations: Mapping[str, NDArray[np.float32]], behaviour: str
    ) -> Finding[S]:
        """Take one period; one that comes twice gets the same finding, and none of the memory.

        Args:
            period: which one.
            activations: of the behaviour network, by layer.
            behaviour: that has acted since the period before; "" where none has.
        """
        last = self._latest
        if self._finding is not None and period == last:
            return self._finding
        if last is None or period.episode != last.episode or period.sequence == 0:
            self._monitor.reset()
            self.alarm.reset()
        elif (
            period.sequence != last.sequence + 1
            or not 0 < period.stamp - last.stamp <= self._longest
        ):
            self._monitor.reset()
            self.gaps += 1
        self._latest = period
        state = self._monitor.run(activations, behaviour)
        self._finding = Finding(state, self.alarm.see(period.stamp, state.surprise))
        return self._finding
