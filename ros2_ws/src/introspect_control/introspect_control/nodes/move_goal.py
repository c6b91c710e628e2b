"""What a ``move_to`` goal asks for, and whether it makes sense."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from introspect_msgs.action import MoveTo

from introspect_control.planning import Goal, JointGoal, PlanningError, PoseGoal
from introspect_control.planning.poses import TaughtPose, find_pose
from introspect_description import ArmDescription, DescriptionError

LEAST_SPEED = 0.01  # share of the limits: a motion must come to an end some day
_ROUNDING = 1e-6  # of a float32


def read_goal(
    request: MoveTo.Goal, arm: ArmDescription, poses: Callable[[], Mapping[str, TaughtPose]]
) -> Goal:
    """The goal of a planner.

    Args:
        request: as received.
        arm: whose goal it is.
        poses: reads those that were taught.

    Raises:
        PlanningError: Not one goal, or one that cannot be; the message says why.
    """
    given = {
        "name": bool(request.name),
        "joint_positions": len(request.joint_positions) > 0,
        "pose": bool(request.pose.header.frame_id),
    }
    if sum(given.values()) != 1:
        found = ", ".join(what for what, there in given.items() if there) or "none"
        raise PlanningError(
            f"one of name, joint_positions and pose (with a frame_id) must be given, got {found}"
        )
    if given["name"]:
        try:
            return JointGoal(find_pose(request.name, arm, poses()))
        except DescriptionError as error:
            raise PlanningError(str(error)) from error
    if given["joint_positions"]:
        return JointGoal(np.array(request.joint_positions))
    if request.pose.header.frame_id != arm.base_frame:
        raise PlanningError(
            f"the pose is told in {request.pose.header.frame_id!r}; it must be of "
            f"{arm.tool_frame} in {arm.base_frame}"
        )
    at, turn = request.pose.pose.position, request.pose.pose.orientation
    return PoseGoal(np.array([at.x, at.y, at.z]), np.array([turn.x, turn.y, turn.z, turn.w]))


def read_speed(request: MoveTo.Goal, default: float) -> float:
    """Share of the limits to use, from ``LEAST_SPEED`` to 1.

    Raises:
        PlanningError: A speed outside that range which is not 0 either.
    """
    speed = float(request.speed)
    if speed == 0.0:
        return default
    if not LEAST_SPEED - _ROUNDING <= speed <= 1.0:  # NaN compares as false
        raise PlanningError(
            f"speed must be in [{LEAST_SPEED:g}, 1], or 0 for {default:g}, got {speed:g}"
        )
    return speed


def read_width(request: MoveTo.Goal, arm: ArmDescription) -> float | None:
    """Wanted distance between the fingers [m]; None: as it is.

    Raises:
        PlanningError: A width that the gripper does not have.
    """
    if not request.move_gripper:
        return None
    width = float(request.gripper_width)
    low, high = arm.gripper.width_min, arm.gripper.width_max
    if not low - 1e-6 <= width <= high + 1e-6:  # NaN compares as false
        raise PlanningError(f"gripper_width must be in [{low}, {high}] m, got {width}")
    return min(max(width, low), high)
