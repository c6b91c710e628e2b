"""A commander of a simulated arm, for tests over real DDS."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import PoseStamped
from introspect_msgs.msg import GripperCommand
from live_graph import DEEP, Peer
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from introspect_control.nodes.runtime import STREAM
from introspect_description import ArmDescription

PANDA = ArmDescription.load("panda")


class Arm:
    """A commander of the simulated arm."""

    def __init__(self, me: Peer) -> None:
        self.me = me
        self.joints: list[JointState] = me.hear(JointState, "joint_states", DEEP)
        self.objects: list[PoseStamped] = me.hear(PoseStamped, "object_pose", DEEP)
        self.goals: list[PoseStamped] = me.hear(PoseStamped, "goal_pose", DEEP)
        topic = PANDA.controller.trajectory_topic
        self._trajectory = me.node.create_publisher(JointTrajectory, topic, STREAM)
        self._gripper = me.node.create_publisher(GripperCommand, "gripper/command", STREAM)

    def connect(self) -> None:
        """Wait until the simulation hears and is heard."""
        publishers = (self._trajectory, self._gripper)
        self.me.wait_for(
            lambda: all(p.get_subscription_count() for p in publishers), "sim_node to listen"
        )
        self.see(1)

    def see(self, states: int) -> None:
        """Wait for some more states."""
        count = len(self.joints) + states
        self.me.wait_for(lambda: len(self.joints) >= count, f"{states} states")

    def send(
        self, position: np.ndarray, names: tuple[str, ...] = PANDA.joint_names, time: float = 0.2
    ) -> None:
        """Send a trajectory of one point at rest."""
        point = JointTrajectoryPoint(
            positions=np.asarray(position, dtype=float).tolist(),
            velocities=[0.0] * len(position),
            time_from_start=Duration(nanosec=round(1e9 * time)),
        )
        self._trajectory.publish(JointTrajectory(joint_names=list(names), points=[point]))

    def grip(self, width: float) -> None:
        """Send a gripper command."""
        self._gripper.publish(GripperCommand(width=width))

    @property
    def position(self) -> np.ndarray:
        """Joints of the arm, as last seen."""
        latest = self.joints[-1]
        return np.array([latest.position[latest.name.index(n)] for n in PANDA.joint_names])

    @property
    def width(self) -> float:
        """Of the gripper, as last seen [m]."""
        latest = self.joints[-1]
        return sum(latest.position[latest.name.index(n)] for n in PANDA.gripper.joint_names)
