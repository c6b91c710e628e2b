"""The clock inside an arm, which is not the host's."""

from __future__ import annotations


class OwnClock:
    """Tells the host's time with an offset and a drift, and never goes back unless it is set.

    Args:
        epoch: what the host's clock shows when ``now`` is 0 [ns].
        start: when the arm was switched on [s].
        offset: before the host's clock then [s].
        drift: seconds gained in a second.
    """

    def __init__(self, epoch: int, start: float, offset: float, drift: float) -> None:
        self._epoch = epoch
        self._start = start
        self._offset = offset
        self._drift = drift

    def host(self, now: float) -> int:
        """What the host's clock shows at time ``now`` [ns]."""
        return self._epoch + round(1e9 * now)

    def stamp(self, now: float) -> int:
        """What the arm's clock shows at time ``now`` [ns]; 0 at least."""
        gained = self._offset + self._drift * (now - self._start)
        return max(0, self.host(now) + round(1e9 * gained))

    def set(self, by: float) -> None:
        """Set it on, or back, as a time server does [s]."""
        self._offset += by
