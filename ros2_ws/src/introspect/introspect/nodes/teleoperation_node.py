"""Moves the arm by keyboard, through the guard; ``introspect arm teleop`` becomes this program."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from dataclasses import dataclass
from typing import Any

from geometry_msgs.msg import Twist, Vector3
from introspect_msgs.msg import GuardStatus, PolicyAction
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from introspect.teleoperation import HELP, Teleoperation, Wish
from introspect_control.nodes.runtime import (
    LATCHED,
    STREAM,
    ConfigurationError,
    ManagedNode,
    NodeParameters,
    parameter,
    spin,
)
from introspect_description import ArmDescription, DescriptionError

PERIOD = 0.04  # of actions [s]
NAME = "keyboard"  # in the place of a behaviour's
_STATES = {
    GuardStatus.IDLE: "idle",
    GuardStatus.ACTIVE: "moving",
    GuardStatus.STOPPING: "stopping",
    GuardStatus.FAULT: "FAULT",
}


@dataclass(frozen=True)
class TeleoperationParameters(NodeParameters):
    """Which arm."""

    arm: str = parameter("panda", "arm, by the name of its data file")


class TeleoperationNode(ManagedNode[TeleoperationParameters]):
    """Reads keys from standard input and publishes ``policy/action``, as a policy would."""

    def __init__(self) -> None:
        super().__init__("teleoperation_node", TeleoperationParameters)

    def configure(self) -> None:
        """Load the arm; make what talks."""
        try:
            self._arm = arm = ArmDescription.load(self.parameters.arm)
        except DescriptionError as error:
            raise ConfigurationError(str(error)) from error
        self._hand = Teleoperation()
        self._header = Header(frame_id=arm.base_frame)
        self._seen = False  # a joint state, whose stamp every action must carry
        self._state = "no guard/status yet (is arm_bridge_node running?)"
        self._sequence, self._moving = 0, False
        self._width = arm.gripper.width_max  # as it is [m]
        self._actions = self.create_publisher(PolicyAction, "policy/action", STREAM)
        self._joints = self.create_subscription(
            JointState, arm.controller.state_topic, self._on_joints, STREAM
        )
        self.create_subscription(GuardStatus, "guard/status", self._on_guard, LATCHED)

    def activate(self) -> None:
        """Begin to read keys."""
        self._terminal = _Keys()
        print(HELP, flush=True)
        self.create_timer(PERIOD, self._act, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def deactivate(self) -> None:
        """Stop the arm and give the terminal back."""
        self._publish(self._hand.wish(float("inf")))
        self._terminal.close()
        print(flush=True)

    def _act(self) -> None:
        now = time.monotonic()
        self._hand.type(self._terminal.read(), now)
        wish = self._hand.wish(now)
        if wish.moving or self._moving:
            self._publish(wish)
        self._moving = wish.moving
        if self._terminal.live:
            no_arm = f"no joint states on {self._joints.topic_name} yet"
            line = f"{self._state if self._seen else no_arm}   x{self._hand.factor:.2f}"
            print(f"\r\x1b[K{line}", end="", flush=True)
        if self._hand.ended or self._terminal.ended:
            self.finish(0)

    def _publish(self, wish: Wish) -> None:
        if not self._seen:
            return
        gripper = self._arm.gripper
        width = self._width
        if wish.open is not None:
            width = gripper.width_max if wish.open else gripper.width_min
        self._actions.publish(
            PolicyAction(
                header=self._header,
                episode=1,
                sequence=self._sequence,
                mode=PolicyAction.MOVE if wish.moving else PolicyAction.HOLD,
                twist=Twist(linear=_vector(wish.linear), angular=_vector(wish.angular)),
                gripper_width=width,
                behaviour=NAME,
            )
        )
        self._sequence += 1

    def _on_joints(self, message: JointState) -> None:
        self._header.stamp, self._seen = message.header.stamp, True
        width = self._arm.gripper.width_from_joints(message.name, message.position)
        self._width = self._width if width is None else width

    def _on_guard(self, message: GuardStatus) -> None:
        self._state = _STATES.get(message.state, "?")
        if message.reason:
            self._state += f": {message.reason}"


class _Keys:
    """Single keys from standard input, which need not be a terminal."""

    def __init__(self) -> None:
        self._input = sys.stdin.fileno()
        self.live = sys.stdin.isatty()
        self.ended = False
        self._before: Any = None
        if self.live:
            self._before = termios.tcgetattr(self._input)
            tty.setcbreak(self._input)

    def read(self) -> str:
        """All that has been typed since."""
        typed = b""
        while not self.ended and select.select([self._input], [], [], 0.0)[0]:
            some = os.read(self._input, 64)
            self.ended = not some
            typed += some
        return typed.decode(errors="replace")

    def close(self) -> None:
        """Give the terminal back as it was."""
        if self._before is not None:
            termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)


def _vector(values: Any) -> Vector3:
    x, y, z = values.tolist()
    return Vector3(x=x, y=y, z=z)


def main() -> None:
    """Run until the person is done."""
    sys.exit(spin(TeleoperationNode))


if __name__ == "__main__":
    main()
