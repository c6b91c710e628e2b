"""Franka Panda (FER) by panda-python: torques at 1 kHz inside the library, positions from here.

Written against version 1.1.1, whose wheel on PyPI speaks to the Panda with system version 4.2 (the
project has others to download, also for the FR3). Nothing here was tried on a real arm.
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

# Of the library's low pass on positions and velocities, per millisecond: smooths our steps of 5 ms.
FILTER = 0.2
_GRIPPER_INTERVAL = 1.0  # The library holds up all of Python while it reads the hand [s].
_TO_START = 1.0  # the controller [s]


class PandaDriver(FrankaDriver):
    """A Panda with or without the Franka Hand.

    Its JointPosition controller keeps a position as a spring and a damper would, with a feed
    forward of the velocity.

    Args:
        arm: whose limits must be within those that the library has for the arm there.
        address: host name or IP address of the arm.
    """

    def __init__(self, arm: ArmDescription, address: str) -> None:
        super().__init__(arm, address)
        self._panda: Any = None
        self._controller: Any = None

    def connect(self) -> None:
        """Connect, and start the controller where the arm is idle."""
        panda_py = importlib.import_module("panda_py")
        self._error = ""
        try:
            self._panda = panda_py.Panda(self._address)
        except RuntimeError as error:
            raise DriverError(f"no Panda answers at {self._address}: {error}") from error
        self._check_limits()
        self._gripper = self._find_hand(panda_py.libfranka)
        if self._mode() == "Idle":
            self._start()

    def read(self) -> Reading:
        """The state that the controller has seen last, or a new one where none runs."""
        panda = self._panda
        try:
            panda.raise_error()  # once, although the controller goes on counting as running
        except RuntimeError as error:
            self._error = str(error)
            panda.stop_controller()
        state = panda.get_state()
        return self._reading(state, panda.is_moving())

    def command(self, position: Array, velocity: Array) -> None:
        """Hand position and velocity to the controller."""
        self._controller.set_control(position, velocity)

    def stop(self) -> None:
        """End the controller; the arm holds itself."""
        self._panda.stop_controller()

    def recover(self) -> None:
        """Let the arm recover from its error and start the controller again."""
        if self.read().condition is Condition.EMERGENCY_STOP:
            raise DriverError("the stop button is pressed: release it first")
        self._panda.stop_controller()
        self._error = ""
        self._panda.recover()
        self._start()

    def close(self) -> None:
        """Let go of the arm."""
        super().close()
        self._panda = self._controller = None

    def _mode(self) -> str:
        return mode_name(str(self._panda.get_state().robot_mode))

    def _start(self) -> None:
        controllers = importlib.import_module("panda_py.controllers")
        self._controller = controllers.JointPosition(
            stiffness=np.array(STIFFNESS), damping=np.array(DAMPING), filter_coeff=FILTER
        )
        self._panda.start_controller(self._controller)
        end = time.monotonic() + _TO_START
        while self.read().condition is Condition.INACTIVE:
            if time.monotonic() > end:
                raise DriverError(f"the arm did not begin to move: it is in mode {self._mode()}")
            time.sleep(0.01)

    def _check_limits(self) -> None:
        lower, upper = self._panda.get_joint_limits_lower(), self._panda.get_joint_limits_upper()
        for joint, low, high, its_low, its_high in zip(
            self._limits.names, self._limits.lower, self._limits.upper, lower, upper, strict=True
        ):
            if low < its_low - 1e-3 or high > its_high + 1e-3:
                raise DriverError(
                    f"{joint} may go from {low} to {high} rad by its data file, the arm at "
                    f"{self._address} only from {its_low:.4f} to {its_high:.4f}: is it another arm?"
                )

    def _find_hand(self, libfranka: Any) -> GripperThread | None:
        try:
            hand = libfranka.Gripper(self._address)
        except RuntimeError as error:
            self._no_hand = why_no_hand(error)
            return None
        self._no_hand = ""
        present: list[float] = []

        def read() -> float:
            present[:] = [hand.read_once().width]
            return present[0]

        def move(width: float, force: float) -> None:
            move_hand(hand, width, force, present[0] if present else None)

        return GripperThread(move, read, _GRIPPER_INTERVAL)
