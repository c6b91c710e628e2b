"""The choreographer's side of the conversation: one decision for each question, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

C_co = TypeVar("C_co", covariant=True)
C = TypeVar("C")

Activations = Mapping[str, NDArray[np.float32]]


class Choreographer(Protocol[C_co]):
    """The choreographer network and its memory."""

    def reset(self) -> None:
        """Forget; an episode begins."""

    def run(self, activations: Activations) -> C_co:
        """Take the activations of the next period, by layer, and choose."""


class Choreography(Generic[C]):
    """Feeds a choreographer period by period and forgets between episodes.

    Args:
        choreographer: the network.

    Attributes:
        missed: questions that never arrived.
    """

    def __init__(self, choreographer: Choreographer[C]) -> None:
        self.missed = 0
        self._choreographer = choreographer
        self._episode: int | None = None
        self._sequence = -1
        self._choice: C | None = None

    @property
    def episode(self) -> int | None:
        """Number of the present one; None before the first."""
        return self._episode

    def answer(self, episode: int, sequence: int, activations: Activations) -> C:
        """Choose for one period.

        Memory begins anew with another episode or with sequence 0. A question that comes twice gets
        the same answer, and none of the memory.

        Args:
            episode: number of the episode.
            sequence: number of the period within it, from 0.
            activations: of the behaviour network, by layer.
        """
        again = episode == self._episode and sequence == self._sequence and sequence > 0
        if again and self._choice is not None:
            return self._choice
        if episode != self._episode or sequence == 0 or sequence < self._sequence:
            self._choreographer.reset()
            self.missed += sequence
        else:
            self.missed += max(0, sequence - self._sequence - 1)
        self._episode, self._sequence = episode, sequence
        self._choice = self._choreographer.run(activations)
        return self._choice

    def forget(self) -> None:
        """Decide anew from the next question on, as if the episode had begun with it."""
        self._choreographer.reset()
        self._choice = None
