"""Messages of the arm bridge and of those it talks to, to and from plain types."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Twist, Vector3
from introspect_msgs.msg import GripperCommand, GuardStatus, PolicyAction
from numpy.typing import NDArray
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from introspect_control.bridge import Action, BridgeStatus
from introspect_control.trajectory import Trajectory, trajectory_in_order
from introspect_description import ArmDescription

SECOND = 1_000_000_000  # [ns]


def nanoseconds(stamp: Time) -> int:
    """A message's stamp as one number [ns]."""
    return SECOND * stamp.sec + stamp.nanosec


def read_action(message: PolicyAction) -> Action:
    """What a policy asks, as received."""
    linear, angular = message.twist.linear, message.twist.angular
    return Action(
        stamp=nanoseconds(message.header.stamp),
        episode=message.episode,
        sequence=message.sequence,
        moving=message.mode == PolicyAction.MOVE,
        linear=np.array([linear.x, linear.y, linear.z]),
        angular=np.array([angular.x, angular.y, angular.z]),
        gripper_width=message.gripper_width,
        behaviour=message.behaviour,
        model_hash=message.model_hash,
    )


def write_action(action: Action, arm: ArmDescription) -> PolicyAction:
    """An action as it was carried out."""
    sec, nanosec = divmod(action.stamp, SECOND)
    return PolicyAction(
        header=Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=arm.base_frame),
        episode=action.episode,
        sequence=action.sequence,
        mode=PolicyAction.MOVE if action.moving else PolicyAction.HOLD,
        twist=Twist(linear=_vector(action.linear), angular=_vector(action.angular)),
        gripper_width=action.gripper_width,
        behaviour=action.behaviour,
        model_hash=action.model_hash,
    )


def unpack_trajectory(
    message: JointTrajectory,
) -> tuple[Sequence[str], list[float], list[Sequence[float]], list[Sequence[float]]]:
    """Joint names, times [s], positions [rad] and velocities [rad/s] of the points, as received."""
    points = message.points
    return (
        message.joint_names,
        [point.time_from_start.sec + 1e-9 * point.time_from_start.nanosec for point in points],
        [point.positions for point in points],
        [point.velocities for point in points],
    )


def read_trajectory(message: JointTrajectory, arm: ArmDescription) -> Trajectory:
    """A trajectory with its joints in the arm's order (see ``trajectory_in_order``)."""
    return trajectory_in_order(arm.joint_names, *unpack_trajectory(message))


def write_trajectory(trajectory: Trajectory, arm: ArmDescription) -> JointTrajectory:
    """A trajectory that starts when it arrives: its stamp is zero."""
    points = []
    for time, position, velocity in zip(*trajectory, strict=True):
        sec, nanosec = divmod(round(SECOND * float(time)), SECOND)
        points.append(
            JointTrajectoryPoint(
                positions=array("d", position.tobytes()),
                velocities=array("d", velocity.tobytes()),
                time_from_start=Duration(sec=sec, nanosec=nanosec),
            )
        )
    return JointTrajectory(
        header=Header(frame_id=arm.base_frame), joint_names=list(arm.joint_names), points=points
    )


def write_gripper(width: float, arm: ArmDescription, now: Time) -> GripperCommand:
    """A gripper command with the arm's usual force."""
    return GripperCommand(
        header=Header(stamp=now, frame_id=arm.tool_frame),
        width=width,
        max_effort=arm.gripper.grip_force,
    )


def write_status(status: BridgeStatus, arm: ArmDescription, now: Time) -> GuardStatus:
    """The state of the guard."""
    return GuardStatus(
        header=Header(stamp=now, frame_id=arm.base_frame),
        state=int(status.state),
        reason=status.reason,
        passed=status.passed,
        clamped=status.clamped,
        rejected=status.rejected,
        late=status.late,
        tracking_error=status.tracking_error,
    )


def _vector(values: NDArray[np.float64]) -> Vector3:
    x, y, z = values.tolist()
    return Vector3(x=x, y=y, z=z)
