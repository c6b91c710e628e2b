"""``driver_node`` with an arm that lives in its own process, and does as the test says."""

from __future__ import annotations

import sys
import time

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import String

from introspect_control.drivers import ArmDriver, Condition, DriverError, Reading
from introspect_control.nodes.driver_node import DriverNode
from introspect_control.nodes.runtime import STREAM, spin
from introspect_description import ArmDescription

Array = NDArray[np.float64]


class ObedientArm:
    """Is where it was last commanded to be; its library takes 1 ms for each call."""

    rate = 100.0

    def __init__(self, arm: ArmDescription) -> None:
        self.position: Array = arm.home + 0.1
        self.velocity: Array = np.zeros(7)
        self.width = 0.04
        self.condition = Condition.READY
        self.fault = ""

    def connect(self) -> None:
        """Fail while the fault is "gone"."""
        if self.fault == "gone":
            raise DriverError("no arm answers at 10.0.0.1")

    def read(self) -> Reading:
        """What was commanded, or the fault."""
        time.sleep(0.001)
        while self.fault == "hangs":
            time.sleep(0.001)
        if self.fault == "hand":
            problem = "the hand does not answer"
            return Reading(self.position, self.velocity, None, Condition.READY, "", problem)
        if self.fault == "gone":
            raise DriverError("the connection is lost")
        return Reading(self.position, self.velocity, self.width, self.condition, self.fault)

    def command(self, position: Array, velocity: Array) -> None:
        """Be there."""
        time.sleep(0.001)
        self.position, self.velocity = position, velocity

    def move_gripper(self, width: float, force: float) -> None:
        """Have that width."""
        self.width = width

    def stop(self) -> None:
        """Say so."""
        print(f"stopped at {self.velocity.max():.3f} rad/s")

    def recover(self) -> None:
        """End a reflex, not an emergency stop."""
        if self.condition is Condition.EMERGENCY_STOP:
            raise DriverError("the stop button is pressed: release it first")
        if self.fault == "deadly":
            raise SystemExit
        self.condition, self.fault = Condition.READY, ""

    def close(self) -> None:
        """Say so."""
        print("closed")


class DrivenArmNode(DriverNode):
    """Its arm's condition is what the topic ``fault`` says."""

    def make_driver(self, arm: ArmDescription) -> ArmDriver:
        """The obedient arm, at whatever address."""
        if self.parameters.address == "maker":
            return super().make_driver(arm)
        self._obedient = ObedientArm(arm)
        self.create_subscription(String, "fault", self._on_fault, STREAM)
        return self._obedient

    def _on_fault(self, message: String) -> None:
        conditions = {
            "contact": Condition.REFLEX,
            "deadly": Condition.REFLEX,
            "button": Condition.EMERGENCY_STOP,
        }
        self._obedient.condition = conditions.get(message.data, Condition.READY)
        self._obedient.fault = message.data


if __name__ == "__main__":
    sys.exit(spin(DrivenArmNode))
