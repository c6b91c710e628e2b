"""A relay of two nodes: joint states there, trajectories of the size that a bridge sends back.

Run as a program, it is the node that answers.
"""

from __future__ import annotations

import sys

from builtin_interfaces.msg import Duration
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from introspect_control.nodes.runtime import STREAM, spin
from introspect_description import ArmDescription
from introspect_sim.response_times import ResponseTimes

RATE = 100.0  # of states [Hz]


class RelayedWorld(Node):
    """Publishes joint states and takes trajectories."""

    def __init__(self) -> None:
        super().__init__("relayed_world")
        arm = ArmDescription.load("panda")
        names = [*arm.joint_names, *arm.gripper.joint_names]
        self._state = JointState(name=names, position=[0.1] * 9, velocity=[0.0] * 9)
        self._stamp = 0
        self.responses = ResponseTimes(window=1_000_000)
        self._publisher = self.create_publisher(JointState, "joint_states", STREAM)
        self.create_subscription(JointTrajectory, "joint_trajectory", self._on_trajectory, STREAM)
        self.create_timer(1.0 / RATE, self._publish)

    def _publish(self) -> None:
        self._stamp += 1
        self._state.header.stamp.nanosec = self._stamp
        self.responses.published(self._stamp)
        self._publisher.publish(self._state)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        self.responses.answered(message.header.stamp.nanosec)


class Relay(Node):
    """Answers each joint state with a trajectory of the size that the bridge sends."""

    def __init__(self) -> None:
        super().__init__("relay")
        self._trajectory = JointTrajectory(
            joint_names=list(ArmDescription.load("panda").joint_names),
            points=[
                JointTrajectoryPoint(
                    positions=[0.1] * 7,
                    velocities=[0.0] * 7,
                    time_from_start=Duration(nanosec=k * 40_000_000),
                )
                for k in range(1, 6)
            ],
        )
        self._publisher = self.create_publisher(JointTrajectory, "joint_trajectory", STREAM)
        self.create_subscription(JointState, "joint_states", self._relay, STREAM)

    def _relay(self, message: JointState) -> None:
        self._trajectory.header.stamp = message.header.stamp
        self._publisher.publish(self._trajectory)


if __name__ == "__main__":
    sys.exit(spin(Relay, args=[]))
