"""A policy that swings the tool, and the times at which it sees commands arrive."""

from __future__ import annotations

import math
import time

from introspect_msgs.msg import GuardStatus, PolicyAction
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory

from introspect_control.nodes.bridge_messages import nanoseconds
from introspect_control.nodes.runtime import LATCHED, STREAM
from introspect_description import ArmDescription

PERIOD = 0.04  # of actions [s]
SPEED = 0.1  # of the tool, either way [m/s]
SWING = 2.0  # there and back [s]


class SwingingPolicy(Node):
    """Answers joint states with actions, one every policy period.

    Attributes:
        arrivals: of trajectories [s].
        fault: why the bridge has stopped the arm since it first moved; empty if it has not.
    """

    def __init__(self, arm: ArmDescription) -> None:
        super().__init__("swinging_policy")
        self.arrivals: list[float] = []
        self.fault = ""
        self._arm = arm
        self._acted_on, self._sequence = 0, 0
        self._publisher = self.create_publisher(PolicyAction, "policy/action", STREAM)
        controller = arm.controller
        self.create_subscription(JointState, controller.state_topic, self._on_joints, STREAM)
        self.create_subscription(
            JointTrajectory, controller.trajectory_topic, self._on_trajectory, STREAM
        )
        self.create_subscription(GuardStatus, "guard/status", self._on_guard, LATCHED)

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

    def _on_trajectory(self, message: JointTrajectory) -> None:
        self.arrivals.append(time.perf_counter())

    def _on_guard(self, message: GuardStatus) -> None:
        if self.arrivals and message.state in (GuardStatus.STOPPING, GuardStatus.FAULT):
            self.fault = self.fault or message.reason
