"""Whether an arm follows commands, and if not, what must happen before it does."""

from __future__ import annotations

import enum
from typing import NamedTuple


class ArmState(enum.IntEnum):
    """Same numbers as in ``introspect_msgs/ArmStatus``."""

    READY = 0
    """Follows commands."""
    INACTIVE = 1
    """Its controller is not active."""
    REFLEX = 2
    """It has stopped by itself; ``recover`` ends that."""
    EMERGENCY_STOP = 3
    """A person has stopped it; it must be released, then ``recover`` ends that."""
    DISCONNECTED = 4
    """Its driver does not reach it."""


class ArmStatus(NamedTuple):
    """The fields of ``introspect_msgs/ArmStatus``."""

    state: ArmState
    reason: str
    speed_scaling: float
    aborted: int


class RecoveryError(Exception):
    """The arm cannot be recovered now; the text says what must happen first."""


class Condition:
    """The worst of what keeps an arm from following commands.

    A reflex and an emergency stop stay until ``recover``; a controller that is not active and a
    connection that is gone are over when they are over, but a lost connection leaves a reflex.
    """

    def __init__(self) -> None:
        self._held_by_service = self._held_by_fault = False  # the emergency stop's button
        self._stopped = ""  # why an emergency stop has not been recovered from
        self._reflex = ""  # why a reflex has not been recovered from
        self._inactive = False
        self._disconnected = False

    @property
    def state(self) -> ArmState:
        """The arm's state."""
        if self._disconnected:
            return ArmState.DISCONNECTED
        if self._stopped:
            return ArmState.EMERGENCY_STOP
        if self._reflex:
            return ArmState.REFLEX
        return ArmState.INACTIVE if self._inactive else ArmState.READY

    @property
    def reason(self) -> str:
        """Why it is in this state; empty when it is ready."""
        state = self.state
        if state is ArmState.DISCONNECTED:
            return "its driver does not reach it"
        if state is ArmState.INACTIVE:
            return "its controller is not active"
        return self._stopped or self._reflex

    @property
    def ready(self) -> bool:
        """Whether it follows commands."""
        return self.state is ArmState.READY

    def press(self, pressed: bool) -> None:
        """Press the emergency stop's button, or release it: a fault may hold it still."""
        self._look_at_button(pressed, self._held_by_fault)

    def reflex(self, reason: str) -> None:
        """Stop by itself."""
        self._reflex = self._reflex or reason

    def update(self, pressed: bool, inactive: bool, disconnected: bool) -> None:
        """Take note of the faults of this moment: the button, the controller, the connection."""
        self._look_at_button(self._held_by_service, pressed)
        self._inactive = inactive
        if self._disconnected and not disconnected:
            self.reflex("the connection to its driver was lost")
        self._disconnected = disconnected

    def recover(self, moving: bool = False) -> str:
        """End a reflex, or an emergency stop that is released; returns what was done.

        Args:
            moving: whether the arm is still coming to rest.

        Raises:
            RecoveryError: The arm is not reached, the button still pressed, or the arm moves.
        """
        if self._disconnected:
            raise RecoveryError("the driver does not reach the arm; wait for the connection")
        if self._held_by_service or self._held_by_fault:
            raise RecoveryError("the emergency stop is still pressed; release it first")
        if moving:
            raise RecoveryError("the arm still moves; wait until it is at rest")
        if self.state not in (ArmState.EMERGENCY_STOP, ArmState.REFLEX):
            return f"there was nothing to recover from: the arm is {self.state.name}"
        what = f"recovered from {self.state.name}: {self.reason}"
        self._stopped = self._reflex = ""
        return what

    def _look_at_button(self, by_service: bool, by_fault: bool) -> None:
        if by_service or by_fault:
            self._stopped = "the emergency stop is pressed"
        elif self._held_by_service or self._held_by_fault:
            self._stopped = "the emergency stop is released; waiting for arm/recover"
        self._held_by_service, self._held_by_fault = by_service, by_fault
