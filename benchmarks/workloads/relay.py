"""Nodes in a ring with nothing in between: joint states on, a trajectory of a bridge's size back.

Run as a program, it is one of the relays: the two words are its number, and how many there are.
"""

from __future__ import annotations

import sys
from functools import partial

from builtin_interfaces.msg import Duration
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from introspect_control.nodes.priority import come_first
from introspect_control.nodes.runtime import STREAM, spin
from introspect_description import ArmDescription
from introspect_sim.response_times import ResponseTimes

STATES = "joint_states"


class RelayedWorld(Node):
    """Publishes joint states at a rate [Hz] and takes trajectories."""

    def __init__(self, rate: float) -> None:
        super().__init__("relayed_world")
        arm = ArmDescription.load("panda")
        names = [*arm.joint_names, *arm.gripper.joint_names]
        self._state = JointState(name=names, position=[0.1] * 9, velocity=[0.0] * 9)
        self._stamp = 0
        self.responses = ResponseTimes(window=1_000_000)
        self._publisher = self.create_publisher(JointState, STATES, STREAM)
        self.create_subscription(JointTrajectory, "joint_trajectory", self._on_trajectory, STREAM)
        self.create_timer(1.0 / rate, self._publish)

    def _publish(self) -> None:
        self._stamp += 1
        self._state.header.stamp.nanosec = self._stamp
        self.responses.published(self._stamp)
        self._publisher.publish(self._state)

    def _on_trajectory(self, message: JointTrajectory) -> None:
        self.responses.answered(message.header.stamp.nanosec)


class Relay(Node):
    """Hands joint states on; the last of the ring answers them with a trajectory.

    Args:
        number: of this one, from 0.
        of: how many there are.
    """

    def __init__(self, number: int, of: int) -> None:
        super().__init__(f"relay_{number}")
        topic = f"{STATES}_{number}" if number else STATES
        if number + 1 < of:
            self._publisher = self.create_publisher(JointState, f"{STATES}_{number + 1}", STREAM)
            self.create_subscription(JointState, topic, self._publisher.publish, STREAM)
            return
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
        self.create_subscription(JointState, topic, self._answer, STREAM)

    def _answer(self, message: JointState) -> None:
        self._trajectory.header.stamp = message.header.stamp
        self._publisher.publish(self._trajectory)


if __name__ == "__main__":
    come_first()  # as the nodes do that an arm waits for
    sys.exit(spin(partial(Relay, *map(int, sys.argv[1:])), args=[]))
