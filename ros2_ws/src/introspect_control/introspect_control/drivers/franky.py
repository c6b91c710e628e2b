"""Franka FR3 by franky: torques at 1 kHz inside the library, positions from here.

Written against franky-control 2.0.0, whose wheel on PyPI speaks to the FR3 with a recent system
version (the project has others to download, also for the Panda). It wants a real-time kernel.
Nothing here was tried on a real arm.
"""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.drivers.driver import Condition, DriverError, Reading
from introspect_control.drivers.franka import (
    DAMPING,
    STIFFNESS,
    FrankaDriver,
    mode_name,
    move_hand,
    why_no_hand,
)
from introspect_control.drivers.gripper_thread import GripperThread

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]

_TO_START = 1.0  # the tracker [s]


class FrankyDriver(FrankaDriver):
    """An FR3 with or without the Franka Hand.

    Its JointImpedanceTracker keeps a position as a spring and a damper would, with a feed forward
    of the velocity. Its motions to a position would be planned anew for every command instead.

    Args:
        arm: whose limits the tracker pushes back from.
        address: host name or IP address of the arm.
    """

    def __init__(self, arm: ArmDescription, address: str) -> None:
        super().__init__(arm, address)
        self._robot: Any = None
        self._tracker: Any = None

    def connect(self) -> None:
        """Connect, and start the tracker where the arm is idle."""
        franky = importlib.import_module("franky")
        self._error = ""
        try:
            self._robot = franky.Robot(self._address)
        except Exception as error:  # it has an exception for everything, without a common base
            raise DriverError(f"no FR3 answers at {self._address}: {error}") from error
        self._gripper = self._find_hand(franky)
        if mode_name(str(self._robot.state.robot_mode)) == "Idle":
            self._start()

    def read(self) -> Reading:
        """The state that the tracker has seen last, or a new one where none runs."""
        robot = self._robot
        controlled = bool(robot.is_in_control)
        if self._tracker is not None and not controlled:
            self._tracker = None
            try:
                robot.poll_motion()  # raises, once, what the tracker ended with
                self._error = "the tracker has ended"
            except Exception as error:
                self._error = str(error)
        state = robot.state
        return self._reading(state, controlled)

    def command(self, position: Array, velocity: Array) -> None:
        """Hand position and velocity to the tracker."""
        self._tracker.set_target(position, velocity)

    def stop(self) -> None:
        """End the tracker, which takes its torques back gradually; the arm holds itself."""
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            tracker.stop()

    def recover(self) -> None:
        """Let the arm recover from its error and start the tracker again."""
        if self.read().condition is Condition.EMERGENCY_STOP:
            raise DriverError("the stop button is pressed: release it first")
        if not self._robot.recover_from_errors():
            raise DriverError(f"the arm did not recover: {self._robot.state.current_errors}")
        self._error = ""
        self._start()

    def close(self) -> None:
        """Let go of the arm."""
        super().close()
        self._robot = self._tracker = None

    def _start(self) -> None:
        franky = importlib.import_module("franky")
        self._tracker = franky.JointImpedanceTracker(
            self._robot,
            stiffness=np.array(STIFFNESS),
            damping=np.array(DAMPING),
            lower_joint_limits=np.array(self._limits.lower),
            upper_joint_limits=np.array(self._limits.upper),
        )
        end = time.monotonic() + _TO_START
        while not self._robot.is_in_control:
            self._robot.poll_motion()  # raises what has gone wrong
            if time.monotonic() > end:
                raise DriverError("the tracker did not start")
            time.sleep(0.01)

    def _find_hand(self, franky: Any) -> GripperThread | None:
        try:
            hand = franky.Gripper(self._address)
        except Exception as error:
            self._no_hand = why_no_hand(error)
            return None
        self._no_hand = ""
        return GripperThread(
            lambda width, force: move_hand(hand, width, force, float(hand.width)),
            lambda: float(hand.width),
        )
