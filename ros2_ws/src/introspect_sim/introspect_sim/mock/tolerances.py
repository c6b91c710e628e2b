"""When a joint trajectory controller gives up: too far from the path, or not at the goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_sim.mock.manners import Manners

Array = NDArray[np.float64]


class Tolerances:
    """Compares where the arm is with where its trajectory is.

    Args:
        names: of the joints.
        manners: what is tolerated, and how long.
    """

    def __init__(self, names: tuple[str, ...], manners: Manners) -> None:
        self._names = names
        self._manners = manners
        self._waited: float | None = None  # since the trajectory's end [s]; None: nothing awaited

    def check(self, command: Array, measured: Array, following: bool, period: float) -> str:
        """Why the trajectory is to be aborted; empty if it is not.

        Args:
            command: (joints,) where the trajectory is [rad].
            measured: (joints,) where the arm is [rad].
            following: whether a trajectory is under way.
            period: since the last call [s].
        """
        if following:
            self._waited = 0.0
            return self._problem(command, measured, self._manners.path_tolerance, "its trajectory")
        if self._waited is None:
            return ""
        self._waited += period
        if self._waited < self._manners.goal_time:
            return ""
        self._waited = None
        return self._problem(command, measured, self._manners.goal_tolerance, "its goal")

    def forget(self) -> None:
        """Nothing is awaited any more."""
        self._waited = None

    def _problem(self, command: Array, measured: Array, tolerance: float, what: str) -> str:
        errors = np.abs(measured - command)
        worst = int(np.argmax(errors))
        if errors[worst] <= tolerance:
            return ""
        return (
            f"{self._names[worst]} was {errors[worst]:.3f} rad from {what}, tolerance {tolerance:g}"
        )
