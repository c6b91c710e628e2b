"""The action: five numbers in [-1, 1] that ask for a tool twist and a gripper width."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ACTION_NAMES = ("linear_x", "linear_y", "linear_z", "angular_z", "gripper")
ACTION_SIZE = len(ACTION_NAMES)
POLICY_PERIOD = 0.04  # for which an action is asked [s]
LINEAR_SPEED = 0.5  # of the tool at 1 [m/s]
ANGULAR_SPEED = 1.5  # of the tool about the vertical at 1 [rad/s]
GRIPPER_OPEN = 0.08  # width asked for by a gripper action >= 0 [m]


def decode(action: NDArray[np.floating]) -> tuple[Array, Array, Array]:
    """What an action asks of the arm, in training, in evaluation and in the node alike.

    Args:
        action: (n, 5); values beyond [-1, 1] count as -1 or 1.

    Returns:
        Linear velocity (n, 3) [m/s] and angular velocity (n, 3) [rad/s] of the tool in the base
        frame, and the gripper width (n,) [m].

    Raises:
        ValueError: A wrong shape.
    """
    if action.ndim != 2 or action.shape[1] != ACTION_SIZE:
        raise ValueError(f"action must be (n, {ACTION_SIZE}) {ACTION_NAMES}, got {action.shape}")
    clipped = np.minimum(np.maximum(action, -1.0, dtype=np.float64), 1.0)
    linear = clipped[:, :3] * LINEAR_SPEED
    angular = np.zeros_like(linear)
    angular[:, 2] = clipped[:, 3] * ANGULAR_SPEED
    return linear, angular, GRIPPER_OPEN * (clipped[:, 4] >= 0.0)
