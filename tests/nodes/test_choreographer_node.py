"""The choreographer answers each question once, from the episode's own memory, or not at all."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from introspect_msgs.msg import Activations, BehaviourStatus, InternalState
from live_graph import NodeProcess, Peer, diagnosis, peer
from rclpy.qos import DurabilityPolicy, QoSProfile

from introspect_control.nodes.runtime import STREAM
from introspect_learning.models import (
    BehavioursRuntime,
    Choice,
    ChoreographerRuntime,
    Contract,
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
        self._publisher = me.node.create_publisher(Activations, "activations", STREAM)
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
        assert np.array_equal(answer.memory, choice.memory)
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


OTHER = "another_choreographer"
APART = ["-r", f"__node:={OTHER}", "-r", "activations:=told", "-r", "behaviour:=decided"]


STATES = Contract.read(MODEL / "internal_states", "internal_states").hash


class Told:
    """Tells a choreographer of its own, whose topics have other names, and hears it decide."""

    def __init__(self, me: Peer) -> None:
        self.me = me
        self.decisions: list[BehaviourStatus] = me.hear(BehaviourStatus, "decided")
        self.diagnostics: list[DiagnosticArray] = me.hear(DiagnosticArray, "/diagnostics")
        self._activations = me.node.create_publisher(Activations, "told", STREAM)
        self._insight = me.node.create_publisher(InternalState, "internal_state", STREAM)
        me.connect()
        me.wait_for(self._activations.get_subscription_count, "it to listen")
        self.decisions.clear()  # of an earlier test
        self.diagnostics.clear()

    def tell(self, sequence: int, layers: dict[str, np.ndarray], episode: int = 1) -> None:
        """Publish the layers of one period."""
        for layer, values in layers.items():
            message = Activations(episode=episode, sequence=sequence, layer=layer)
            message.model_hash = BEHAVIOURS.hash
            message.header.stamp.sec = 100 + sequence
            message.values = array("f", values.astype(np.float32).tobytes())
            self._activations.publish(message)

    def decision(
        self, sequence: int, layers: dict[str, np.ndarray], episode: int = 1
    ) -> BehaviourStatus:
        """Tell a period until there is a decision on it."""
        count = len(self.decisions)

        def decided() -> bool:
            if sequence == 0:  # it may still be unable to hear; a first question may come again
                self.tell(sequence, layers, episode)
            self.me.spin(0.2)
            return any(
                (one.episode, one.sequence) == (episode, sequence) for one in self.decisions[count:]
            )

        if sequence > 0:
            self.tell(sequence, layers, episode)
        self.me.wait_for(decided, "a decision")
        return self.decisions[-1]

    def doubt(self, sequence: int, failure: float, episode: int = 1, model: str = STATES) -> None:
        """Publish how likely a failure is."""
        message = InternalState(
            episode=episode, sequence=sequence, failure_probability=failure, model_hash=model
        )
        message.header.stamp.sec = 100 + sequence
        self._insight.publish(message)


def random_layers(names: tuple[str, ...]) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(1)
    sizes = BEHAVIOURS.contract.layers
    return [
        {name: rng.normal(size=sizes[name]).astype(np.float32) for name in names} for _ in range(12)
    ]


@pytest.mark.parametrize(
    ("listens_to", "layers"),
    [("sample", ("features", "feature_1")), ("observation", ("observation",))],
)
def test_a_choreographer_of_other_layers_decides_as_in_process(
    me: Peer, tmp_path, listens_to: str, layers: tuple[str, ...]
) -> None:
    pytest.importorskip("torch")
    from internal_states import policy_that_listens_to

    policy = policy_that_listens_to(tmp_path / "model", listens_to)
    runtime = ChoreographerRuntime.load(policy, BEHAVIOURS.hash)
    with NodeProcess(MODULE, {"model": policy}, APART):
        told = Told(me)
        for sequence, heard in enumerate(random_layers(layers)):
            decision, choice = told.decision(sequence, heard), runtime.run(heard)
            assert np.array_equal(decision.probabilities, choice.probabilities)
            assert decision.index == choice.index


def test_a_choreographer_whose_layers_are_not_published_names_them(me: Peer, tmp_path) -> None:
    pytest.importorskip("torch")
    from internal_states import policy_that_listens_to

    policy = policy_that_listens_to(tmp_path / "model", "means")
    with NodeProcess(MODULE, {"model": policy}, APART):
        told, sequence = Told(me), 0
        heard = random_layers(("features", "observation"))[0]

        def named() -> bool:
            nonlocal sequence
            sequence += 1
            told.tell(sequence, heard)
            me.spin(0.04)
            return any(
                status.level == b"\x02"
                and "this choreographer listens to feature_1, features, but feature_1 did not come"
                in status.message
                for message in told.diagnostics
                for status in message.status
                if status.name.endswith(OTHER)
            )

        me.wait_for(named, "the error on /diagnostics")
        assert not told.decisions


def test_an_attempt_that_looks_like_failing_is_started_over(me: Peer) -> None:
    # given
    layers = [{"features": values} for values in FEATURES]
    parameters = {"retry_above": 0.6, "retry_after": 1.0, "retry_pause": 60.0}
    with NodeProcess(MODULE, parameters, APART) as process:
        told, runtime = Told(me), ChoreographerRuntime.load(MODEL)
        for sequence in range(3):
            before = told.decision(sequence, layers[sequence])
            told.doubt(sequence, 0.59)
        expected = [runtime.run(heard) for heard in layers[:3]][-1]
        assert np.array_equal(before.probabilities, expected.probabilities)

        # when it is above for a second of the observations' time
        told.doubt(2, 0.9, model="abc")  # of another model
        told.doubt(9, 0.9, model="abc")
        told.doubt(2, 0.9, episode=7)  # of another episode
        told.doubt(3, 0.9)
        told.doubt(4, 0.9)

        # then
        process.wait_for_output("episode 1, period 4: trying anew, as failure has 90 % probability")
        runtime.reset()
        for sequence in range(3, 9):
            told.doubt(sequence + 2, 0.9)  # too soon for another attempt
            after, choice = told.decision(sequence, layers[sequence]), runtime.run(layers[sequence])
            assert np.array_equal(after.probabilities, choice.probabilities)
        me.wait_for(
            lambda: diagnosis(told.diagnostics, OTHER).get("retries") == "1",
            "the new attempt to be counted",
        )
