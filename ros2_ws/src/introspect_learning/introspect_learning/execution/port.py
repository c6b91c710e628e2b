"""The words of an episode: what the policy asks, what it tells the arm, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Features = NDArray[np.float32]


class BehavioursOutput(Protocol):
    """What the behaviour network answers to one observation."""

    @property
    def activations(self) -> Mapping[str, Features]:
        """Activations by layer."""

    @property
    def actions(self) -> NDArray[np.float32]:
        """(behaviours, 5), one action of each behaviour."""


class Behaviours(Protocol):
    """The behaviour network."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the behaviours, in the order of the actions."""

    def run(self, observation: NDArray[np.float32]) -> BehavioursOutput:
        """Answer one observation."""


class Question(NamedTuple):
    """Asks the choreographer which behaviour to follow in this period."""

    episode: int
    sequence: int
    stamp: int  # of the observation [ns]
    activations: Mapping[str, Features]  # by layer; all that the network puts out
    behaviour: str  # that has acted since the period before; "" where none has
    phase: str  # of the task, as the task itself sees it; "" where it does not say


class Action(NamedTuple):
    """What the arm is to do from now on."""

    episode: int
    sequence: int
    stamp: int  # of the observation [ns]
    hold: bool  # come to rest and stay
    linear: Array  # (3,) [m/s]
    angular: Array  # (3,) [rad/s]
    gripper_width: float  # [m]
    behaviour: str


class Outcome(NamedTuple):
    """How an episode ended."""

    success: bool
    finished: bool  # it ended by itself, not by a fault or a person
    steps: int  # periods that were acted on
    distance: float  # of object and goal at the end [m]; NaN if it was never seen
    message: str


class Port(Protocol):
    """Where the executor's words go."""

    def ask(self, question: Question) -> None:
        """Send a question to the choreographer."""

    def act(self, action: Action) -> None:
        """Send an action to the arm."""

    def end(self, outcome: Outcome) -> None:
        """Take note that the episode has ended."""
