"""The internal state over DDS is that computed in process, or is refused with the reason."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from introspect_msgs.msg import Activations, InternalState
from live_graph import NodeProcess, Peer, diagnosis, peer

from introspect_control.nodes.runtime import STREAM
from introspect_learning.models import (
    BehavioursRuntime,
    ContractError,
    InternalStateRuntime,
    shipped,
)

pytest.importorskip("onnxruntime")
pytest.importorskip("torch")  # to make a model
try:
    MODEL = shipped("bbrl")
except ContractError as error:  # a source tree without its model
    pytest.skip(str(error), allow_module_level=True)

MODULE = "introspect_learning.nodes.internal_state_node"
HASH = BehavioursRuntime.load(MODEL).hash
RANDOM = np.random.default_rng(0)
PERIODS = [
    {name: RANDOM.normal(size=128).astype(np.float32) for name in ("feature_1", "features")}
    for _ in range(30)
]
ACTED = ["", *(("approach", "grasp", "retract")[k // 10] for k in range(29))]


class Teller:
    """Tells activations, and hears what is made of them."""

    def __init__(self, me: Peer) -> None:
        self.me = me
        self.found: list[InternalState] = me.hear(InternalState, "internal_state")
        self.diagnostics: list[DiagnosticArray] = me.hear(DiagnosticArray, "/diagnostics")
        self._publisher = me.node.create_publisher(Activations, "activations", STREAM)
        me.connect()
        me.wait_for(self._publisher.get_subscription_count, "internal_state_node to listen")

        def answered() -> bool:
            self.tell(99, 0, PERIODS[0])
            me.spin(0.2)
            return bool(self.found)

        me.wait_for(answered, "a first internal state")
        self.tell(98, 0, PERIODS[0])
        me.wait_for(lambda: self.found[-1].episode == 98, "the answers to all that was told")

    def tell(
        self,
        episode: int,
        sequence: int,
        layers: dict[str, np.ndarray],
        behaviour: str = "",
        model_hash: str = HASH,
    ) -> None:
        """Publish the layers of one period."""
        for layer, values in layers.items():
            message = Activations(episode=episode, sequence=sequence, layer=layer)
            message.model_hash, message.behaviour = model_hash, behaviour
            at = 10**9 + 40_000_000 * sequence
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(at, 10**9)
            message.values = array("f", values.astype(np.float32).tobytes())
            self._publisher.publish(message)

    def state(
        self, episode: int, sequence: int, behaviour: str = "", strange: bool = False
    ) -> InternalState:
        """Tell a period, as it should be or a strange one, and wait for what is made of it."""
        count = len(self.found)
        factor = np.float32(10.0 if strange else 1.0)
        layers = {name: factor * values for name, values in PERIODS[sequence].items()}
        self.tell(episode, sequence, layers, behaviour)
        self.me.wait_for(lambda: len(self.found) > count, "an internal state")
        return self.found[-1]


@pytest.fixture(scope="module")
def me(ros_domain: int) -> Iterator[Peer]:
    with peer() as me:
        yield me


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from internal_states import policy_with_internal_states

    return policy_with_internal_states(tmp_path_factory.mktemp("policy") / "model")


@pytest.fixture(scope="module")
def process(ros_domain: int, policy: Path) -> Iterator[NodeProcess]:
    with NodeProcess(MODULE, {"model": policy}) as process:
        yield process


@pytest.fixture(scope="module")
def teller(me: Peer, process: NodeProcess) -> Teller:
    return Teller(me)


def test_it_is_bit_for_bit_that_computed_in_process(teller: Teller, policy: Path) -> None:
    runtime = InternalStateRuntime(policy / "internal_states", HASH)

    for episode in (1, 2):
        runtime.reset()
        for k, (layers, acted) in enumerate(zip(PERIODS, ACTED, strict=True)):
            found, expected = teller.state(episode, k, acted), runtime.run(layers, acted)
            assert (found.episode, found.sequence) == (episode, k)
            assert found.header.stamp.sec == 1 + 40 * k // 1000
            assert found.model_hash == runtime.hash
            assert tuple(found.phases) == runtime.contract.phases
            assert np.array_equal(found.mean, expected.mean)
            assert np.array_equal(found.log_variance, expected.log_variance)
            assert np.array_equal(found.phase_probabilities, expected.phase)
            assert found.reconstruction_error == np.float32(expected.reconstruction_error)
            assert found.failure_probability == np.float32(expected.failure)
            assert found.surprise == np.float32(expected.surprise)


def test_the_alarm_begins_with_a_surprise_and_is_told_on_diagnostics(
    teller: Teller, process: NodeProcess
) -> None:
    states = [teller.state(3, k, strange=k == 10) for k in range(30)]

    assert [k for k, state in enumerate(states) if state.surprise >= 1.0] == [10]
    assert [k for k, state in enumerate(states) if state.alarm] == list(range(10, 23))  # 0.5 s
    assert process.output.count("episode 3, period 10: disturbance alarm (surprise ") == 1

    def warned() -> bool:
        told = [s for m in teller.diagnostics for s in m.status if "internal_state" in s.name]
        return any(s.message.startswith("disturbance alarm, ") for s in told)

    teller.me.wait_for(warned, "the warning on /diagnostics")
    values = diagnosis(teller.diagnostics, "internal_state_node")
    assert int(values["alarms"]) >= 1
    assert 0.0 <= float(values["failure probability"]) <= 1.0
    assert "introspection work p50 [ms]" in values


def test_activations_of_other_behaviours_are_refused_with_both_hashes(
    teller: Teller, process: NodeProcess
) -> None:
    def refused() -> bool:
        teller.tell(11, 0, PERIODS[0], model_hash="0123of another")
        teller.me.spin(0.1)
        return f"behaviours {HASH}, but gets those of 0123of another" in process.output

    teller.me.wait_for(refused, "the refusal")
    teller.me.wait_for(
        lambda: any(
            status.level == b"\x02" and "0123of another" in status.message
            for message in teller.diagnostics
            for status in message.status
        ),
        "the error on /diagnostics",
    )

    assert 11 not in [state.episode for state in teller.found]


def test_a_layer_that_never_comes_is_named_on_diagnostics(teller: Teller) -> None:
    sequence = 0

    def named() -> bool:
        nonlocal sequence
        sequence += 1
        teller.tell(12, sequence, {"features": PERIODS[0]["features"]})
        teller.me.spin(0.04)
        return any(
            "listens to feature_1, features, but feature_1 did not come" in status.message
            for message in teller.diagnostics
            for status in message.status
        )

    teller.me.wait_for(named, "the error on /diagnostics")

    assert 12 not in [state.episode for state in teller.found]


def test_a_policy_without_such_a_model_is_only_warned_of(ros_domain: int, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(MODEL, tmp_path / "model")
    shutil.rmtree(tmp_path / "model" / "internal_states", ignore_errors=True)
    with NodeProcess(MODULE, {"model": tmp_path / "model"}) as process:
        process.wait_for_output("has no internal_states/: no internal state is published")
        assert process.interrupt() == 0
        assert "Traceback" not in process.output


def test_a_broken_model_is_one_clear_line_and_exit_code_two(
    ros_domain: int, tmp_path: Path
) -> None:
    from internal_states import policy_with_internal_states

    policy = policy_with_internal_states(tmp_path / "model")
    (policy / "internal_states" / "model.onnx").write_bytes(b"nonsense")
    with NodeProcess(MODULE, {"model": policy}) as process:
        assert process.end() == 2
        assert "is not the file its contract was written for" in process.output
        assert "Traceback" not in process.output


def test_a_model_of_other_behaviours_is_refused_with_both_hashes(
    ros_domain: int, tmp_path: Path
) -> None:
    from internal_states import policy_with_internal_states

    policy = policy_with_internal_states(tmp_path / "model", features_from="f00d")
    with NodeProcess(MODULE, {"model": policy}) as process:
        assert process.end() == 2
        assert f"behaviours f00d, but gets those of {HASH}" in process.output
