"""How long others take to answer a state: the latency of the loop, seen from the robot's side."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

import numpy as np


class ResponseTimes:
    """Times from the publication of a state to the first answer to it.

    Args:
        window: how many of the latest answers are kept.
        memory: how many of the latest states may still be answered.
        clock: returns a monotonic time [s].

    Attributes:
        samples: the latest response times [s].
    """

    def __init__(
        self,
        window: int = 1000,
        memory: int = 50,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if window < 1 or memory < 1:
            raise ValueError(f"window and memory must be positive, got {window} and {memory}")
        self.samples: deque[float] = deque(maxlen=window)
        self._memory = memory
        self._clock = clock
        self._published: OrderedDict[int, float] = OrderedDict()

    def published(self, stamp: int) -> None:
        """The state ``stamp`` has been published."""
        self._published[stamp] = self._clock()
        if len(self._published) > self._memory:
            self._published.popitem(last=False)

    def answered(self, stamp: int, at: float | None = None) -> None:
        """An answer to the state ``stamp`` has arrived; only the first one counts.

        Args:
            stamp: of the state.
            at: when it arrived, by the clock; by default now. An answer from before the state was
                another one's: it does not count.
        """
        published = self._published.pop(stamp, None)
        arrived = self._clock() if at is None else at
        if published is not None and arrived >= published:
            self.samples.append(arrived - published)

    def percentiles(self) -> dict[str, float]:
        """``p50`` and ``p99`` of the samples [s]; empty before the first."""
        if not self.samples:
            return {}
        p50, p99 = np.percentile(np.array(self.samples), (50.0, 99.0))
        return {"p50": float(p50), "p99": float(p99)}
