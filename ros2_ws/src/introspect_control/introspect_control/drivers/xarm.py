"""UFACTORY xArm7 by xarm-python-sdk: positions streamed in servo mode.

Written against version 1.18.4. Nothing here was tried on a real arm.
"""

from __future__ import annotations

import importlib
import ipaddress
import logging
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.drivers.driver import Condition, DriverError, Reading
from introspect_control.drivers.gripper_thread import GripperThread

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]

_LOG = logging.getLogger(__name__)

POSITION = 0  # mode in which the arm plans its way to a position itself
SERVO = 1  # mode in which the arm goes to each position as it comes
MOTION, STOPPED = 0, 4  # states to ask for
MOVING = (1, 2)  # states in which it takes commands: in motion, and waiting for one
EMERGENCY = (1, 2, 3)  # errors: stop button of the control box, its input, the three-state switch
OPEN_PULSES = 850  # of the xArm Gripper; 0 is closed
GRIPPER_SPEED = 2000  # [r/min], as xarm_ros2 has it

_STATES = {3: "paused", 4: "stopped", 5: "stopped", 6: "slowing down"}
_TIMEOUT = 0.25  # of one command; the library's own is 2 s, in which nothing else is known [s]
_TO_BE_ENABLED = 2.0  # mode and state are reported five times a second [s]


class XArmDriver:
    """An xArm7 with the xArm Gripper (the first, whose force cannot be set), or without one.

    Args:
        arm: whose gripper tells how wide 850 pulses are.
        address: of the control box, an IP address.

    Raises:
        DriverError: An address that the library would take for a serial port.
    """

    rate = 100.0  # Each period asks the control box twice.

    def __init__(self, arm: ArmDescription, address: str) -> None:
        try:
            ipaddress.IPv4Address(address)
        except ValueError as error:
            raise DriverError(
                f"address must be an IP address such as 192.168.1.117, got {address!r}"
            ) from error
        real = arm.gripper.real
        self._open = real.widths.open_width if real and real.widths else arm.gripper.width_max
        self._address = address
        self._api: Any = None
        self._gripper: GripperThread | None = None
        self._refusal = ""  # of the latest position
        self._enabled_gripper = False

    def connect(self) -> None:
        """Connect, and enable the motors unless there is an error to be seen to first."""
        self._refusal, self._enabled_gripper = "", False
        wrapper = importlib.import_module("xarm.wrapper")
        try:
            self._api = api = wrapper.XArmAPI(self._address, is_radian=True)
        except Exception as error:  # the library raises plain exceptions
            raise DriverError(f"no xArm answers at {self._address}: {error}") from error
        api.set_timeout(_TIMEOUT)
        if api.axis != 7:
            raise DriverError(f"the xArm at {self._address} has {api.axis} joints, expected 7")
        _check("get_err_warn_code", api.get_err_warn_code()[0])
        if not api.error_code:
            self._enable()
        self._gripper = GripperThread(self._move_gripper, self._gripper_width)

    def read(self) -> Reading:
        """Ask for the joints; mode, state and error come with the arm's reports."""
        api = self._api
        code, states = api.get_joint_states(is_radian=True, num=2)
        _check("get_joint_states", code)
        if self._refusal:  # what for, it knows before it reports it
            _check("get_err_warn_code", api.get_err_warn_code()[0])
            _check("get_state", api.get_state()[0])
        condition, reason = self._condition()
        gripper = self._gripper
        return Reading(
            position=np.array(states[0][:7], dtype=np.float64),
            velocity=np.array(states[1][:7], dtype=np.float64),
            gripper_width=gripper.width if gripper else None,
            condition=condition,
            reason=reason,
            gripper_problem=gripper.problem if gripper else "",
        )

    def command(self, position: Array, velocity: Array) -> None:
        """Send the positions; servo mode has no use for velocities."""
        code = self._api.set_servo_angle_j(position.tolist(), is_radian=True)
        if code:
            self._refusal = f"a position was refused: set_servo_angle_j returned {code}"

    def move_gripper(self, width: float, force: float) -> None:
        """Begin to move the gripper."""
        if self._gripper is not None:
            self._gripper.move(width, force)

    def stop(self) -> None:
        """Leave servo mode: in position mode the arm holds where it is.

        Raises:
            DriverError: It neither does nor stops.
        """
        code = self._api.set_mode(POSITION)
        if code:
            _LOG.error("set_mode(0) returned %s: the arm is told to stop instead", code)
            _check("set_state", self._api.set_state(STOPPED))

    def recover(self) -> None:
        """Clear errors and warnings and enable the motors again."""
        api = self._api
        _check("clean_error", api.clean_error())
        _check("clean_warn", api.clean_warn())
        _check("get_err_warn_code", api.get_err_warn_code()[0])
        if api.error_code:
            raise DriverError(f"the error cannot be cleared: {_title(api.error_code)}")
        self._enable()
        self._refusal = ""

    def close(self) -> None:
        """End the connection."""
        gripper, self._gripper = self._gripper, None
        if gripper is not None:
            gripper.close()
        api, self._api = self._api, None
        if api is not None:
            api.disconnect()

    def _enable(self) -> None:
        api = self._api
        _check("motion_enable", api.motion_enable(True))
        _check("set_mode", api.set_mode(SERVO))
        _check("set_state", api.set_state(MOTION))
        end = time.monotonic() + _TO_BE_ENABLED
        while api.mode != SERVO or api.state not in MOVING:
            if time.monotonic() > end:
                raise DriverError(
                    f"the arm did not go into servo mode: mode {api.mode}, state {api.state}"
                )
            time.sleep(0.02)
            _check("get_state", api.get_state()[0])

    def _condition(self) -> tuple[Condition, str]:
        api = self._api
        if not api.connected:
            raise DriverError(f"the connection to {self._address} is lost")
        if api.error_code in EMERGENCY:
            return Condition.EMERGENCY_STOP, _title(api.error_code)
        if api.error_code:
            return Condition.REFLEX, _title(api.error_code)
        if api.state not in MOVING:
            state = _STATES.get(api.state, "not ready to move")
            return Condition.INACTIVE, f"{state}, state {api.state}"
        if api.mode != SERVO:
            return Condition.INACTIVE, f"in mode {api.mode}, not in servo mode ({SERVO})"
        if self._refusal:
            return Condition.REFLEX, self._refusal
        return Condition.READY, f"warning {api.warn_code}" if api.warn_code else ""

    def _move_gripper(self, width: float, force: float) -> None:
        api = self._api
        if not self._enabled_gripper:
            _check("set_gripper_enable", api.set_gripper_enable(True))
            _check("set_gripper_mode", api.set_gripper_mode(0))
            _check("set_gripper_speed", api.set_gripper_speed(GRIPPER_SPEED))
            self._enabled_gripper = True
        pulses = round(OPEN_PULSES * min(max(width / self._open, 0.0), 1.0))
        # By default the library would first wait for the arm to stand still.
        code = api.set_gripper_position(pulses, wait=False, wait_motion=False)
        _check("set_gripper_position", code)

    def _gripper_width(self) -> float:
        code, pulses = self._api.get_gripper_position()
        _check("get_gripper_position", code)
        return float(self._open * min(max(pulses / OPEN_PULSES, 0.0), 1.0))


def _check(call: str, code: int) -> None:
    if code:
        raise DriverError(f"{call} returned {code}; see UFACTORY's list of API codes")


def _title(code: int) -> str:
    """What the library calls an error of the control box."""
    try:
        codes = importlib.import_module("xarm.core.config.x_code")
        return f"error {code}: {codes.ControllerError(code).title['en']}"
    except (ImportError, AttributeError, KeyError, TypeError):  # not a public part of it
        return f"error {code}"
