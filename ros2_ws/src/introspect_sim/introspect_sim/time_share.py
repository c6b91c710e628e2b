"""Work that others should not wait for, kept to a share of the time."""

from __future__ import annotations

import time
from collections.abc import Callable


class TimeShare:
    """Keeps work that others should not wait for to a share of the time.

    Args:
        share: of the wall time that the work may take, (0, 1].
        clock: returns a monotonic time [s].

    Raises:
        ValueError: A share outside (0, 1].
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        if not 0.0 < share <= 1.0:
            raise ValueError(f"share must be in (0, 1], got {share}")
        self._share = share
        self._clock = clock
        self._start = self._again = float("-inf")

    def allows(self) -> bool:
        """Whether the work may be done now."""
        return self._clock() >= self._again

    def __enter__(self) -> None:
        """The work begins."""
        self._start = self._clock()

    def __exit__(self, *_: object) -> None:
        """The work has ended: the rest of the time belongs to others."""
        self._again = self._start + (self._clock() - self._start) / self._share
