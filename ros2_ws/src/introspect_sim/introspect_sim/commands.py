"""Commands for an arm as messages bring them: read by joint name, and refused where unsafe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from introspect_control.trajectory import HermiteSampler, Trajectory, trajectory_in_order

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
        self._joints = arm.joint_names
        self._gripper = arm.gripper
        self._trial = HermiteSampler(np.asarray(arm.home))

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
            CommandError: Unknown, missing or repeated joints, no points, points without
                velocities, times that do not increase, or a number that is not finite.
        """
        try:
            trajectory = trajectory_in_order(self._joints, names, times, positions, velocities)
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
