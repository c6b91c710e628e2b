"""Where the time of a periodic loop goes: how regular it is and how long its work takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

import numpy as np


@dataclass(frozen=True)
class Percentiles:
    """Distribution of a duration over the loop's window, all in seconds."""

    p50: float
    p95: float
    p99: float
    worst: float
    std: float


class LoopTimer:
    """Times a loop's periods and its work: ``with timer: work()`` once a period.

    A period longer than ``late_after`` expected periods counts as late.

    Args:
        period: expected time from one start to the next [s]; 0 for a loop without a fixed rate.
        window: how many of the latest periods the percentiles cover.
        late_after: in expected periods.
        clock: returns a monotonic time [s].

    Raises:
        ValueError: A negative period or an empty window.
    """

    def __init__(
        self,
        period: float = 0.0,
        window: int = 1000,
        late_after: float = 1.5,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if period < 0.0:
            raise ValueError(f"period must not be negative, got {period} s")
        if window < 1:
            raise ValueError(f"window must hold at least one period, got {window}")
        self.period = period
        self.late = 0
        self.count = 0
        self._late_after = late_after * period if period else float("inf")
        self._clock = clock
        self._start: float | None = None
        self._periods: deque[float] = deque(maxlen=window)
        self._work: deque[float] = deque(maxlen=window)

    def __enter__(self) -> LoopTimer:
        """Start of one period's work."""
        now = self._clock()
        if self._start is not None:
            period = now - self._start
            self._periods.append(period)
            self.late += period > self._late_after
        self._start = now
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End of one period's work."""
        assert self._start is not None
        self._work.append(self._clock() - self._start)
        self.count += 1

    def pause(self) -> None:
        """Forget the last start, so that the time until the next one is no period."""
        self._start = None

    def periods(self) -> Percentiles | None:
        """Time from one start to the next, or None before the second start."""
        return _percentiles(self._periods)

    def work(self) -> Percentiles | None:
        """Time spent inside the ``with`` block, or None before the first one."""
        return _percentiles(self._work)


def _percentiles(durations: deque[float]) -> Percentiles | None:
    if not durations:
        return None
    array = np.array(durations)
    p50, p95, p99, worst = np.percentile(array, (50.0, 95.0, 99.0, 100.0))
    return Percentiles(float(p50), float(p95), float(p99), float(worst), float(array.std()))
