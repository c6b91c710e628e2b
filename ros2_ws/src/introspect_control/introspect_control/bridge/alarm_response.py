"""What a disturbance alarm does to the arm: nothing, less speed, or a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_control.bridge.config import BridgeConfig

Array = NDArray[np.float64]


class AlarmResponse:
    """Remembers the latest alarm for as long as it is fresh.

    Args:
        config: what an alarm does, how slow is slow, and how long an alarm stays fresh.

    Attributes:
        slowed: actions that were scaled down.
    """

    def __init__(self, config: BridgeConfig) -> None:
        self.slowed = 0
        self._config = config
        self._at: float | None = None  # when the latest one came [s]
        self._surprise = 0.0  # with which it began
        self._slowing = False  # whether the latest action was scaled down

    @property
    def reason(self) -> str:
        """Why the arm is stopped or slow, in words."""
        return f"disturbance alarm (surprise {self._surprise:.1f})"

    @property
    def slowing(self) -> bool:
        """Whether the latest action was scaled down."""
        return self._slowing

    def see(self, alarm: bool, surprise: float, now: float) -> bool:
        """Take word of the alarm; returns whether the arm is to stop.

        Args:
            alarm: whether it is on.
            surprise: that goes with it.
            now: time [s].
        """
        if not alarm:
            self._at = None
            return False
        if not self.fresh(now):
            self._surprise = surprise
        self._at = now
        return self._config.on_alarm == "stop"

    def fresh(self, now: float) -> bool:
        """Whether there is an alarm that has been told lately."""
        return self._at is not None and 0.0 <= now - self._at <= self._config.alarm_timeout

    def forget(self) -> None:
        """What was before says nothing about the motion that begins."""
        self._at, self._slowing = None, False

    def scale(self, linear: Array, angular: Array, now: float) -> tuple[Array, Array]:
        """An action's velocities as they may be followed now: the same direction, never faster."""
        self._slowing = self._config.on_alarm == "slow" and self.fresh(now)
        if not self._slowing:
            return linear, angular
        self.slowed += 1
        return self._config.alarm_speed * linear, self._config.alarm_speed * angular
