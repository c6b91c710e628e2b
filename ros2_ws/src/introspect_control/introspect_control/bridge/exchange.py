"""What goes into the arm bridge and what comes out of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.guard import GuardState
from introspect_control.trajectory import Trajectory

Array = NDArray[np.float64]


class Action(NamedTuple):
    """What a policy asks of the arm for one policy period."""

    stamp: int  # of the observation acted on [ns]
    episode: int
    sequence: int  # of the policy period within the episode
    moving: bool  # False: ramp to rest and fall silent
    linear: Array  # (3,) of the tool in the base frame [m/s]
    angular: Array  # (3,) of the tool in the base frame [rad/s]
    gripper_width: float  # [m]
    behaviour: str = ""
    model_hash: str = ""


class BridgeOutput(NamedTuple):
    """What to publish now; None where there is nothing to."""

    trajectory: Trajectory | None = None
    gripper_width: float | None = None  # [m]
    sent: Action | None = None  # the action as it was really carried out


class BridgeStatus(NamedTuple):
    """The fields of ``introspect_msgs/GuardStatus``."""

    state: GuardState
    reason: str
    passed: int
    clamped: int
    rejected: int
    late: int  # policy periods without a fresh action while active
    tracking_error: float  # [rad]


NOTHING = BridgeOutput()
