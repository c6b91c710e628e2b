"""Transforms from the URDF agree with the kinematics that the servo computes with."""

import numpy as np
import pytest
from numpy.typing import NDArray

from introspect_control import KinematicChain
from introspect_control.transforms import Transform, TransformTree, UrdfError, rotate
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
TREE = TransformTree(ARM.urdf())


def pose(transforms: list[Transform], base: str, tip: str) -> NDArray[np.float64]:
    """T_base_tip (4, 4), by walking up from the tip."""
    parents = {transform.child: transform for transform in transforms}
    matrix = np.eye(4)
    frame = tip
    while frame != base:
        transform = parents[frame]
        step = np.eye(4)
        step[:3, :3] = np.array([rotate(transform.rotation, axis) for axis in UNIT_VECTORS]).T
        step[:3, 3] = transform.translation
        matrix = step @ matrix
        frame = transform.parent
    return matrix


UNIT_VECTORS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def test_the_tool_is_where_the_kinematic_chain_says() -> None:
    random = np.random.default_rng(0)
    chain = KinematicChain(ARM.chain())
    for _ in range(20):
        # given
        q = random.uniform(ARM.limits.lower, ARM.limits.upper)

        # when
        moving = TREE.moving(dict(zip(ARM.joint_names, q.tolist(), strict=True)))
        tool = pose([*TREE.fixed, *moving], ARM.base_frame, ARM.tool_frame)

        # then
        position, rotation = chain.forward(q[None])
        np.testing.assert_allclose(tool[:3, 3], position[0], atol=1e-12)
        np.testing.assert_allclose(tool[:3, :3], rotation[0], atol=1e-12)


def test_fingers_slide_apart_by_the_gripper_width() -> None:
    left, right = ARM.gripper.joint_names
    positions = dict.fromkeys(ARM.joint_names, 0.0) | {left: 0.02, right: 0.02}

    transforms = [*TREE.fixed, *TREE.moving(positions)]

    fingers = [
        pose(transforms, "panda_hand", f"panda_{side}finger")[:3, 3] for side in ("left", "right")
    ]
    np.testing.assert_allclose(fingers[0] - fingers[1], [0.0, 0.04, 0.0], atol=1e-12)


def test_every_link_but_the_root_has_one_parent() -> None:
    positions = dict.fromkeys([*ARM.joint_names, *ARM.gripper.joint_names], 0.0)

    children = [transform.child for transform in [*TREE.fixed, *TREE.moving(positions)]]

    assert len(children) == len(set(children))
    assert "world" not in children


def test_links_of_unknown_or_broken_joints_are_left_out() -> None:
    transforms = TREE.moving({"panda_joint1": 0.1, "panda_joint2": float("nan"), "lift": 0.3})

    assert [transform.child for transform in transforms] == ["panda_link1"]


def test_a_mimic_joint_follows_the_other_one() -> None:
    tree = TransformTree(
        """<robot name="gripper">
             <joint name="a" type="prismatic">
               <parent link="hand"/><child link="left"/><axis xyz="0 2 0"/>
             </joint>
             <joint name="b" type="prismatic">
               <parent link="hand"/><child link="right"/><axis xyz="0 1 0"/>
               <mimic joint="a" multiplier="-1" offset="0.01"/>
             </joint>
           </robot>"""
    )

    left, right = tree.moving({"a": 0.03, "b": 99.0})

    assert tree.joint_names == ("a",)
    np.testing.assert_allclose(left.translation, [0.0, 0.03, 0.0])
    np.testing.assert_allclose(right.translation, [0.0, -0.02, 0.0])


@pytest.mark.parametrize(
    ("urdf", "message"),
    [
        ("", "not an XML document"),
        ("<world/>", "expected a <robot>, got a <world>"),
        (
            '<robot><joint name="j" type="floating"/></robot>',
            "joint 'j' is 'floating'; supported: revolute, continuous, prismatic, fixed",
        ),
        (
            '<robot><joint name="j" type="fixed"><parent link="a"/></joint></robot>',
            "joint 'j' needs a parent link and a child link",
        ),
        (
            '<robot><joint name="j" type="revolute"><parent link="a"/><child link="b"/>'
            '<axis xyz="0 0 0"/></joint></robot>',
            "joint 'j' has a zero axis",
        ),
        (
            '<robot><joint name="j" type="fixed"><parent link="a"/><child link="b"/>'
            '<origin xyz="1 2"/></joint></robot>',
            "<origin> of joint 'j' needs three numbers, got '1 2'",
        ),
        (
            '<robot><joint name="j" type="fixed"><parent link="a"/><child link="b"/>'
            '<origin rpy="1 x 2"/></joint></robot>',
            "<origin> of joint 'j' needs numbers, got 'x'",
        ),
        (
            '<robot><joint name="j" type="fixed"><parent link="a"/><child link="b"/>'
            '<origin rpy="1 nan 2"/></joint></robot>',
            "<origin> of joint 'j' needs finite numbers, got 'nan'",
        ),
    ],
)
def test_a_broken_urdf_is_refused_with_the_joint_named(urdf: str, message: str) -> None:
    with pytest.raises(UrdfError, match=message):
        TransformTree(urdf)
