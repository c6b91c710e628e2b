"""What the guard says of a command, and the states that it goes through."""

from __future__ import annotations

import enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Verdict(enum.Enum):
    """What became of a command."""

    PASS = "pass"
    """It goes to the arm unchanged."""
    CLAMP = "clamp"
    """It is followed as far as the limits allow."""
    REJECT = "reject"
    """It is refused; the arm slows down."""
    AVOID = "avoid"
    """It leads where the arm must not come to rest; the arm slows down before it."""
    HOLD = "hold"
    """It is not looked at: the guard is stopping, or at rest."""


class GuardState(enum.IntEnum):
    """Same numbers as in ``introspect_msgs/GuardStatus``."""

    IDLE = 0
    """Nothing is sent."""
    ACTIVE = 1
    """Commands are checked and sent."""
    STOPPING = 2
    """Ramping to rest; commands are ignored."""
    FAULT = 3
    """At rest until ``rearm``."""


class GuardDecision(NamedTuple):
    """What to send in place of a command; nothing is to be sent while IDLE or FAULT."""

    verdict: Verdict
    position: Array  # (joints,) [rad]
    velocity: Array  # (joints,) [rad/s]
    reason: str  # "" for PASS
