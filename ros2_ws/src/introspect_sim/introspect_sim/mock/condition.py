"""Whether an arm follows commands, and if not, what must happen before it does."""

from __future__ import annotations

import enum


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


class RecoveryError(Exception):
    """The arm cannot be recovered now; the text says what must happen first."""


class Condition:
    """The worst of what keeps an arm from following commands.

    A reflex and an emergency stop stay until ``recover``; a controller that is not active and a
    connection that is gone are over when they are over, but a lost connection leaves a reflex.
    """

    def __init__(self) -> None:
        self._button = False  # pressed by the service
        self._pressed = False  # by whomever
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
        """Press the emergency stop's button, or release it."""
        self._button = pressed
        self._look_at_button(pressed)

    def reflex(self, reason: str) -> None:
        """Stop by itself."""
        self._reflex = self._reflex or reason

    def update(self, pressed: bool, inactive: bool, disconnected: bool) -> None:
        """Take note of the faults of this moment: the button, the controller, the connection."""
        self._look_at_button(self._button or pressed)
        self._inactive = inactive
        if self._disconnected and not disconnected:
            self.reflex("the connection to its driver was lost")
        self._disconnected = disconnected

    def recover(self) -> str:
        """End a reflex, or an emergency stop that is released; returns what was done.

        Raises:
            RecoveryError: The button is still pressed, or the arm is not reached.
        """
        if self._disconnected:
            raise RecoveryError("the driver does not reach the arm; wait for the connection")
        if self._pressed:
            raise RecoveryError("the emergency stop is still pressed; release it first")
        if self.state not in (ArmState.EMERGENCY_STOP, ArmState.REFLEX):
            return f"there was nothing to recover from: the arm is {self.state.name}"
        what = f"recovered from {self.state.name}: {self.reason}"
        self._stopped = self._reflex = ""
        return what

    def _look_at_button(self, pressed: bool) -> None:
        if pressed:
            self._stopped = "the emergency stop is pressed"
        elif self._pressed:
            self._stopped = "the emergency stop is released; waiting for arm/recover"
        self._pressed = pressed
