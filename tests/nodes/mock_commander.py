"""A commander of a mock arm, for tests over real DDS."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import PoseStamped
from introspect_msgs.msg import ArmStatus, GripperCommand
from introspect_msgs.srv import InjectFault
from live_graph import DEEP, Peer
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from introspect_control.nodes.runtime import LATCHED, STREAM
from introspect_description import ArmDescription


class MockCommander:
    """Hears a mock arm and commands it.

    Args:
        me: the test's node.
        arm: which one it is.
        prefix: of all names: a namespace with its slash.
    """

    def __init__(self, me: Peer, arm: ArmDescription, prefix: str = "") -> None:
        self.me, self.arm, self._prefix = me, arm, prefix
        self.joints: list[JointState] = me.hear(
            JointState, prefix + arm.controller.state_topic, DEEP
        )
        self.statuses: list[ArmStatus] = me.hear(ArmStatus, f"{prefix}arm/status", LATCHED)
        self.objects: list[PoseStamped] = me.hear(PoseStamped, f"{prefix}object_pose", DEEP)
        self.goals: list[PoseStamped] = me.hear(PoseStamped, f"{prefix}goal_pose", DEEP)
        self._trajectory = me.node.create_publisher(
            JointTrajectory, prefix + arm.controller.trajectory_topic, STREAM
        )
        self._gripper = me.node.create_publisher(
            GripperCommand, prefix + arm.gripper.command_topic, STREAM
        )

    def connect(self) -> None:
        """Wait until the arm hears and is heard."""
        publishers = (self._trajectory, self._gripper)
        self.me.wait_for(
            lambda: all(p.get_subscription_count() for p in publishers), "mock_arm_node to listen"
        )
        self.me.wait_for(lambda: self.joints and self.statuses, "joint states and status")

    def send(
        self,
        position: np.ndarray,
        seconds: float = 0.5,
        names: Sequence[str] | None = None,
        stamp: int = 0,
    ) -> None:
        """Send a trajectory of one point at rest."""
        point = JointTrajectoryPoint(
            positions=np.asarray(position, dtype=float).tolist(),
            velocities=[0.0] * len(position),
            time_from_start=Duration(nanosec=round(1e9 * seconds)),
        )
        message = JointTrajectory(joint_names=list(names or self.arm.joint_names), points=[point])
        message.header.stamp = Time(sec=stamp)
        self._trajectory.publish(message)

    def grip(self, width: float) -> None:
        """Send a gripper command."""
        self._gripper.publish(GripperCommand(width=width))

    def inject(
        self, fault: str, value: float = float("nan"), **times: float
    ) -> InjectFault.Response:
        """Call ``inject_fault``."""
        return self.me.call(
            InjectFault, f"{self._prefix}inject_fault", fault=fault, value=value, **times
        )

    def wait_for_state(self, state: int) -> ArmStatus:
        """Wait until the arm says that it is in a state; returns what it says."""
        self.me.wait_for(lambda: self.statuses[-1].state == state, f"state {state}")
        return self.statuses[-1]

    def wait_until_at(self, position: np.ndarray, tolerance: float = 0.01) -> None:
        """Wait until the arm is somewhere."""
        self.me.wait_for(
            lambda: np.abs(self.position - position).max() < tolerance, "the arm to arrive"
        )

    @property
    def position(self) -> np.ndarray:
        """Joints of the arm, as last seen."""
        latest = self.joints[-1]
        return np.array([latest.position[latest.name.index(n)] for n in self.arm.joint_names])

    @property
    def width(self) -> float:
        """Of the gripper, as last seen [m]."""
        latest = self.joints[-1]
        return sum(latest.position[latest.name.index(n)] for n in self.arm.gripper.joint_names)
