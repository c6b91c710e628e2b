"""The arm as the page draws it."""

from __future__ import annotations

import numpy as np
import pytest

from introspect.dashboard.urdf_scene import (
    Link,
    SceneError,
    from_roll_pitch_yaw,
    multiply,
    read_scene,
    rotate,
)
from introspect_control.kinematics import KinematicChain
from introspect_description import ArmDescription


@pytest.fixture(scope="module")
def arm() -> ArmDescription:
    return ArmDescription.load("panda")


def pose_of(name: str, links: tuple[Link, ...], joints: dict[str, float]) -> np.ndarray:
    """Position of a link in the world, by walking down its path."""
    position, rotation = np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0])
    target = next(link for link in links if link.path.endswith(f"/{name}"))
    for link in links:
        if f"{target.path}/".startswith(f"{link.path}/"):
            pose = link.pose(joints.get(link.joint, 0.0))
            position = position + rotate(rotation, pose.position)
            rotation = multiply(rotation, pose.rotation)
    return position


def test_the_tool_is_drawn_where_the_kinematics_has_it(arm: ArmDescription) -> None:
    links = read_scene(arm.urdf())
    chain = KinematicChain(arm.chain())
    generator = np.random.default_rng(0)
    for _ in range(20):
        q = generator.uniform(arm.limits.lower, arm.limits.upper)
        joints = dict(zip(arm.joint_names, q, strict=True))
        expected = chain.forward(q[None])[0][0]
        np.testing.assert_allclose(pose_of(arm.tool_frame, links, joints), expected, atol=1e-9)


def test_the_fingers_open_as_far_as_their_joints_say(arm: ArmDescription) -> None:
    links = read_scene(arm.urdf())
    left, right = arm.gripper.joint_names
    fingers = [link.path.split("/")[-1] for link in links if link.joint in (left, right)]
    open_joints = {left: 0.04, right: 0.03}
    gap = np.subtract(*(pose_of(finger, links, open_joints) for finger in fingers))
    closed = np.subtract(*(pose_of(finger, links, {}) for finger in fingers))
    assert np.linalg.norm(gap - closed) == pytest.approx(0.07)


def test_every_part_of_the_arm_has_a_shape_and_a_colour(arm: ArmDescription) -> None:
    links = read_scene(arm.urdf())
    drawn = {link.path.split("/")[-1] for link in links if link.shapes}
    assert {f"panda_link{number}" for number in range(8)} <= drawn
    colours = {shape.colour for link in links for shape in link.shapes}
    assert (235, 237, 240) in colours


def test_turns_about_fixed_axes_are_applied_x_first() -> None:
    rotation = from_roll_pitch_yaw(np.pi / 2, 0.0, np.pi / 2)
    np.testing.assert_allclose(rotate(rotation, np.array([0.0, 1.0, 0.0])), [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotate(rotation, np.array([1.0, 0.0, 0.0])), [0, 1, 0], atol=1e-12)


def robot(content: str) -> str:
    return f'<robot name="r"><link name="a"/>{content}</robot>'


JOINT = '<joint name="j" type="fixed"><parent link="a"/><child link="b"/></joint>'


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            f'<link name="b"><visual><geometry><mesh/></geometry></visual></link>{JOINT}',
            "link b is drawn with mesh; only box, cylinder, sphere can be",
        ),
        (
            f'<link name="b"><visual><geometry/></visual></link>{JOINT}',
            "link b is drawn with nothing",
        ),
        ('<link name="b"/>', "a URDF has one root link, this one has a, b"),
        (JOINT, "joint j carries an unknown link 'b'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(content: str, complaint: str) -> None:
    with pytest.raises(SceneError, match=complaint):
        read_scene(robot(content))
