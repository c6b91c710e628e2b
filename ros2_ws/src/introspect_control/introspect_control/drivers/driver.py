"""What an arm offers that is driven directly, by its maker's library from pip."""

from __future__ import annotations

import enum
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class DriverError(Exception):
    """A driver cannot do what it is asked to; the message tells the person what to do next."""


def text_of(error: Exception) -> str:
    """What an error says; with its type where that says more."""
    if isinstance(error, DriverError):
        return str(error)
    return f"{type(error).__name__}: {error}"


class Condition(enum.IntEnum):
    """Of an arm; the values of ``introspect_msgs/ArmStatus``."""

    READY = 0
    """It follows commands."""
    INACTIVE = 1
    """Commands are not followed, though nothing is wrong: it is guided by hand, or paused."""
    REFLEX = 2
    """It has stopped by itself, for a limit or a contact; ``recover`` ends that."""
    EMERGENCY_STOP = 3
    """A person has stopped it; it must be released there first."""
    DISCONNECTED = 4
    """Its driver does not reach it."""


class Reading(NamedTuple):
    """What a driver reads of its arm."""

    position: Array  # (7,) [rad]
    velocity: Array  # (7,) [rad/s]
    gripper_width: float | None  # [m]; None where it is not known, or there is no gripper
    condition: Condition
    reason: str = ""  # of the condition, in words
    gripper_problem: str = ""  # why it did not move, or its width is not known; in words

    @classmethod
    def none(cls, reason: str) -> Reading:
        """Nothing was read: the arm is out of reach."""
        return cls(np.zeros(0), np.zeros(0), None, Condition.DISCONNECTED, reason)


class ArmDriver(Protocol):
    """An arm that takes joint positions as a stream.

    All is called by one thread. Behind it a driver may have a ``GripperThread``, where the maker's
    calls for the gripper take long, and the library or the connection is safe for two threads.
    Whatever it raises, the arm counts as disconnected, until ``connect`` is called anew because a
    person has asked for it.

    Attributes:
        rate: of ``read`` and ``command`` [Hz].
    """

    rate: float

    def connect(self) -> None:
        """Reach the arm and, if nothing is wrong with it, let it take commands.

        An arm in a reflex or an emergency stop is left in it.
        """

    def read(self) -> Reading:
        """Joints, gripper and condition, as they are now."""

    def command(self, position: Array, velocity: Array) -> None:
        """Where the joints are to be now: (7,) [rad], and how fast: (7,) [rad/s].

        Only called while the condition is READY.
        """

    def move_gripper(self, width: float, force: float) -> None:
        """Begin to move the gripper to a width [m], with a force [N]; returns at once."""

    def stop(self) -> None:
        """Let the arm hold where it is, and take no more commands."""

    def recover(self) -> None:
        """End a reflex, or whatever else a program may end, and let it take commands again.

        Raises:
            DriverError: It cannot be ended from here, as an emergency stop that is still pressed.
        """

    def close(self) -> None:
        """Let go of the arm."""
