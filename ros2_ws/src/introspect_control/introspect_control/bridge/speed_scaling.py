"""An arm that follows its commands at less than their speed, as its own speed scaling says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from introspect_control.bridge.config import BridgeConfig

_SLOW_TO_RESUME = 3.0  # times as long, for an arm comes back to its speed gently


class SpeedScaling:
    """Remembers the share that was told last, and what an arm that stood still has yet to do.

    Args:
        config: what counts as standing still, and how long a trajectory is.

    Attributes:
        share: of its speed at which the arm follows commands, 0 to 1.
    """

    def __init__(self, config: BridgeConfig) -> None:
        self.share = 1.0
        self._config = config
        self._unfinished = 0.0  # at full speed, of the trajectory that it stood still in [s]
        self._looked_at = 0.0  # when that was so [s]

    def see(self, share: float, now: float) -> str:
        """Take word of the share; returns why the arm cannot be moved, empty if it can.

        Args:
            share: of its speed.
            now: time [s].
        """
        self.unfinished(now)  # until now at the share that held
        self.share = share
        if share >= self._config.frozen_below:
            return ""
        return f"the arm's speed scaling is {share:.0%}"

    def stand_still(self) -> None:
        """The arm has stopped in the middle of its latest trajectory."""
        self._unfinished = _SLOW_TO_RESUME * self._config.horizon

    def unfinished(self, now: float) -> float:
        """What is left of that trajectory at a time [s], at full speed; 0 or less: nothing [s]."""
        if self._unfinished > 0.0:
            self._unfinished -= self.share * (now - self._looked_at)
        self._looked_at = now
        return self._unfinished
