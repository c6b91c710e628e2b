"""What is recorded where nobody says what."""

from __future__ import annotations

from introspect_description import ArmDescription

IMAGES = ("camera/image_raw", "camera/camera_info")
"""Added where images are asked for: they are most of a bag."""


def default_topics(arm: ArmDescription, images: bool = False) -> tuple[str, ...]:
    """Names of everything that tells what arm, policy and world did.

    Args:
        arm: whose driver's topics are among them.
        images: whether the camera's are.
    """
    topics = (
        arm.controller.state_topic,
        arm.controller.trajectory_topic,
        arm.gripper.command_topic,
        "object_pose",
        "goal_pose",
        "activations",
        "behaviour",
        "policy/action",
        "policy/action_sent",
        "internal_state",
        "guard/status",
        "execute_task/_action/status",
        "robot_description",
        "/tf",
        "/tf_static",
        "/clock",
        "/diagnostics",
    )
    return (*topics, *IMAGES) if images else topics
