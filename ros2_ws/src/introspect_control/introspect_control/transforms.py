"""Where every link of a robot is, from its URDF and the joints' positions."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]  # x, y, z, w

_TURNING = ("revolute", "continuous")
_SUPPORTED = (*_TURNING, "prismatic", "fixed")


class UrdfError(ValueError):
    """A URDF that cannot be turned into transforms."""


class Transform(NamedTuple):
    """Pose of a link in its parent link."""

    parent: str
    child: str
    translation: Vector  # [m]
    rotation: Quaternion


@dataclass(frozen=True)
class _Joint:
    name: str
    kind: str
    parent: str
    child: str
    translation: Vector  # [m]
    rotation: Quaternion
    axis: Vector  # of unit length
    source: str  # joint whose position is followed: its own, or that of the joint it mimics
    multiplier: float
    offset: float  # [rad] or [m]


class TransformTree:
    """Transforms of all links of a robot, parent to child.

    ``T_parent_child(q) = T_origin · Rot(axis, q)`` for joints that turn, and
    ``T_origin · Trans(axis · q)`` for joints that slide.

    Args:
        urdf: the robot's description as text, xacro already expanded.

    Raises:
        UrdfError: No URDF, a joint type that is not supported, or a joint without axis or links.
    """

    def __init__(self, urdf: str) -> None:
        try:
            root = ET.fromstring(urdf)
        except ET.ParseError as error:
            raise UrdfError(f"not an XML document: {error}") from error
        if root.tag != "robot":
            raise UrdfError(f"expected a <robot>, got a <{root.tag}>")
        joints = [_read_joint(element) for element in root.findall("joint")]
        self._moving = tuple(joint for joint in joints if joint.kind != "fixed")
        self.fixed = tuple(
            Transform(joint.parent, joint.child, joint.translation, joint.rotation)
            for joint in joints
            if joint.kind == "fixed"
        )
        self.joint_names = tuple(joint.name for joint in self._moving if joint.source == joint.name)

    def moving(self, positions: Mapping[str, float]) -> list[Transform]:
        """Transforms of the links whose joint's position is known.

        Args:
            positions: of joints by name [rad] or [m]; others are left out, as are values that are
                not finite.
        """
        transforms = []
        for joint in self._moving:
            position = positions.get(joint.source)
            if position is None or not math.isfinite(position):
                continue
            q = joint.multiplier * position + joint.offset
            translation, rotation = joint.translation, joint.rotation
            if joint.kind in _TURNING:
                rotation = multiply(rotation, about(joint.axis, q))
            else:
                x, y, z = rotate(rotation, joint.axis)
                translation = (
                    translation[0] + q * x,
                    translation[1] + q * y,
                    translation[2] + q * z,
                )
            transforms.append(Transform(joint.parent, joint.child, translation, rotation))
        return transforms


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """The rotation b followed by a."""
    x1, y1, z1, w1 = a
    x2, y2, z2, w2 = b
    return (
        w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
        w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
        w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
        w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
    )


def rotate(rotation: Quaternion, vector: Vector) -> Vector:
    """The vector, turned."""
    x, y, z, w = rotation
    turned = multiply(multiply(rotation, (*vector, 0.0)), (-x, -y, -z, w))
    return turned[:3]


def about(axis: Vector, angle: float) -> Quaternion:
    """A rotation by an angle [rad] about an axis of unit length."""
    sin = math.sin(0.5 * angle)
    return (axis[0] * sin, axis[1] * sin, axis[2] * sin, math.cos(0.5 * angle))


def from_rpy(roll: float, pitch: float, yaw: float) -> Quaternion:
    """A rotation by roll about x, then pitch about y, then yaw about z, all fixed [rad]."""
    turn = multiply(about((0.0, 1.0, 0.0), pitch), about((1.0, 0.0, 0.0), roll))
    return multiply(about((0.0, 0.0, 1.0), yaw), turn)


def _read_joint(element: ET.Element) -> _Joint:
    name, kind = element.get("name", ""), element.get("type", "")
    if kind not in _SUPPORTED:
        raise UrdfError(f"joint {name!r} is {kind!r}; supported: {', '.join(_SUPPORTED)}")
    links = [_attribute(element, tag, "link") for tag in ("parent", "child")]
    if "" in links:
        raise UrdfError(f"joint {name!r} needs a parent link and a child link")
    axis = _vector(name, "axis", _attribute(element, "axis", "xyz") or "1 0 0")
    length = math.hypot(*axis)
    if length < 1e-9:
        raise UrdfError(f"joint {name!r} has a zero axis; give a direction")
    return _Joint(
        name=name,
        kind=kind,
        parent=links[0],
        child=links[1],
        translation=_vector(name, "origin", _attribute(element, "origin", "xyz") or "0 0 0"),
        rotation=from_rpy(
            *_vector(name, "origin", _attribute(element, "origin", "rpy") or "0 0 0")
        ),
        axis=(axis[0] / length, axis[1] / length, axis[2] / length),
        source=_attribute(element, "mimic", "joint") or name,
        multiplier=_number(name, "mimic", _attribute(element, "mimic", "multiplier") or "1"),
        offset=_number(name, "mimic", _attribute(element, "mimic", "offset") or "0"),
    )


def _attribute(element: ET.Element, tag: str, attribute: str) -> str:
    child = element.find(tag)
    return "" if child is None else child.get(attribute, "")


def _vector(joint: str, tag: str, text: str) -> Vector:
    numbers = [_number(joint, tag, word) for word in text.split()]
    if len(numbers) != 3:
        raise UrdfError(f"<{tag}> of joint {joint!r} needs three numbers, got {text!r}")
    return numbers[0], numbers[1], numbers[2]


def _number(joint: str, tag: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise UrdfError(f"<{tag}> of joint {joint!r} needs numbers, got {text!r}") from error
    if not math.isfinite(number):
        raise UrdfError(f"<{tag}> of joint {joint!r} needs finite numbers, got {text!r}")
    return number
