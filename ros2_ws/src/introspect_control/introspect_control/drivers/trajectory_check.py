"""The last look at a trajectory before an arm that has no controller of its own follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.trajectory import Trajectory

if TYPE_CHECKING:
    from introspect_description import JointLimits

Array = NDArray[np.float64]

_ROUNDING = 1e-3  # share of a limit, and [rad]
_JITTER = 3.0  # times the velocity limit that the way to the first point may take


def check_trajectory(trajectory: Trajectory, position: Array, limits: JointLimits) -> None:
    """Refuse what leaves the limits, or jumps.

    Velocities and the mean speed between two points are kept to the limits, on the way to the
    first point to three times them: a command that comes a period late or early is no jump.

    Args:
        trajectory: (k,) points, finite, of the arm's joints.
        position: (joints,) that the arm is commanded to now [rad].
        limits: of the arm.

    Raises:
        ValueError: The message names the joint, the value and the limit.
    """
    low, high = limits.lower - _ROUNDING, limits.upper + _ROUNDING
    outside = (trajectory.positions < low) | (trajectory.positions > high)
    if outside.any():
        point, joint = (int(i) for i in np.argwhere(outside)[0])
        raise ValueError(
            f"{limits.names[joint]} = {trajectory.positions[point, joint]:.3f} rad is outside its "
            f"limits [{limits.lower[joint]}, {limits.upper[joint]}]"
        )
    fastest = (1.0 + _ROUNDING) * limits.velocity
    way = np.diff(trajectory.positions, axis=0, prepend=position[None])
    speed = np.abs(way) / np.diff(trajectory.times, prepend=0.0)[:, None]
    speed[0] /= _JITTER
    speed = np.maximum(speed, np.abs(trajectory.velocities))
    too_fast = speed > fastest
    if too_fast.any():
        point, joint = (int(i) for i in np.argwhere(too_fast)[0])
        raise ValueError(
            f"{limits.names[joint]} would move at {speed[point, joint]:.2f} rad/s, its limit is "
            f"{limits.velocity[joint]} rad/s"
        )
