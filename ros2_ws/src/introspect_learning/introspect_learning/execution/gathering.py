"""Brings together the layers of one period, which come one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Activations = NDArray[np.float32]

_LATEST = 3  # periods after its own that a layer may still come in


class Period(NamedTuple):
    """Which observation something belongs to."""

    episode: int
    sequence: int  # within the episode, from 0
    stamp: int  # of the observation [ns]; tells apart first observations that are taken anew


class Gathering:
    """Collects the wanted layers of one period at a time.

    It never waits: what is there of a period is dropped when the next one begins. It never mixes:
    a layer counts for its own period only. What comes late for one of the last periods is dropped;
    any other period begins anew, whatever its number and stamp: after a restart, both may be lower.

    Args:
        layers: names of those that are wanted.

    Attributes:
        incomplete: periods that went by without all of their layers.
        lacking: layers that the latest of these lacked.
    """

    def __init__(self, layers: Iterable[str]) -> None:
        self.layers = tuple(layers)
        self.incomplete = 0
        self.lacking: tuple[str, ...] = ()
        self._period: Period | None = None
        self._gone: deque[Period] = deque(maxlen=_LATEST)
        self._parts: dict[str, Activations] = {}
        self._complete = True

    def add(self, period: Period, layer: str, values: Activations) -> dict[str, Activations] | None:
        """Take one layer.

        Args:
            period: that it belongs to.
            layer: its name; one that is not wanted says no more than that its period has begun.
            values: its activations.

        Returns:
            All wanted layers, once the last of them has come; a layer that comes again starts its
            period over.
        """
        if period in self._gone:
            return None  # a straggler must not cost the period that is being collected
        if period != self._period:
            if self._period is not None:
                self._gone.append(self._period)
            if not self._complete:
                self.incomplete += 1
                self.lacking = tuple(name for name in self.layers if name not in self._parts)
            self._period, self._parts, self._complete = period, {}, False
        elif layer in self._parts:
            self._parts = {}
        if layer not in self.layers:
            return None
        self._parts[layer] = values
        if len(self._parts) < len(self.layers):
            return None
        self._complete = True
        return dict(self._parts)
