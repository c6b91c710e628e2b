"""Subscriptions change while messages come: none is lost by that, and none is recorded twice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from introspect_msgs.msg import Activations
from live_graph import DEEP, PATIENCE, NodeProcess, Peer, peer
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message

from introspect_control.capture import BagError, BagReader
from introspect_control.nodes import recorder as recorders
from introspect_control.nodes.recorder import Recorder
from introspect_control.nodes.runtime import LATCHED

MODULE = "introspect_control.nodes.capture_node"
BEST_EFFORT = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)


def sequences(bag: Path, episode: int = 1) -> list[int]:
    found = [deserialize_message(m.data, Activations) for m in BagReader(bag).messages()]
    return [message.sequence for message in found if message.episode == episode]


def publisher(me: Peer, qos: QoSProfile = DEEP) -> Any:
    """One more, which everybody knows of when it is returned."""
    before = len(me.node.get_publishers_info_by_topic("topic"))
    made = me.node.create_publisher(Activations, "topic", qos)
    me.wait_for(
        lambda: len(me.node.get_publishers_info_by_topic("topic")) > before, "the publisher"
    )
    return made


def publish(to: Any, first: int, count: int, episode: int = 1) -> None:
    for number in range(first, first + count):
        to.publish(Activations(episode=episode, sequence=number))
    assert to.wait_for_all_acked(Duration(seconds=PATIENCE))


def test_what_is_sent_while_a_subscription_is_replaced_is_recorded_once(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    with peer() as me, NodeProcess(MODULE, {"bag": str(bag), "topics": "['topic']"}) as node:
        strict = publisher(me)
        me.wait_for(strict.get_subscription_count, "the recorder")
        for number in range(600):
            if number == 150:
                lax = me.node.create_publisher(Activations, "topic", BEST_EFFORT)
            strict.publish(Activations(episode=1, sequence=number))
            time.sleep(1e-3)  # as a control loop does: one after the other
        assert strict.wait_for_all_acked(Duration(seconds=PATIENCE))
        me.wait_for(lax.get_subscription_count, "the subscription that asks for less")
        publish(lax, 0, 10, episode=2)
        time.sleep(0.2)  # nobody confirms these
        assert node.interrupt() == 0
    assert sequences(bag) == list(range(600))
    assert sequences(bag, episode=2) == list(range(10))


@pytest.mark.parametrize("overlap", [0.0, 60.0])
def test_while_both_subscriptions_hear_the_same_each_message_is_recorded_once(
    tmp_path: Path, overlap: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorders, "OVERLAP", overlap)
    with peer() as me:
        strict = publisher(me)
        recorder = Recorder(me.node, tmp_path / "bag", ["topic"])
        publish(strict, 0, 5)
        lax = publisher(me, qos=BEST_EFFORT)
        publish(strict, 5, 5)
        recorder.discover()
        publish(strict, 10, 5)
        publish(lax, 0, 5, episode=2)
        recorder.take()
        publish(strict, 15, 5)
        recorder.discover()
        recorder.take()
        publish(strict, 20, 5)
        assert recorder.stop().messages == 30
    assert sequences(tmp_path / "bag") == list(range(25))
    assert sequences(tmp_path / "bag", episode=2) == list(range(5))


@pytest.mark.parametrize(
    ("reliability", "durability"),
    [
        (ReliabilityPolicy.BEST_EFFORT, DurabilityPolicy.TRANSIENT_LOCAL),
        (ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE),
    ],
)
def test_what_was_latched_is_recorded_once_though_another_subscription_takes_over(
    tmp_path: Path, reliability: ReliabilityPolicy, durability: DurabilityPolicy
) -> None:
    with peer() as me:
        latched = publisher(me, qos=LATCHED)
        publish(latched, 0, 1)
        recorder = Recorder(me.node, tmp_path / "bag", ["topic"])
        me.wait_for(lambda: recorder.take() or recorder.progress.messages, "the latched message")
        publisher(me, qos=QoSProfile(depth=10, reliability=reliability, durability=durability))
        recorder.discover()
        time.sleep(0.2)
        latched.publish(Activations(episode=1, sequence=1))
        me.wait_for(lambda: recorder.take() or recorder.progress.messages > 1, "the next message")
        recorder.stop()
    assert sequences(tmp_path / "bag") == [0, 1]


def test_a_topic_that_is_refused_keeps_what_had_arrived_and_is_not_called_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise BagError("a publisher has another topic")

    with peer() as me:
        good = publisher(me)
        recorder = Recorder(me.node, tmp_path / "bag", ["topic", "nobody"])
        publish(good, 0, 5)
        monkeypatch.setattr(recorders, "compare", refuse)
        recorder.discover()
        publish(good, 5, 5)
        recorder.discover()
        assert recorder.silent == ("/nobody",)
        assert recorder.heard == ()
        recorder.stop()
    assert sequences(tmp_path / "bag") == list(range(5))
