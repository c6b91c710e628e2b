"""Keys become actions only where there is a joint state whose stamp they can carry."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from introspect_msgs.msg import PolicyAction
from live_graph import Peer, peer
from sensor_msgs.msg import JointState

from introspect_control.nodes.runtime import STREAM
from introspect_description import ArmDescription

pytestmark = pytest.mark.ros

ARM = ArmDescription.load("panda")


@pytest.fixture
def keyboard(ros_domain: int) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "introspect.nodes.teleoperation_node"]
    program = subprocess.Popen(words, stdin=subprocess.PIPE)
    yield program
    program.kill()
    program.communicate()


@pytest.fixture
def me(keyboard: subprocess.Popen[bytes]) -> Iterator[Peer]:
    with peer() as me:
        yield me


def test_a_key_before_the_first_joint_state_moves_nothing(
    keyboard: subprocess.Popen[bytes], me: Peer
) -> None:
    actions = me.hear(PolicyAction, "policy/action")
    me.connect()

    def hold(key: bytes) -> None:
        assert keyboard.stdin is not None
        keyboard.stdin.write(key)
        keyboard.stdin.flush()

    end = time.monotonic() + 1.0
    while time.monotonic() < end:  # longer than a press counts as held
        hold(b"w")
        me.spin(0.05)
    assert actions == []

    states = me.node.create_publisher(JointState, ARM.controller.state_topic, STREAM)
    message = JointState(name=list(ARM.joint_names), position=[0.0] * 7, velocity=[0.0] * 7)
    message.header.stamp.sec = 42

    def answered() -> bool:
        states.publish(message)
        hold(b"w")
        return bool(actions)

    me.wait_for(answered, "an action")
    assert {action.header.stamp.sec for action in actions} == {42}
    assert actions[-1].mode == PolicyAction.MOVE
    assert actions[-1].twist.linear.x > 0.0
