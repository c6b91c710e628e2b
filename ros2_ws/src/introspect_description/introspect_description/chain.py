"""The joints between two frames of a URDF, as the numbers that forward kinematics needs."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_description.errors import DescriptionError


@dataclass(frozen=True, eq=False)
class JointFrame:
    """One step of a kinematic chain: x_parent = rotation @ R(axis, q) @ x_child + translation.

    The arrays are read-only.
    """

    name: str  # of the joint; of the last frame for the fixed end of the chain
    rotation: NDArray[np.float64]  # (3, 3) from the joint's frame to the previous one
    translation: NDArray[np.float64]  # (3,) origin of the joint in the previous frame [m]
    axis: NDArray[np.float64]  # (3,) unit vector in the joint's frame; zeros if fixed
    revolute: bool  # False: a fixed transform

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        for array in (self.rotation, self.translation, self.axis):
            array.flags.writeable = False


def read_chain(urdf: str, base: str, tool: str) -> tuple[JointFrame, ...]:
    """Read the chain from a base link to a tool link.

    Fixed joints are folded into the next revolute one; what is left at the end of the chain becomes
    a last, fixed entry named after the tool.

    Args:
        urdf: text of the URDF.
        base: name of the link where the chain begins.
        tool: name of the link where it ends.

    Returns:
        One entry per revolute joint, from the base, and one for the tool.

    Raises:
        DescriptionError: the links are not connected, or a joint on the way is neither revolute,
            continuous nor fixed.
    """
    joint_above = {
        _attribute(joint, "child", "link"): joint
        for joint in ElementTree.fromstring(urdf).findall("joint")
    }
    path: list[ElementTree.Element] = []
    link = tool
    while link != base:
        if link not in joint_above:
            raise DescriptionError(
                f"the URDF has no chain of joints from '{base}' to '{tool}': it ends at '{link}'"
            )
        path.append(joint_above[link])
        link = _attribute(joint_above[link], "parent", "link")

    frames = []
    rotation, translation = np.eye(3), np.zeros(3)
    for joint in reversed(path):
        joint_rotation, joint_translation = _origin(joint)
        translation = translation + rotation @ joint_translation
        rotation = rotation @ joint_rotation
        kind = joint.get("type")
        if kind == "fixed":
            continue
        name = joint.get("name", "")
        if kind not in ("revolute", "continuous"):
            raise DescriptionError(
                f"joint '{name}' between '{base}' and '{tool}' is {kind};"
                " only revolute, continuous and fixed joints make an arm"
            )
        frames.append(JointFrame(name, rotation, translation, _axis(joint), revolute=True))
        rotation, translation = np.eye(3), np.zeros(3)
    frames.append(JointFrame(tool, rotation, translation, np.zeros(3), revolute=False))
    return tuple(frames)


def _attribute(joint: ElementTree.Element, child: str, attribute: str) -> str:
    element = joint.find(child)
    value = None if element is None else element.get(attribute)
    if value is None:
        raise DescriptionError(
            f"joint '{joint.get('name')}' of the URDF has no {child} {attribute}"
        )
    return value


def _vector(element: ElementTree.Element | None, attribute: str, default: str) -> list[float]:
    text = default if element is None else element.get(attribute, default)
    return [float(number) for number in text.split()]


def _axis(joint: ElementTree.Element) -> NDArray[np.float64]:
    axis = np.array(_vector(joint.find("axis"), "xyz", "1 0 0"))
    return np.asarray(axis / np.linalg.norm(axis), dtype=np.float64)


def _origin(joint: ElementTree.Element) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return rotation (3, 3) and translation (3,) of a joint: R = Rz(yaw) Ry(pitch) Rx(roll)."""
    origin = joint.find("origin")
    roll, pitch, yaw = _vector(origin, "rpy", "0 0 0")
    (cr, cp, cy), (sr, sp, sy) = np.cos([roll, pitch, yaw]), np.sin([roll, pitch, yaw])
    rotation = np.array(
        [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
    )
    return rotation, np.array(_vector(origin, "xyz", "0 0 0"))
