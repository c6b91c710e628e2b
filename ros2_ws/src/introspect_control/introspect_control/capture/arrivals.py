"""Messages of many topics in the order in which they arrived, though fetched topic by topic."""

from __future__ import annotations

import math
from collections import defaultdict
from operator import attrgetter
from typing import NamedTuple


class Arrival(NamedTuple):
    """A message that has arrived."""

    time: int  # of its arrival [ns]
    topic: int  # number of the topic in the bag
    data: bytes  # CDR


class Arrivals:
    """Merges what was fetched; what may have an elder still to come is held for one round.

    Within a topic the order is that in which the messages were fetched, which is the publisher's:
    one that had to be sent again arrives after its successors. Times never go back, although the
    wall clock may.
    """

    def __init__(self) -> None:
        self._latest: defaultdict[int, int] = defaultdict(int)  # time, by topic [ns]
        self._fetched: list[Arrival] = []
        self._held: list[Arrival] = []
        self._last = 0  # time of the latest that was returned [ns]

    def add(self, time: int, topic: int, data: bytes) -> None:
        """Take in a message.

        Args:
            time: of its arrival [ns].
            topic: number of its topic.
            data: what it says.
        """
        self._latest[topic] = time = max(self._latest[topic], time)
        self._fetched.append(Arrival(time, topic, data))

    def merge(self, until: float = math.inf) -> list[Arrival]:
        """What can be written.

        Args:
            until: when fetching began [ns]: what arrived later may have arrived after something in
                a topic that had been emptied before. At the end, when nothing more is fetched: all.

        Returns:
            Messages in order: all that were held, and those since then that arrived by ``until``.
        """
        ready = self._held + [arrival for arrival in self._fetched if arrival.time <= until]
        self._held = [arrival for arrival in self._fetched if arrival.time > until]
        self._fetched = []
        ordered = []
        for arrival in sorted(ready, key=attrgetter("time")):
            self._last = max(self._last, arrival.time)
            ordered.append(arrival._replace(time=self._last))
        return ordered
