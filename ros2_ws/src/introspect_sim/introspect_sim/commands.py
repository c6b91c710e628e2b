"""Commands for an arm as messages bring them: read by joint name, and refused where unsafe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from introspect_control.trajectory import HermiteSampler, Trajectory

if TYPE_CHECKING:
    from introspect_description import ArmDescription


class CommandError(Exception):
    """A command that the controller refuses; it goes on with what it did before."""


class CommandReader:
    """Reads trajectories and gripper widths for one arm.

    Args:
        arm: whose joints and gripper are commanded.
    """

    def __init__(self, arm: ArmDescription) -> None:
        self._names = arm.joint_names
        self._gripper = arm.gripper
        self._trial = HermiteSampler(np.asarray(arm.home))
        self._order: list[int] = []
        self._order_of: list[str] | None = None

    def trajectory(
        self,
        names: Sequence[str],
        times: Sequence[float],
        positions: Sequence[Sequence[float]],
        velocities: Sequence[Sequence[float]],
    ) -> Trajectory:
        """A trajectory in the arm's order.

        Args:
            names: of the joints, in any order.
            times: of the points, from the start [s].
            positions: per point and joint [rad].
            velocities: per point and joint [rad/s].

        Raises:
            CommandError: Unknown, missing or repeated joints, points without velocities, times
                that do not increase, or a number that is not finite.
        """
        order = self._match(names)
        try:
            trajectory = Trajectory(
                np.array(times, dtype=np.float64),
                np.array(positions, dtype=np.float64)[:, order],
                np.array(velocities, dtype=np.float64)[:, order],
            )
        except (ValueError, IndexError):
            raise CommandError(
                f"trajectory refused: each point needs {len(order)} positions and velocities, got "
                f"{sorted({len(p) for p in positions})} and {sorted({len(v) for v in velocities})}"
            ) from None
        try:
            self._trial.follow(trajectory, 0.0)
        except ValueError as error:
            raise CommandError(f"trajectory refused: {error}") from error
        return trajectory

    def gripper_width(self, width: float) -> float:
        """A width [m] that the gripper has; beyond its range counts as its end.

        Raises:
            CommandError: A width that is not finite.
        """
        if not np.isfinite(width):
            raise CommandError(f"gripper command refused: the width must be finite, got {width}")
        return min(max(float(width), self._gripper.width_min), self._gripper.width_max)

    def _match(self, names: Sequence[str]) -> list[int]:
        names = list(names)
        if names != self._order_of:
            if sorted(names) != sorted(self._names):
                raise CommandError(
                    f"trajectory refused: it names {', '.join(names) or 'no joint'}; "
                    f"the arm has {', '.join(self._names)}"
                )
            self._order = [names.index(name) for name in self._names]
            self._order_of = names
        return self._order
