"""A connection on which everything takes its time."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")

_ROUNDING = 1e-9  # times this close count as equal [s]


class DelayLine(Generic[T]):
    """Hands things on after a latency and a jitter, never one before another that came earlier.

    Args:
        latency: of everything [s].
        jitter: largest delay on top, drawn evenly [s].
        rng: draws it.
    """

    def __init__(self, latency: float, jitter: float, rng: np.random.Generator) -> None:
        self._latency, self._jitter = latency, jitter
        self._rng = rng
        self._under_way: deque[tuple[float, T]] = deque()
        self._latest = -np.inf  # arrival of what was sent last [s]

    def send(self, item: T, now: float, delay: float = 0.0, jitter: float = 0.0) -> None:
        """Send something at time ``now`` [s], with a delay and a jitter [s] beyond the usual."""
        share = float(self._rng.random())
        arrival = now + self._latency + delay + share * (self._jitter + jitter)
        self._latest = max(self._latest, arrival)
        self._under_way.append((self._latest, item))

    def arrived(self, now: float) -> list[T]:
        """What has arrived by time ``now`` [s], once."""
        items = []
        while self._under_way and self._under_way[0][0] <= now + _ROUNDING:
            items.append(self._under_way.popleft()[1])
        return items

    def cut(self) -> None:
        """Lose what is under way."""
        self._under_way.clear()
