"""Viewers get the arm's description and transforms, also those that come late."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from live_graph import NodeProcess, Peer, peer
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from introspect_control.nodes.runtime import LATCHED, STREAM, TRANSFORMS
from introspect_control.transforms import TransformTree
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
MODULE = "introspect_control.nodes.state_publisher_node"
STATIC = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def me() -> Iterator[Peer]:
    with peer() as me, NodeProcess(MODULE):
        yield me


def test_a_late_joiner_gets_the_description_and_every_fixed_transform_at_once(me: Peer) -> None:
    # given a publisher that has been up for a while
    states = me.node.create_publisher(JointState, "joint_states", STREAM)
    me.wait_for(states.get_subscription_count, "the state publisher")

    # when
    descriptions = me.hear(String, "robot_description", LATCHED)
    fixed = me.hear(TFMessage, "/tf_static", STATIC)
    me.wait_for(lambda: descriptions and fixed, "the latched topics")

    # then
    assert descriptions[0].data == ARM.urdf()
    assert len(fixed) == 1
    children = {transform.child_frame_id for transform in fixed[0].transforms}
    assert children == {transform.child for transform in TransformTree(ARM.urdf()).fixed}
    assert {"panda_link0", "panda_hand_tcp", "camera_optical_frame"} <= children


def test_joint_states_become_transforms_with_the_same_stamp(me: Peer) -> None:
    # given
    states = me.node.create_publisher(JointState, "joint_states", STREAM)
    transforms = me.hear(TFMessage, "/tf", TRANSFORMS)
    me.wait_for(states.get_subscription_count, "the state publisher")
    message = JointState(name=[*ARM.joint_names, *ARM.gripper.joint_names])
    message.header.stamp.sec = 12
    message.position = [*ARM.home.tolist(), 0.01, 0.01]

    # when
    me.wait_for(lambda: states.publish(message) or transforms, "/tf")

    # then
    sent = transforms[0].transforms
    expected = TransformTree(ARM.urdf()).moving(
        dict(zip(message.name, message.position, strict=True))
    )
    assert [item.child_frame_id for item in sent] == [item.child for item in expected]
    assert {item.header.stamp.sec for item in sent} == {12}
    for item, transform in zip(sent, expected, strict=True):
        assert item.header.frame_id == transform.parent
        turn, shift = item.transform.rotation, item.transform.translation
        np.testing.assert_array_equal([turn.x, turn.y, turn.z, turn.w], transform.rotation)
        np.testing.assert_array_equal([shift.x, shift.y, shift.z], transform.translation)
