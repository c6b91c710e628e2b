"""The arm's URDF in two parts, because Bullet lets no two links of one body collide."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from introspect_description import ArmDescription


def split_urdf(arm: ArmDescription) -> tuple[str, str]:
    """Split the URDF into the robot and what stands around it.

    In one body the fingers could not touch the table. Only fingers and surroundings keep their
    collision shapes: the arm's motion is planned to be free.

    Returns:
        URDF of the robot, rooted at its base frame, and URDF of the rest, rooted at `world`.
    """
    robot, rest = (ElementTree.fromstring(arm.urdf()) for _ in range(2))
    child_of = {_link(joint, "child"): joint for joint in robot.findall("joint")}

    def is_robot(link: str) -> bool:
        while link != arm.base_frame and link in child_of:
            link = _link(child_of[link], "parent")
        return bool(link == arm.base_frame)

    fingers = {
        link for link, joint in child_of.items() if joint.get("name") in arm.gripper.joint_names
    }
    for joint in robot.findall("joint"):
        if not is_robot(_link(joint, "parent")):
            robot.remove(joint)
    for link in robot.findall("link"):
        if not is_robot(link.get("name", "")):
            robot.remove(link)
        elif link.get("name") not in fingers:
            for collision in link.findall("collision"):
                link.remove(collision)
    for joint in rest.findall("joint"):
        if is_robot(_link(joint, "child")):
            rest.remove(joint)
    for link in rest.findall("link"):
        if is_robot(link.get("name", "")):
            rest.remove(link)
    return (
        ElementTree.tostring(robot, encoding="unicode"),
        ElementTree.tostring(rest, encoding="unicode"),
    )


def _link(joint: ElementTree.Element, end: str) -> str:
    element = joint.find(end)
    return "" if element is None else element.get("link", "")
