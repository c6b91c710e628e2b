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

    root = arm.link_names[0]

    def is_robot(link: str) -> bool:
        while link != root and link in child_of:
            link = _link(child_of[link], "parent")
        return bool(link == root)

    fingers = {
        link for link, joint in child_of.items() if joint.get("name") in arm.gripper.joint_names
    }
    for joint in robot.findall("joint"):
        if not is_robot(_link(joint, "child")) or _link(joint, "child") == arm.base_frame:
            robot.remove(joint)
    for link in robot.findall("link"):
        name = link.get("name", "")
        if name != arm.base_frame and not is_robot(name):
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
