"""The messages of one simulated state, filled in place and published in a fixed order."""

from __future__ import annotations

from array import array

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from introspect_control.nodes.runtime import STREAM
from introspect_description import ArmDescription
from introspect_sim.simulation import State


class StatePublisher:
    """Publishes states: object, goal, clock, and last the joints, which others act on.

    Args:
        node: that publishes.
        arm: whose names and frame the messages carry.
    """

    def __init__(self, node: Node, arm: ArmDescription) -> None:
        self._object, self._goal = PoseStamped(), PoseStamped()
        self._clock, self._joints = Clock(), JointState()
        for message in (self._object, self._goal, self._joints):
            message.header.frame_id = arm.base_frame
        self._joints.name = [*arm.joint_names, *arm.gripper.joint_names]
        self._fingers = len(arm.gripper.joint_names)
        self._object_publisher = node.create_publisher(PoseStamped, "object_pose", STREAM)
        self._goal_publisher = node.create_publisher(PoseStamped, "goal_pose", STREAM)
        self._clock_publisher = node.create_publisher(Clock, "/clock", STREAM)
        self._joint_publisher = node.create_publisher(
            JointState, arm.controller.state_topic, STREAM
        )

    def publish(self, state: State) -> None:
        """Publish one state; all its messages carry its stamp."""
        seconds, nanoseconds = divmod(state.stamp, 1_000_000_000)
        for stamp in (
            self._object.header.stamp,
            self._goal.header.stamp,
            self._clock.clock,
            self._joints.header.stamp,
        ):
            stamp.sec, stamp.nanosec = seconds, nanoseconds
        pose, at = self._object.pose, state.object_pose.tolist()
        pose.position.x, pose.position.y, pose.position.z = at[:3]
        turn = pose.orientation
        turn.x, turn.y, turn.z, turn.w = at[3:]
        goal = self._goal.pose.position
        goal.x, goal.y, goal.z = state.goal_position.tolist()
        share = 1.0 / self._fingers
        position = array("d", state.joint_position.tobytes())
        position.extend([share * state.gripper_width] * self._fingers)
        velocity = array("d", state.joint_velocity.tobytes())
        velocity.extend([share * state.gripper_velocity] * self._fingers)
        self._joints.position, self._joints.velocity = position, velocity
        self._object_publisher.publish(self._object)
        self._goal_publisher.publish(self._goal)
        self._clock_publisher.publish(self._clock)
        self._joint_publisher.publish(self._joints)
