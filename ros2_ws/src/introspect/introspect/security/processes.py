"""Every process of the stack and what it does on the ROS graph: the one place where it is written.

The policy that is shipped is made of this (``introspect.security.policy``); a test compares it with
what the running nodes really do, and finds both what is missing and what is superfluous.
"""

from __future__ import annotations

from introspect.security.access import (
    COMMAND,
    COMMAND_ACTION,
    EVERY_NODE,
    GRIPPER,
    GRIPPER_ACTION,
    MANAGER,
    STATE,
    Access,
    Rights,
)

_POSES = ("object_pose", "goal_pose")
_IMAGES = ("camera/image_raw", "camera/camera_info")
_TRANSFORMS = ("/tf", "/tf_static")
_GUARD = "guard/status"
_CLIENT = "follow_trajectory/client"  # the sign of life of whoever asks for motions
_WATCHED = (STATE, *_POSES, "behaviour", "internal_state", "policy/action", _GUARD)
"""What the page and the terminal show."""

BRIDGE = Access(
    "arm_bridge_node",
    Rights(
        publishes=(COMMAND, GRIPPER, "policy/action_sent", _GUARD),
        subscribes=(
            *(STATE, "policy/action", "internal_state", "arm/status", "robot_description"),
            _CLIENT,
        ),
        serves=("guard/stop", "guard/rearm", "guard/check"),
        executes=("follow_trajectory",),
    ),
    with_driver=Rights(orders=(COMMAND_ACTION, GRIPPER_ACTION), calls=(MANAGER,)),
)
"""The arm's only commander."""

POLICY = (
    Access(
        "behaviour_node",
        Rights(
            publishes=("activations", "policy/action"),
            subscribes=(STATE, *_POSES, "behaviour", _GUARD),
            executes=("execute_task",),
        ),
    ),
    Access(
        "choreographer_node",
        Rights(publishes=("behaviour",), subscribes=("activations", "internal_state")),
    ),
    Access(
        "internal_state_node",
        Rights(publishes=("internal_state",), subscribes=("activations",)),
    ),
    Access(
        "task_node",
        Rights(
            subscribes=(_GUARD, "arm/status"),
            calls=("guard/rearm", "arm/recover", "reset_world"),
            orders=("execute_task", "move_to"),
        ),
    ),
    Access(
        "planner_node",
        Rights(
            publishes=(_CLIENT,),
            subscribes=(STATE,),
            executes=("move_to",),
            orders=("follow_trajectory",),
        ),
    ),
)
"""Who asks the bridge for something."""

WORLDS = (
    Access(
        "sim_node",
        Rights(
            publishes=(STATE, *_POSES, *_IMAGES, "/clock"),
            subscribes=(COMMAND, GRIPPER, "policy/action", "policy/action_sent", "activations"),
            serves=("reset_world", "perturb_world"),
        ),
    ),
    Access(
        "mock_arm_node",
        Rights(
            publishes=(STATE, *_POSES, *_IMAGES, "arm/status"),
            subscribes=(COMMAND, GRIPPER),
            serves=(
                "arm/recover",
                "arm/emergency_stop",
                "inject_fault",
                "reset_world",
                "perturb_world",
            ),
        ),
    ),
    Access(
        "driver_node",
        Rights(
            publishes=(STATE, "arm/status"), subscribes=(COMMAND, GRIPPER), serves=("arm/recover",)
        ),
    ),
    Access(
        "state_publisher_node",
        Rights(publishes=("robot_description", *_TRANSFORMS), subscribes=(STATE,)),
    ),
    Access("object_pose_node", Rights(publishes=_POSES, subscribes=(STATE, *_IMAGES))),
)
"""Arms and what is around them."""

_WHICH_ARM = "arm_bridge_node/get_parameters"
PEOPLE = (
    Access("teleoperation_node", Rights(publishes=("policy/action",), subscribes=(STATE, _GUARD))),
    Access(
        "introspect_arm",
        Rights(
            subscribes=(_GUARD,),
            calls=(
                *("guard/check", "guard/rearm", "guard/stop", "arm/recover", "inject_fault"),
                _WHICH_ARM,
            ),
            orders=("move_to",),
        ),
        usual=EVERY_NODE,
    ),
    Access("introspect_teach", Rights(subscribes=(STATE,)), usual=EVERY_NODE),
    Access("calibration_terminal", Rights(subscribes=(STATE, *_IMAGES))),
    Access(
        "capture_node",
        Rights(
            subscribes=(
                *(*_WATCHED, COMMAND, GRIPPER, "activations", "policy/action_sent", *_IMAGES),
                *("execute_task/_action/status", "robot_description", *_TRANSFORMS, "/diagnostics"),
            ),
            serves=("capture/start", "capture/stop"),
        ),
    ),
    Access(
        "dashboard_node",
        Rights(subscribes=_WATCHED, calls=("guard/stop", "guard/rearm", "perturb_world")),
    ),
    Access("introspect_view", Rights(subscribes=_WATCHED), usual=EVERY_NODE),
    Access(
        "introspect_doctor",
        Rights(subscribes=(STATE, *_POSES, _GUARD, "/clock", "/diagnostics")),
        usual=EVERY_NODE,
    ),
    Access(  # after its displays: there is none among the wheels to compare with
        "rviz",
        Rights(
            publishes=("/rosout",),
            subscribes=(
                *("/clock", "robot_description", *_TRANSFORMS, *_POSES),
                *("keypoints/markers", "camera/image_raw"),
            ),
        ),
        usual=EVERY_NODE,
    ),
)
"""Who looks on, or lays a hand on it."""

PROCESSES = (BRIDGE, *POLICY, *WORLDS, *PEOPLE)
"""Every process, once."""
