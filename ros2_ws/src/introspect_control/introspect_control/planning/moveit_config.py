"""The configuration that MoveIt wants of an arm, made of the arm's data."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from introspect_control.atomic import write_folder
from introspect_control.collision import CollisionModel
from introspect_control.planning.config import PlannerConfig

if TYPE_CHECKING:
    from introspect_description import ArmDescription

GROUP = "arm"  # of the seven joints
HAND = "hand"  # group of the fingers
BRIDGE = "arm_bridge"  # name that MoveIt knows the bridge by, as if it were a controller
_REASONS = {"fixed": "Adjacent", "adjacent": "Adjacent", "home": "Default", "fingers": "User"}
_PLANNING = "default_planning"


def write_moveit_config(
    arm: ArmDescription, folder: Path, config: PlannerConfig | None = None
) -> Path:
    """Write a package ``<arm>_moveit_config`` for colcon, as MoveIt's own assistant would.

    What it tells of controllers leads to the arm bridge, so that whatever MoveIt executes goes
    through the command guard.

    Args:
        arm: whose URDF, limits, home and gripper are written down.
        folder: in which the package is made, or replaced as a whole.
        config: the shares of the limits to use, and the time to plan in.

    Returns:
        The package's folder.
    """
    config = config or PlannerConfig()
    package = folder / f"{arm.name}_moveit_config"
    yamls = {
        "kinematics": kinematics(),
        "joint_limits": joint_limits(arm, config),
        "ompl_planning": ompl_planning(),
        "moveit_controllers": controllers(arm),
        "moveit_cpp": moveit_cpp(arm, config),
    }

    def fill(aside: Path) -> None:
        (aside / "config").mkdir()
        (aside / "package.xml").write_text(_PACKAGE.format(name=package.name, arm=arm.name))
        (aside / "CMakeLists.txt").write_text(_CMAKE.format(name=package.name))
        (aside / "config" / f"{arm.name}.urdf").write_text(arm.urdf())
        (aside / "config" / f"{arm.name}.srdf").write_text(srdf(arm))
        for name, content in yamls.items():
            text = yaml.safe_dump(content, sort_keys=False, default_flow_style=False)
            (aside / "config" / f"{name}.yaml").write_text(text)

    folder.mkdir(parents=True, exist_ok=True)
    write_folder(package, fill)
    return package


def moveit_parameters(arm: ArmDescription, config: PlannerConfig) -> dict[str, Any]:
    """The same as the one dictionary that ``MoveItPy(config_dict=...)`` takes."""
    return {
        "robot_description": arm.urdf(),
        "robot_description_semantic": srdf(arm),
        "robot_description_kinematics": kinematics(),
        "robot_description_planning": joint_limits(arm, config),
        "ompl": ompl_planning(),
        **controllers(arm),
        **moveit_cpp(arm, config),
    }


def srdf(arm: ArmDescription) -> str:
    """Groups, home, end effector and the pairs of links that may touch, as XML.

    There is no virtual joint: the URDF's root is the link `world` already.
    """
    root = ElementTree.Element("robot", name="introspect")
    group = ElementTree.SubElement(root, "group", name=GROUP)
    ElementTree.SubElement(group, "chain", base_link=arm.link_names[0], tip_link=arm.tool_frame)
    hand = ElementTree.SubElement(root, "group", name=HAND)
    for joint in arm.gripper.joint_names:
        ElementTree.SubElement(hand, "joint", name=joint)
    home = ElementTree.SubElement(root, "group_state", name="home", group=GROUP)
    for joint, value in zip(arm.joint_names, arm.home.tolist(), strict=True):
        ElementTree.SubElement(home, "joint", name=joint, value=repr(value))
    ElementTree.SubElement(
        root,
        "end_effector",
        name="gripper",
        parent_link=arm.tool_frame,
        group=HAND,
        parent_group=GROUP,
    )
    for first, second, reason in CollisionModel(arm).excluded:
        ElementTree.SubElement(
            root, "disable_collisions", link1=first, link2=second, reason=_REASONS[reason]
        )
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def kinematics() -> dict[str, Any]:
    """Inverse kinematics of the arm's group."""
    return {
        GROUP: {
            "kinematics_solver": "kdl_kinematics_plugin/KDLKinematicsPlugin",
            "kinematics_solver_search_resolution": 0.005,
            "kinematics_solver_timeout": 0.05,
        }
    }


def joint_limits(arm: ArmDescription, config: PlannerConfig) -> dict[str, Any]:
    """Velocity, acceleration and jerk that the bridge allows; a URDF tells only the first."""
    limits = arm.limits.scaled(config.velocity_scale, config.acceleration_scale, config.jerk)
    return {
        "default_velocity_scaling_factor": 1.0,
        "default_acceleration_scaling_factor": 1.0,
        "joint_limits": {
            name: {
                "has_velocity_limits": True,
                "max_velocity": velocity,
                "has_acceleration_limits": True,
                "max_acceleration": acceleration,
                "has_jerk_limits": True,
                "max_jerk": jerk,
            }
            for name, velocity, acceleration, jerk in zip(
                limits.names,
                limits.velocity.tolist(),
                limits.acceleration.tolist(),
                limits.jerk.tolist(),
                strict=True,
            )
        },
    }


def ompl_planning() -> dict[str, Any]:
    """OMPL's RRT-Connect, with times that keep the jerk limits too."""
    return {
        "planning_plugins": ["ompl_interface/OMPLPlanner"],
        "request_adapters": [
            f"{_PLANNING}_request_adapters/{name}"
            for name in (
                "ResolveConstraintFrames",
                "ValidateWorkspaceBounds",
                "CheckStartStateBounds",
                "CheckStartStateCollision",
            )
        ],
        "response_adapters": [
            f"{_PLANNING}_response_adapters/{name}"
            for name in (
                "AddTimeOptimalParameterization",
                "AddRuckigTrajectorySmoothing",
                "ValidateSolution",
                "DisplayMotionPath",
            )
        ],
        "planner_configs": {"RRTConnect": {"type": "geometric::RRTConnect", "range": 0.0}},
        GROUP: {
            "default_planner_config": "RRTConnect",
            "planner_configs": ["RRTConnect"],
            "longest_valid_segment_fraction": 0.005,
        },
    }


def controllers(arm: ArmDescription) -> dict[str, Any]:
    """The arm bridge as the one controller."""
    return {
        "moveit_controller_manager": (
            "moveit_simple_controller_manager/MoveItSimpleControllerManager"
        ),
        "moveit_manage_controllers": False,
        "moveit_simple_controller_manager": {
            "controller_names": [BRIDGE],
            BRIDGE: {
                "action_ns": "follow_joint_trajectory",
                "type": "FollowJointTrajectory",
                "default": True,
                "joints": list(arm.joint_names),
            },
        },
        "trajectory_execution": {
            "allowed_execution_duration_scaling": 1.2,
            "allowed_goal_duration_margin": 0.5,
            "allowed_start_tolerance": 0.01,
            "execution_duration_monitoring": True,
        },
    }


def moveit_cpp(arm: ArmDescription, config: PlannerConfig) -> dict[str, Any]:
    """How MoveItPy plans, and where it hears of the arm."""
    return {
        "planning_scene_monitor_options": {
            "name": "planning_scene_monitor",
            "robot_description": "robot_description",
            "joint_state_topic": arm.controller.state_topic,
            "attached_collision_object_topic": "moveit_cpp/attached_collision_object",
            "publish_planning_scene_topic": "moveit_cpp/publish_planning_scene",
            "monitored_planning_scene_topic": "moveit_cpp/monitored_planning_scene",
            "wait_for_initial_state_timeout": 0.0,
        },
        "planning_pipelines": {"pipeline_names": ["ompl"]},
        "plan_request_params": {
            "planning_attempts": 1,
            "planning_pipeline": "ompl",
            "planner_id": "RRTConnect",
            "planning_time": config.timeout,
            "max_velocity_scaling_factor": 1.0,
            "max_acceleration_scaling_factor": 1.0,
        },
    }


_PACKAGE = """<?xml version="1.0"?>
<package format="3">
  <name>{name}</name>
  <version>0.1.0</version>
  <description>MoveIt's configuration for {arm}, written by introspect_control.</description>
  <maintainer email="introspect-developers@users.noreply.github.com">
    introspect developers
  </maintainer>
  <license>Apache-2.0</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <exec_depend>moveit_kinematics</exec_depend>
  <exec_depend>moveit_planners_ompl</exec_depend>
  <exec_depend>moveit_simple_controller_manager</exec_depend>
  <export><build_type>ament_cmake</build_type></export>
</package>
"""

_CMAKE = """cmake_minimum_required(VERSION 3.22)
project({name})
find_package(ament_cmake REQUIRED)
install(DIRECTORY config DESTINATION share/${{PROJECT_NAME}})
ament_package()
"""
