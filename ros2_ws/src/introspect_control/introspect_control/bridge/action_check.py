"""Whether an action is one that a working policy could mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_control.bridge.config import BridgeConfig
    from introspect_control.bridge.exchange import Action

Array = NDArray[np.float64]


def nonsense(action: Action, config: BridgeConfig) -> str:
    """What is wrong with an action that no working policy would send; empty if nothing is.

    Speeds above the largest are not wrong, unless by a factor of ``reject_ratio``.
    """
    for what, vector, largest, unit in (
        ("linear", action.linear, config.linear_speed, "m/s"),
        ("angular", action.angular, config.angular_speed, "rad/s"),
    ):
        if not np.isfinite(vector).all():
            return f"its {what} velocity is {vector.tolist()} {unit}"
        fastest = float(np.abs(vector).max())
        if fastest > config.reject_ratio * largest:
            return f"its {what} speed is {fastest:.3g} {unit}, the most is {largest} {unit}"
    if not np.isfinite(action.gripper_width):
        return f"its gripper width is {action.gripper_width} m"
    return ""


def at_most(vector: Array, largest: float) -> Array:
    """The vector, made shorter if it is longer than ``largest``."""
    length = float(np.linalg.norm(vector))
    return vector if length <= largest else vector * (largest / length)
