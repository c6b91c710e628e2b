"""What a mock arm shows, as messages."""

from __future__ import annotations

from array import array

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, PoseStamped
from introspect_msgs.msg import ArmStatus as ArmStatusMessage
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from introspect_description import ArmDescription
from introspect_sim.mock import ArmStatus
from introspect_sim.mock.joint_reports import JointReport
from introspect_sim.mock.pose_reports import PoseReport


def write_joints(report: JointReport, arm: ArmDescription) -> JointState:
    """A joint state, as it is: also where it makes no sense."""
    return JointState(
        header=_header(report.stamp, arm),
        name=list(report.names),
        position=array("d", report.position.tobytes()),
        velocity=array("d", report.velocity.tobytes()),
    )


def write_object(report: PoseReport, arm: ArmDescription) -> PoseStamped | None:
    """Where the object was seen, if it was."""
    if report.object_pose is None:
        return None
    x, y, z, *turn = report.object_pose.tolist()
    message = PoseStamped(header=_header(report.stamp, arm))
    message.pose.position = Point(x=x, y=y, z=z)
    orientation = message.pose.orientation
    orientation.x, orientation.y, orientation.z, orientation.w = turn
    return message


def write_goal(report: PoseReport, arm: ArmDescription) -> PoseStamped:
    """Where the goal was seen."""
    x, y, z = report.goal.tolist()
    message = PoseStamped(header=_header(report.stamp, arm))
    message.pose.position = Point(x=x, y=y, z=z)
    return message


def write_status(status: ArmStatus, stamp: int, arm: ArmDescription) -> ArmStatusMessage:
    """The arm's condition at ``stamp`` [ns]."""
    return ArmStatusMessage(
        header=_header(stamp, arm),
        state=int(status.state),
        reason=status.reason,
        speed_scaling=float(status.speed_scaling),
        aborted=status.aborted,
    )


def _header(stamp: int, arm: ArmDescription) -> Header:
    sec, nanosec = divmod(stamp, 1_000_000_000)
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=arm.base_frame)
