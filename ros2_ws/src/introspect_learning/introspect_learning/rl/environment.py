"""What the trainers need of a world: episodes side by side, one policy step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Episodes(Protocol):
    """The part of ``PickAndPlaceVectorEnv`` that training uses.

    A benchmark on another simulator implements these and nothing else.
    """

    num_envs: int
    horizon: int

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode in every copy; observations (n, OBSERVATION.size)."""

    def observe(self) -> NDArray[np.float32]:
        """The observations now, (n, OBSERVATION.size)."""

    def truth(self) -> NDArray[np.float32]:
        """The same without the faults that sensors may have."""

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], Any, Any, Any, dict[str, Any]]:
        """One policy step with actions (n, ACTION_SIZE); ``info["success"]`` is (n,) bool."""


# Hears how training goes: a stage, the share of it that is done, a line to show.
Progress = Callable[[str, float, str], None]


def silent(stage: str, done: float, text: str) -> None:
    """Show nothing."""
