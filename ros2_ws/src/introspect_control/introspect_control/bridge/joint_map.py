"""Joint values by name: whatever order a message has them in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class JointMapError(ValueError):
    """A message whose joints are not those of the arm."""


class JointMap:
    """Picks an arm's joints out of messages that may hold more, in any order.

    Args:
        joint_names: of the arm, from base to flange.
    """

    def __init__(self, joint_names: Sequence[str]) -> None:
        self.joint_names = tuple(joint_names)
        self._names: tuple[str, ...] | None = None  # of the latest message that had them all
        self._index: list[int] = []

    def read(
        self, names: Sequence[str], position: Sequence[float], velocity: Sequence[float]
    ) -> tuple[Array, Array]:
        """Positions and velocities in the arm's order.

        Args:
            names: (m,) of the message's joints.
            position: (m,) [rad].
            velocity: (m,) [rad/s].

        Returns:
            (joints,) [rad] and (joints,) [rad/s].

        Raises:
            JointMapError: A joint of the arm is missing or there twice (both lists are in the
                message), positions or velocities are missing, or a value is not finite.
        """
        names = tuple(names)
        if names != self._names:
            self._index = self._find(names)
            self._names = names
        values = []
        for what, array in (("positions", position), ("velocities", velocity)):
            if len(array) != len(names):
                raise JointMapError(
                    f"{len(names)} joint names but {len(array)} {what}; the driver must send both "
                    "positions and velocities"
                )
            picked = np.array([array[i] for i in self._index], dtype=np.float64)
            if not np.isfinite(picked).all():
                bad = self.joint_names[int(np.argmin(np.isfinite(picked)))]
                raise JointMapError(f"{what} of {bad} must be finite")
            values.append(picked)
        return values[0], values[1]

    def _find(self, names: tuple[str, ...]) -> list[int]:
        if any(names.count(name) != 1 for name in self.joint_names):
            raise JointMapError(
                f"expected joints: {', '.join(self.joint_names)}; "
                f"received: {', '.join(names) or 'none'}; check the arm's data file and the "
                "driver's prefix"
            )
        return [names.index(name) for name in self.joint_names]
