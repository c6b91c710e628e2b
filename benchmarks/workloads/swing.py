"""A policy that swings the tool, as a program; and a node that notes when commands arrive."""

from __future__ import annotations

import math
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
from introspect_msgs.msg import GuardStatus, PolicyAction
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory

from introspect_control.nodes.bridge_messages import nanoseconds
from introspect_control.nodes.runtime import LATCHED, STREAM, spin
from introspect_description import ArmDescription

ARM = "panda"
PERIOD = 0.04  # of actions [s]
SPEED = 0.1  # of the tool, either way [m/s]
SWING = 2.0  # there and back [s]


class SwingingPolicy(Node):
    """Answers joint states with actions, one every policy period."""

    def __init__(self) -> None:
        super().__init__("swinging_policy")
        self._arm = ArmDescription.load(ARM)
        self._acted_on, self._sequence = 0, 0
        self._publisher = self.create_publisher(PolicyAction, "policy/action", STREAM)
        topic = self._arm.controller.state_topic
        self.create_subscription(JointState, topic, self._on_joints, STREAM)

    def _on_joints(self, message: JointState) -> None:
        stamp = nanoseconds(message.header.stamp)
        if stamp - self._acted_on < 1e9 * (PERIOD - 0.001):
            return
        self._acted_on = stamp
        action = PolicyAction(
            header=Header(stamp=message.header.stamp, frame_id=self._arm.base_frame),
            episode=1,
            sequence=self._sequence,
            gripper_width=self._arm.gripper.width_max,
        )
        phase = 2.0 * math.pi * self._sequence * PERIOD / SWING
        action.twist.linear.y = SPEED * math.cos(phase)
        self._sequence += 1
        self._publisher.publish(action)


class CommandListener(Node):
    """Does nothing else, so that commands do not wait for it.

    Attributes:
        arrivals: of commands [s].
        fault: why the bridge has stopped the arm since it first moved; empty if it has not.
        bridge: the bridge's latest diagnostics.
    """

    def __init__(self) -> None:
        super().__init__("command_listener")
        self.arrivals: list[float] = []
        self.fault = ""
        self.bridge: dict[str, str] = {}
        topic = ArmDescription.load(ARM).controller.trajectory_topic
        self.create_subscription(JointTrajectory, topic, self._on_command, STREAM)
        self.create_subscription(GuardStatus, "guard/status", self._on_guard, LATCHED)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    def _on_command(self, message: JointTrajectory) -> None:
        self.arrivals.append(time.perf_counter())

    def _on_guard(self, message: GuardStatus) -> None:
        if self.arrivals and message.state in (GuardStatus.STOPPING, GuardStatus.FAULT):
            self.fault = self.fault or message.reason

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith("arm_bridge_node"):
                self.bridge = {item.key: item.value for item in status.values}


if __name__ == "__main__":
    sys.exit(spin(SwingingPolicy, args=[]))
