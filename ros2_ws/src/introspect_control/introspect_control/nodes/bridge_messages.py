"""Messages of the arm bridge, to and from the plain types it decides with."""

from __future__ import annotations

from array import array

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Twist, Vector3
from introspect_msgs.msg import GripperCommand, GuardStatus, PolicyAction
from numpy.typing import NDArray
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from introspect_control.bridge import Action, BridgeStatus
from introspect_control.trajectory import Trajectory
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


def read_trajectory(message: JointTrajectory, arm: ArmDescription) -> Trajectory:
    """A trajectory with its joints in the arm's order, from whatever order the message has.

    Raises:
        ValueError: Other joints than the arm's, or points without positions and velocities.
    """
    names = list(message.joint_names)
    if sorted(names) != sorted(arm.joint_names):
        raise ValueError(
            f"it names {', '.join(names) or 'no joint'}; the arm has {', '.join(arm.joint_names)}"
        )
    order = [names.index(name) for name in arm.joint_names]
    points = message.points
    if not points:
        raise ValueError("it has no points")
    lengths = {len(values) for p in points for values in (p.positions, p.velocities)}
    if lengths != {len(names)}:
        raise ValueError(f"each point needs {len(names)} positions and as many velocities")
    times = [p.time_from_start.sec + 1e-9 * p.time_from_start.nanosec for p in points]
    return Trajectory(
        np.array(times),
        np.array([p.positions for p in points], dtype=np.float64)[:, order],
        np.array([p.velocities for p in points], dtype=np.float64)[:, order],
    )


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
