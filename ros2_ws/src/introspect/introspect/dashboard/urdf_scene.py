"""A URDF made of primitives, as a tree that a scene graph can draw and a joint state can move."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect.errors import IntrospectError

Array = NDArray[np.float64]
Colour = tuple[int, int, int]

_DEFAULT_COLOUR: Colour = (200, 200, 200)


class SceneError(IntrospectError):
    """The URDF holds something that cannot be drawn."""


@dataclass(frozen=True)
class Pose:
    """A pose in the frame of its parent."""

    position: Array  # (3,) [m]
    rotation: Array  # (4,) quaternion w x y z, as scene graphs want it


@dataclass(frozen=True)
class Shape:
    """One primitive of a link."""

    kind: str  # box, cylinder (along z) or sphere
    size: tuple[float, ...]  # box: x y z; cylinder: radius, length; sphere: radius [m]
    pose: Pose  # in the link
    colour: Colour


@dataclass(frozen=True)
class Link:
    """A link, the joint that carries it, and its shapes."""

    path: str  # of names from the root, with slashes
    joint: str  # name of its joint, "" for the root
    kind: str  # of the joint: fixed, revolute, continuous or prismatic
    axis: Array  # (3,) unit vector in the joint's frame
    origin: Pose  # of the joint in the parent link, at position 0
    shapes: tuple[Shape, ...]

    def pose(self, position: float) -> Pose:
        """Pose in the parent link for a joint position [rad or m].

        ``T = T_origin · exp(axis · position)``
        """
        if self.kind == "prismatic":
            offset = rotate(self.origin.rotation, self.axis * position)
            return Pose(self.origin.position + offset, self.origin.rotation)
        if self.kind == "fixed":
            return self.origin
        turn = np.array([math.cos(position / 2), *(math.sin(position / 2) * self.axis)])
        return Pose(self.origin.position, multiply(self.origin.rotation, turn))


def read_scene(urdf: str) -> tuple[Link, ...]:
    """Read a URDF.

    Args:
        urdf: its text.

    Returns:
        The links, each after its parent.

    Raises:
        SceneError: if it is not a tree of links, or a visual is not a primitive.
    """
    robot = ElementTree.fromstring(urdf)
    colours = {m.get("name", ""): _colour(m) for m in robot.findall("material") if _has_colour(m)}
    links = {link.get("name", ""): link for link in robot.findall("link")}
    joints: dict[str, list[ElementTree.Element]] = {}
    children = set()
    for joint in robot.findall("joint"):
        joints.setdefault(_end(joint, "parent"), []).append(joint)
        children.add(_end(joint, "child"))
    roots = [name for name in links if name not in children]
    if len(roots) != 1:
        raise SceneError(f"a URDF has one root link, this one has {', '.join(roots) or 'none'}")

    def below(name: str, path: str) -> Iterator[Link]:
        for joint in joints.get(name, []):
            child = _end(joint, "child")
            if child not in links:
                raise SceneError(f"joint {joint.get('name')} carries an unknown link '{child}'")
            yield Link(
                path=f"{path}/{child}",
                joint=joint.get("name", ""),
                kind=joint.get("type", "fixed"),
                axis=_axis(joint),
                origin=_origin(joint),
                shapes=_shapes(links[child], colours),
            )
            yield from below(child, f"{path}/{child}")

    still = Pose(np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))
    shapes = _shapes(links[roots[0]], colours)
    root = Link(f"/{roots[0]}", "", "fixed", np.array([0.0, 0.0, 1.0]), still, shapes)
    return (root, *below(roots[0], root.path))


def multiply(a: Array, b: Array) -> Array:
    """The quaternion product ``a·b``, w x y z."""
    (w, v), (u, r) = (a[0], a[1:]), (b[0], b[1:])
    return np.array([w * u - v @ r, *(w * r + u * v + np.cross(v, r))])


def rotate(rotation: Array, vector: Array) -> Array:
    """The vector turned by a unit quaternion, w x y z."""
    twice = 2.0 * np.cross(rotation[1:], vector)
    turned: Array = vector + rotation[0] * twice + np.cross(rotation[1:], twice)
    return turned


def from_roll_pitch_yaw(roll: float, pitch: float, yaw: float) -> Array:
    """The quaternion w x y z of turns about the fixed axes x, y, z [rad]."""
    (cr, sr), (cp, sp), (cy, sy) = ((math.cos(a / 2), math.sin(a / 2)) for a in (roll, pitch, yaw))
    turn_x, turn_y, turn_z = (cr, sr, 0.0, 0.0), (cp, 0.0, sp, 0.0), (cy, 0.0, 0.0, sy)
    return multiply(np.array(turn_z), multiply(np.array(turn_y), np.array(turn_x)))


def _numbers(element: ElementTree.Element | None, name: str, default: str) -> list[float]:
    text = default if element is None else element.get(name, default)
    return [float(word) for word in text.split()]


def _origin(element: ElementTree.Element) -> Pose:
    origin = element.find("origin")
    position = np.array(_numbers(origin, "xyz", "0 0 0"))
    return Pose(position, from_roll_pitch_yaw(*_numbers(origin, "rpy", "0 0 0")))


def _axis(joint: ElementTree.Element) -> Array:
    axis = np.array(_numbers(joint.find("axis"), "xyz", "1 0 0"))
    unit: Array = axis / np.linalg.norm(axis)
    return unit


def _end(joint: ElementTree.Element, which: str) -> str:
    end = joint.find(which)
    return "" if end is None else end.get("link", "")


def _has_colour(material: ElementTree.Element) -> bool:
    return material.find("color") is not None


def _colour(material: ElementTree.Element) -> Colour:
    red, green, blue, _ = (
        round(255 * value) for value in _numbers(material.find("color"), "rgba", "0.8 0.8 0.8 1")
    )
    return red, green, blue


def _shapes(link: ElementTree.Element, colours: dict[str, Colour]) -> tuple[Shape, ...]:
    shapes = []
    for visual in link.findall("visual"):
        geometry = visual.find("geometry")
        body = None if geometry is None or len(geometry) == 0 else geometry[0]
        sizes = {"box": ("size",), "cylinder": ("radius", "length"), "sphere": ("radius",)}
        if body is None or body.tag not in sizes:
            what = "nothing" if body is None else body.tag
            raise SceneError(
                f"link {link.get('name')} is drawn with {what}; only {', '.join(sizes)} can be"
            )
        size = [number for name in sizes[body.tag] for number in _numbers(body, name, "")]
        material = visual.find("material")
        colour = _DEFAULT_COLOUR
        if material is not None:
            named = colours.get(material.get("name", ""), _DEFAULT_COLOUR)
            colour = _colour(material) if _has_colour(material) else named
        shapes.append(Shape(body.tag, tuple(size), _origin(visual), colour))
    return tuple(shapes)
