"""Notices that something expected regularly has not come."""

from __future__ import annotations

_ROUNDING = 1e-9  # differences of times that count as equal [s]


class Watchdog:
    """Measures how long ago it was last fed; the clock is passed in, so any clock will do.

    Args:
        timeout: age above which it has expired [s].

    Raises:
        ValueError: A timeout that is not positive.
    """

    def __init__(self, timeout: float) -> None:
        if not timeout > 0.0:
            raise ValueError(f"timeout must be positive, got {timeout} s")
        self.timeout = timeout
        self._fed: float | None = None

    def feed(self, now: float) -> None:
        """What was expected has come at time ``now`` [s]."""
        self._fed = now

    def reset(self) -> None:
        """Forget that it was ever fed."""
        self._fed = None

    def age(self, now: float) -> float:
        """Time since it was last fed [s]; infinite if it never was."""
        return float("inf") if self._fed is None else now - self._fed

    def expired(self, now: float) -> bool:
        """Whether it was last fed longer ago than the timeout, or never."""
        return self.age(now) > self.timeout + _ROUNDING
