"""What both drivers of Franka's arms have in common: modes, gains and the hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from introspect_control.drivers.driver import Condition, DriverError, Reading, text_of

if TYPE_CHECKING:
    from introspect_control.drivers.gripper_thread import GripperThread
    from introspect_description import ArmDescription

STIFFNESS = (600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0)  # of each joint [N·m/rad]
DAMPING = (50.0, 50.0, 50.0, 20.0, 20.0, 20.0, 10.0)  # of each joint [N·m·s/rad]
RATE = 200.0  # of positions and velocities; the libraries make torques of them at 1 kHz [Hz]
HAND_SPEED = 0.1  # of the width [m/s]
ANYTHING = 1.0  # by which the width may differ from what was asked for in a grasp [m]

_CONDITIONS = {
    "Other": (Condition.INACTIVE, "not ready: unlock the brakes and activate FCI in Desk"),
    "Idle": (Condition.INACTIVE, "no controller runs"),
    "Move": (Condition.READY, ""),
    "Guiding": (Condition.INACTIVE, "guided by hand"),
    "Reflex": (Condition.REFLEX, ""),
    "UserStopped": (Condition.EMERGENCY_STOP, "the stop button is pressed"),
    "AutomaticErrorRecovery": (Condition.INACTIVE, "recovering from an error"),
}


def mode_name(mode: str) -> str:
    """Name of a RobotMode as either library writes it: RobotMode.kIdle or RobotMode.Idle."""
    return mode.rpartition(".")[2].removeprefix("k")


def condition_of(mode: str, controlled: bool, error: str) -> tuple[Condition, str]:
    """Condition of an arm, and the reason.

    Args:
        mode: libfranka's RobotMode as text.
        controlled: whether our controller runs.
        error: that it has ended with; empty if it has not.
    """
    name = mode_name(mode)
    condition, reason = _CONDITIONS.get(name, (Condition.INACTIVE, f"in mode {name}"))
    if condition is Condition.REFLEX:
        return condition, error or "stopped by a reflex"
    if error and condition in (Condition.READY, Condition.INACTIVE):
        return Condition.REFLEX, error
    if condition is Condition.READY and not controlled:
        return Condition.INACTIVE, "another program controls it"
    return condition, reason


class Hand(Protocol):
    """A Franka Hand, as both libraries have it. Both calls wait until it has moved."""

    def move(self, width: float, speed: float) -> bool:
        """Move to a width [m]; whether it did."""

    def grasp(
        self, width: float, speed: float, force: float, epsilon_inner: float, epsilon_outer: float
    ) -> bool:
        """Close, and then hold with a force [N]; whether it does."""


def move_hand(hand: Hand, width: float, force: float, present: float | None) -> None:
    """Open to a width [m], or close to it and grasp what is there with a force [N].

    Args:
        hand: to move.
        width: to have [m].
        force: to hold with [N].
        present: width [m], or None where it is not known.

    Raises:
        DriverError: It did not.
    """
    if present is None or math.isclose(width, present, abs_tol=1e-4) or width > present:
        if not hand.move(width, HAND_SPEED):
            raise DriverError(f"the hand did not move to {width:.3f} m")
    elif not hand.grasp(width, HAND_SPEED, force, ANYTHING, ANYTHING):
        raise DriverError(f"the hand did not close to {width:.3f} m with {force:g} N")


def why_no_hand(error: Exception) -> str:
    """What is to be told where a hand cannot be reached; nothing where the arm has none.

    libfranka has one type for all failed connections: an arm without a hand refuses them.
    """
    return "" if "refused" in str(error) else f"no hand: {text_of(error)}"


class FrankaDriver:
    """What is the same whichever library drives the arm.

    Args:
        arm: with its limits.
        address: host name or IP address of the arm.
    """

    rate = RATE

    def __init__(self, arm: ArmDescription, address: str) -> None:
        self._limits = arm.limits
        self._address = address
        self._gripper: GripperThread | None = None
        self._no_hand = ""  # why there is none, unless the arm just has none
        self._error = ""  # that our controller ended with

    def move_gripper(self, width: float, force: float) -> None:
        """Begin to move the hand."""
        if self._gripper is not None:
            self._gripper.move(width, force)

    def close(self) -> None:
        """Let go of the hand."""
        gripper, self._gripper = self._gripper, None
        if gripper is not None:
            gripper.close()

    def _reading(self, state: Any, controlled: bool) -> Reading:
        """A RobotState of either library, while our controller runs or does not."""
        condition, reason = condition_of(str(state.robot_mode), controlled, self._error)
        return Reading(
            position=np.array(state.q, dtype=np.float64),
            velocity=np.array(state.dq, dtype=np.float64),
            gripper_width=self._gripper.width if self._gripper else None,
            condition=condition,
            reason=reason,
            gripper_problem=self._gripper.problem if self._gripper else self._no_hand,
        )
