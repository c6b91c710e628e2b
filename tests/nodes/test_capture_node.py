"""What is published is in the bag: all of it, bit by bit, and nothing that it would misread."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ament_index_python.packages import get_package_share_path
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from introspect_msgs.msg import Activations, PolicyAction
from introspect_msgs.srv import StartCapture
from live_graph import DEEP, PATIENCE, NodeProcess, Peer, diagnosis, peer
from rclpy.duration import Duration
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from std_msgs.msg import String
from std_srvs.srv import Trigger

from introspect_control.capture import BagError, BagReader
from introspect_control.capture.definition import load_definition
from introspect_control.capture.verify import inspect
from introspect_control.nodes.offers import agreed_definition
from introspect_control.nodes.runtime import LATCHED

MODULE = "introspect_control.nodes.capture_node"


def capture(bag: Path | str = "", **parameters: object) -> NodeProcess:
    return NodeProcess(MODULE, {"bag": str(bag), **parameters} if bag else parameters)


def question(sequence: int, episode: int = 1) -> Activations:
    message = Activations(
        episode=episode, sequence=sequence, model_hash="ab" * 32, layer="features"
    )
    message.header.stamp.sec = sequence
    message.values = [0.5 * sequence] * 64
    return message


def publish_all(publisher: Any, messages: Sequence[Any]) -> list[Any]:
    """Publish, and wait until all has arrived: what is lost then, the node has lost."""
    for message in messages:
        publisher.publish(message)
    assert publisher.wait_for_all_acked(Duration(seconds=PATIENCE))
    return list(messages)


def recorded(bag: Path, topic: str, kind: type = Activations) -> list[Any]:
    """As ROS itself understands the bytes; those that only fill up may be anything."""
    return [deserialize_message(item.data, kind) for item in BagReader(bag).messages(topic)]


def listened_to(me: Peer, publisher: Any) -> None:
    me.wait_for(publisher.get_subscription_count, "the recorder")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_every_message_is_recorded_bit_by_bit_until_a_signal_ends_it(
    tmp_path: Path, number: int
) -> None:
    bag = tmp_path / "bag"
    with peer() as me, capture(bag, topics="['activations']") as node:
        publisher = me.node.create_publisher(Activations, "activations", DEEP)
        listened_to(me, publisher)

        sent = publish_all(publisher, [question(number) for number in range(500)])
        node.send(number)

        assert node.end() == 0
        assert "500 messages in " in node.output
    assert recorded(bag, "/activations") == sent
    assert inspect(bag).findings == []


def test_a_publisher_that_comes_late_is_recorded_too_and_so_is_what_was_latched(
    tmp_path: Path,
) -> None:
    bag = tmp_path / "bag"
    with peer() as me:
        latched = me.node.create_publisher(String, "robot_description", LATCHED)
        latched.publish(String(data="<robot/>"))
        with capture(bag) as node:
            listened_to(me, latched)
            late = me.node.create_publisher(PolicyAction, "policy/action", DEEP)
            listened_to(me, late)
            sent = publish_all(late, [PolicyAction(sequence=0), PolicyAction(sequence=1)])
            assert node.interrupt() == 0
    assert [m.message.data for m in BagReader(bag).messages("/robot_description")] == ["<robot/>"]
    assert recorded(bag, "/policy/action", PolicyAction) == sent


def test_a_publisher_that_offers_less_than_those_before_is_still_heard(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    best_effort = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
    names = [f"activations_{number}" for number in range(12)]  # each replaced at its own instant
    with peer() as me, capture(bag, topics=str(names)) as node:
        first = [me.node.create_publisher(Activations, name, DEEP) for name in names]
        for publisher in first:
            listened_to(me, publisher)
        second = [me.node.create_publisher(Activations, name, best_effort) for name in names]
        for publisher in second:
            listened_to(me, publisher)
        health = me.hear(DiagnosticArray, "/diagnostics", DEEP)

        def heard() -> bool:
            for publisher in second:
                publisher.publish(question(0))
            return int(diagnosis(health, "capture_node").get("messages", "0")) >= 10 * len(names)

        me.wait_for(heard, "messages in the bag")
        assert node.interrupt() == 0
    assert all(recorded(bag, f"/{name}") for name in names)


def test_messages_of_several_topics_are_in_the_order_of_their_arrival(tmp_path: Path) -> None:
    bag, names = tmp_path / "bag", ["one", "two"]
    with peer() as me, capture(bag, topics=str(names)) as node:
        publishers = [me.node.create_publisher(Activations, name, DEEP) for name in names]
        for publisher in publishers:
            listened_to(me, publisher)
        sent = []
        for number in range(300):
            sent.append(time.time_ns())
            publishers[number % 3 % 2].publish(question(number))
            time.sleep(1e-3)  # as a control loop does: one after the other
        assert all(each.wait_for_all_acked(Duration(seconds=PATIENCE)) for each in publishers)
        assert node.interrupt() == 0
    found = list(BagReader(bag).messages())
    assert [item.message.sequence for item in found] == list(range(300))
    assert all(a.log_time <= b.log_time for a, b in pairwise(found))
    assert all(item.log_time >= at for item, at in zip(found, sent, strict=True))
    assert found[-1].log_time - found[0].log_time < 1e9 * PATIENCE  # wall time


def test_topics_and_quality_of_service_are_in_the_bag_as_they_were(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    with peer() as me, capture(bag) as node:
        publisher = me.node.create_publisher(Activations, "activations", DEEP)
        listened_to(me, publisher)
        [info] = me.node.get_publishers_info_by_topic("activations")
        assert node.interrupt() == 0
    topic = BagReader(bag).topics["/activations"]
    assert topic.type == "introspect_msgs/msg/Activations"
    assert topic.type_hash == str(info.topic_type_hash) == topic.definition.hash
    text = (bag / "metadata.yaml").read_text()
    assert "reliability: reliable" in text
    assert "durability: volatile" in text


def test_recording_starts_and_stops_by_service(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with peer() as me, capture(topics="['activations']"):
        publisher = me.node.create_publisher(Activations, "activations", DEEP)

        answer = me.call(Trigger, "capture/stop")
        assert (answer.success, answer.message) == (False, "nothing is being recorded")
        for bag in (first, second):
            assert me.call(StartCapture, "capture/start", path=str(bag)).success
            answer = me.call(StartCapture, "capture/start", path=str(bag))
            assert not answer.success
            assert answer.message == f"recording into {bag} already; call capture/stop first"
            listened_to(me, publisher)
            publish_all(publisher, [question(number) for number in range(7)])
            answer = me.call(Trigger, "capture/stop")
            assert answer.success
            assert answer.message.startswith("7 messages in ")
            me.wait_for(lambda: not publisher.get_subscription_count(), "the end")
        answer = me.call(StartCapture, "capture/start", path=str(first))
        assert not answer.success
        assert answer.message == f"{first} exists already; name a folder that does not"
    assert len(recorded(first, "/activations")) == len(recorded(second, "/activations")) == 7


def test_a_folder_that_exists_ends_the_node_with_one_line(tmp_path: Path) -> None:
    with capture(tmp_path) as node:
        assert node.end() == 2
        assert f"{tmp_path} exists already; name a folder that does not" in node.output
        assert "Traceback" not in node.output


def test_diagnostics_tell_of_the_recording_and_of_its_end_on_a_full_disk(
    tmp_path: Path, small_disk: Path
) -> None:
    bag = small_disk / "bag"
    noise = [question(number) for number in range(64)]
    for message in noise:
        message.values = [float(hash((message.sequence, i)) % 9973) for i in range(5000)]
    with peer() as me, capture(bag) as node:
        publisher = me.node.create_publisher(Activations, "activations", DEEP)
        messages = me.hear(DiagnosticArray, "/diagnostics", DEEP)
        listened_to(me, publisher)
        me.wait_for(lambda: diagnosis(messages, "capture_node").get("recording"), "diagnostics")

        def failed() -> bool:
            for message in noise:
                publisher.publish(message)
            return any(
                status.level == DiagnosticStatus.ERROR
                for array in messages
                for status in array.status
                if status.name.endswith("capture_node")
            )

        me.wait_for(failed, "an error on /diagnostics")
        assert node.running  # nobody depends on it, and it can be asked to record again
        assert node.interrupt() == 0
        assert "stopped: No space left on device; what was written until then stays" in node.output
    assert recorded(bag, "/activations")


def endpoint(kind: str, type_hash: str) -> SimpleNamespace:
    """What is known of a publisher, as far as it matters here."""
    return SimpleNamespace(topic_type=kind, topic_type_hash=type_hash)


def test_a_publisher_with_another_definition_is_refused_with_both_hashes() -> None:
    kind = "introspect_msgs/msg/Activations"
    own = load_definition(kind, get_package_share_path).hash
    assert agreed_definition([endpoint(kind, own)]).hash == own
    other = "RIHS01_" + 64 * "0"
    with pytest.raises(BagError) as error:
        agreed_definition([endpoint(kind, own), endpoint(kind, other)])
    assert str(error.value) == (
        f"a publisher has another {kind}: {other} there, {own} here; "
        "build its package anew on both sides"
    )


def test_publishers_of_different_types_are_refused() -> None:
    infos = [endpoint("std_msgs/msg/String", "INVALID"), endpoint("std_msgs/msg/Int32", "INVALID")]
    with pytest.raises(BagError, match=r"do not agree on the type: std_msgs/msg/String, std_msgs"):
        agreed_definition(infos)


def test_a_type_that_is_not_installed_here_is_refused() -> None:
    for name in ("no_such_msgs/msg/String", "std_msgs/msg/Nothing"):
        with pytest.raises(BagError, match=f"type {name} is not installed"):
            agreed_definition([endpoint(name, "INVALID")])
