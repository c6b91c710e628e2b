"""Motions from rest to rest that touch nothing."""

from introspect_control.planning.builtin import BuiltinPlanner
from introspect_control.planning.config import PlannerConfig
from introspect_control.planning.moveit_config import write_moveit_config
from introspect_control.planning.planner import (
    Goal,
    JointGoal,
    Motion,
    Planner,
    PlanningError,
    PoseGoal,
)
from introspect_control.planning.poses import TaughtPose, find_pose, read_poses, write_pose

__all__ = [
    "BuiltinPlanner",
    "Goal",
    "JointGoal",
    "Motion",
    "Planner",
    "PlannerConfig",
    "PlanningError",
    "PoseGoal",
    "TaughtPose",
    "find_pose",
    "read_poses",
    "write_moveit_config",
    "write_pose",
]
