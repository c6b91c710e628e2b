"""The choreographer answers each question once, from the episode's own memory, or not at all."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
import pytest
from introspect_msgs.msg import Activations, BehaviourStatus
from live_graph import NodeProcess, Peer, peer
from rclpy.qos import DurabilityPolicy, QoSProfile

from introspect_control.nodes.runtime import SENSOR
from introspect_learning.models import (
    BehavioursRuntime,
    Choice,
    ChoreographerRuntime,
    ContractError,
    shipped,
)

pytest.importorskip("onnxruntime")
try:
    MODEL = shipped("bbrl")
except ContractError as error:  # a source tree without its model
    pytest.skip(str(error), allow_module_level=True)

MODULE = "introspect_learning.nodes.choreographer_node"
BEHAVIOURS = BehavioursRuntime.load(MODEL)
FEATURES = np.random.default_rng(0).normal(size=(40, 128)).astype(np.float32)


class Asker:
    """Asks, and hears the answers."""

    def __init__(self, me: Peer) -> None:
        self.me = me
        self.answers: list[BehaviourStatus] = me.hear(BehaviourStatus, "behaviour")
        self._publisher = me.node.create_publisher(Activations, "activations", SENSOR)
        me.connect()
        me.wait_for(self._publisher.get_subscription_count, "choreographer_node to listen")

        def answered() -> bool:  # it may still be unable to hear, or to be heard
            self.ask(99, 0, FEATURES[0])
            me.spin(0.2)
            return bool(self.answers)

        me.wait_for(answered, "a first answer")
        self.ask(98, 0, FEATURES[0])  # its answer comes after all others
        me.wait_for(lambda: self.answers[-1].episode == 98, "the answers to all questions")

    def ask(self, episode: int, sequence: int, values: np.ndarray, **fields: str) -> None:
        """Publish features."""
        given = {"model_hash": BEHAVIOURS.hash, "layer": "features"} | fields
        message = Activations(episode=episode, sequence=sequence, **given)
        message.header.stamp.sec = 100 + sequence
        message.values = array("f", values.astype(np.float32).tobytes())
        self._publisher.publish(message)

    def answer(self, episode: int, sequence: int, values: np.ndarray) -> BehaviourStatus:
        """Ask until the answer is there."""
        count = len(self.answers)
        self.ask(episode, sequence, values)
        self.me.wait_for(lambda: len(self.answers) > count, "an answer")
        return self.answers[-1]


@pytest.fixture(scope="module")
def me(ros_domain: int) -> Iterator[Peer]:
    with peer() as me:
        yield me


@pytest.fixture(scope="module")
def process(ros_domain: int) -> Iterator[NodeProcess]:
    with NodeProcess(MODULE) as process:
        yield process


@pytest.fixture(scope="module")
def asker(me: Peer, process: NodeProcess) -> Asker:
    return Asker(me)


def in_process() -> list[Choice]:
    runtime = ChoreographerRuntime.load(MODEL)
    return [runtime.run({"features": values}) for values in FEATURES]


def test_its_answers_are_bit_for_bit_those_in_process(asker: Asker) -> None:
    answers = [asker.answer(1, k, values) for k, values in enumerate(FEATURES)]

    for k, (answer, choice) in enumerate(zip(answers, in_process(), strict=True)):
        assert (answer.episode, answer.sequence, answer.header.stamp.sec) == (1, k, 100 + k)
        assert answer.index == choice.index
        assert answer.active == answer.names[choice.index]
        assert np.array_equal(answer.probabilities, choice.probabilities)
        assert answer.state_value == np.float32(choice.state_value)
    assert len({answer.active for answer in answers}) > 1


def test_a_new_episode_begins_without_memory(asker: Asker) -> None:
    expected = in_process()[0]

    for episode in (5, 6):
        answer = asker.answer(episode, 0, FEATURES[0])
        assert np.array_equal(answer.probabilities, expected.probabilities)
        asker.answer(episode, 1, FEATURES[1])


def test_other_layers_are_not_answered(asker: Asker) -> None:
    asker.ask(7, 0, FEATURES[0], layer="feature_1")

    assert asker.answer(8, 0, FEATURES[0]).episode == 8
    assert 7 not in [answer.episode for answer in asker.answers]


@pytest.mark.parametrize(
    ("values", "fields", "reason"),
    [
        (FEATURES[0], {"model_hash": "of another"}, "but gets those of of another"),
        (FEATURES[0, :5], {}, "features must be 128 numbers, got 5"),
        (FEATURES[0] * np.nan, {}, "features must be finite"),
    ],
    ids=["another model", "too short", "not finite"],
)
def test_features_that_it_cannot_judge_are_refused_with_the_reason(
    asker: Asker, process: NodeProcess, values: np.ndarray, fields: dict[str, str], reason: str
) -> None:
    def refused() -> bool:  # at most one line a second
        asker.ask(11, 0, values, **fields)
        asker.me.spin(0.1)
        return reason in process.output

    asker.me.wait_for(refused, "the refusal")

    assert 11 not in [answer.episode for answer in asker.answers]


def test_who_joins_later_sees_the_latest_decision(asker: Asker, me: Peer) -> None:
    latest = asker.answer(12, 0, FEATURES[0])
    qos = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    heard: list[BehaviourStatus] = []

    me.node.create_subscription(BehaviourStatus, "behaviour", heard.append, qos)

    me.wait_for(lambda: heard and heard[-1] == latest, "the latest decision")


def test_a_folder_without_a_policy_is_one_clear_line_and_exit_code_two(
    ros_domain: int, tmp_path
) -> None:
    with NodeProcess(MODULE, {"model": tmp_path}) as process:
        assert process.end() == 2
        assert f"{tmp_path} is not a policy folder: it has no behaviours/" in process.output
        assert "Traceback" not in process.output
