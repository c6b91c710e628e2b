"""A model folder is whole, fits its robot, and computes what was trained."""

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from introspect_control.atomic import sha256
from introspect_description import ArmDescription
from introspect_learning.models import (
    BehavioursRuntime,
    ChoreographerRuntime,
    ContractError,
    shipped,
)
from introspect_learning.models.contract import CONTRACT, GRAPH, WEIGHTS
from introspect_sim.envs import PickAndPlaceEnv
from introspect_sim.tasks import ACTION_SIZE, OBSERVATION

ARM = ArmDescription.load("panda")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A copy of the shipped policy, to break."""
    shutil.copytree(shipped(), tmp_path / "policy")
    return tmp_path / "policy"


def rewrite(folder: Path, **changes: object) -> None:
    contract = json.loads((folder / CONTRACT).read_text())
    (folder / CONTRACT).write_text(json.dumps(contract | changes))


def test_torch_and_onnx_runtime_agree_to_a_millionth() -> None:
    torch = pytest.importorskip("torch", reason="training is an extra")
    from safetensors.torch import load_file

    from introspect_learning.choreographer.listening import Listener
    from introspect_learning.choreographer.network import Choreographer
    from introspect_learning.models.loading import load_behaviours

    # Given the observations of an episode in which every behaviour drives for a while
    behaviours = BehavioursRuntime.load(shipped(), ARM)
    choreographer = ChoreographerRuntime.load(shipped(), behaviours.hash)
    net = load_behaviours(shipped(), ARM)[0].double()
    tensors = load_file(shipped() / "choreographer" / WEIGHTS)
    chooser = Choreographer(Listener(), 3, tensors["lstm.weight_hh_l0"].shape[1])
    chooser.load_state_dict(tensors)
    chooser.double()
    env = PickAndPlaceEnv(timestep=0.005)
    state = tuple(part.double() for part in chooser.start(1))
    observation, _ = env.reset(seed=0)
    close = {"rtol": 1e-6, "atol": 1e-6}
    for step in range(60):
        # When both run on them
        output = behaviours.run(observation)
        with torch.no_grad():
            first, features, actions = net(torch.from_numpy(observation[None]).double())
        choice = choreographer.run(output.activations)
        # Then layers, actions, probabilities and value are the same
        np.testing.assert_allclose(output.activations["feature_1"], first[0], **close)
        np.testing.assert_allclose(output.activations["features"], features[0], **close)
        np.testing.assert_allclose(output.actions, actions[0], rtol=0.0, atol=1e-6)
        if choice.decided:
            with torch.no_grad():
                logits, value, state = chooser(features[None], state)
            probabilities = logits[0, 0].softmax(-1)
            np.testing.assert_allclose(choice.probabilities, probabilities, rtol=0.0, atol=1e-6)
            assert choice.state_value == pytest.approx(float(value[0, 0]), abs=1e-6)
            np.testing.assert_allclose(choice.memory, state[0][0, 0], rtol=0.0, atol=1e-6)
        observation, *_ = env.step(output.actions[step // 20])


def test_what_is_deployed_chooses_and_acts_as_what_was_trained() -> None:
    """Training computes in float32, the graphs in float64: close enough to do the same."""
    torch = pytest.importorskip("torch", reason="training is an extra")
    from safetensors.torch import load_file

    from introspect_learning.choreographer.listening import Listener
    from introspect_learning.choreographer.network import Choreographer
    from introspect_learning.models.loading import load_behaviours

    net, _ = load_behaviours(shipped(), ARM)
    tensors = load_file(shipped() / "choreographer" / WEIGHTS)
    chooser = Choreographer(Listener(), 3, tensors["lstm.weight_hh_l0"].shape[1])
    chooser.load_state_dict(tensors)
    behaviours = BehavioursRuntime.load(shipped(), ARM)
    choreographer = ChoreographerRuntime.load(shipped(), behaviours.hash)
    env, state = PickAndPlaceEnv(timestep=0.005), chooser.start(1)
    observation, info = env.reset(seed=3)
    for _ in range(90):
        output = behaviours.run(observation)
        with torch.no_grad():
            _, features, actions = net(torch.from_numpy(observation[None]))
        choice = choreographer.run(output.activations)
        np.testing.assert_allclose(output.actions, actions[0], rtol=0.0, atol=1e-5)
        if choice.decided:
            with torch.no_grad():
                logits, _, state = chooser(features[None], state)
            assert choice.index == int(logits[0, 0].argmax())
        observation, *_, info = env.step(output.actions[choice.index])
    assert info["success"]


def test_the_choreographer_decides_when_due_and_repeats_between() -> None:
    choreographer = ChoreographerRuntime.load(shipped())
    rng = np.random.default_rng(0)
    choices = [
        choreographer.run({"features": rng.normal(size=128).astype(np.float32)}) for _ in range(23)
    ]
    due = [t for t, choice in enumerate(choices) if choice.decided]
    assert due == list(range(0, 23, choreographer.period))
    for before, after in itertools.pairwise(choices):
        if not after.decided:
            assert after.index == before.index


def test_a_reset_choreographer_remembers_nothing() -> None:
    choreographer = ChoreographerRuntime.load(shipped())
    rows = np.random.default_rng(1).normal(size=(40, 128)).astype(np.float32)
    heard = [{"features": row} for row in rows]
    first = [choreographer.run(layers).probabilities for layers in heard]
    choreographer.reset()
    np.testing.assert_array_equal(first, [choreographer.run(row).probabilities for row in heard])


def test_what_is_rehearsed_leaves_no_trace() -> None:
    rng = np.random.default_rng(0)
    plain, rehearsing = (ChoreographerRuntime.load(shipped()) for _ in range(2))
    (layer, size), *_ = plain.contract.layers.items()

    for _ in range(20):
        heard = {layer: rng.normal(size=size).astype(np.float32)}
        rehearsing.rehearse()
        expected, found = plain.run(heard), rehearsing.run(heard)
        rehearsing.rehearse()
        assert found.index == expected.index
        assert np.array_equal(found.memory, expected.memory)
        assert np.array_equal(found.probabilities, expected.probabilities)


def test_the_output_has_one_action_a_behaviour() -> None:
    behaviours = BehavioursRuntime.load(shipped(), ARM)
    output = behaviours.run(np.zeros(OBSERVATION.size, dtype=np.float32))
    assert output.actions.shape == (len(behaviours.names), ACTION_SIZE)
    assert behaviours.names == ("approach", "grasp", "retract")
    assert np.abs(output.actions).max() <= 1.0


def test_changed_weights_are_refused_with_both_digests(policy: Path) -> None:
    file = policy / "behaviours" / WEIGHTS
    content = bytearray(file.read_bytes())
    before = sha256(file)
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ContractError, match=f"sha256 {sha256(file)}, contract says {before}"):
        BehavioursRuntime.load(policy)


@pytest.mark.parametrize("name", ["fr3", "gen3", "iiwa14", "xarm7"])
def test_a_model_that_reads_no_joint_drives_any_arm(name: str) -> None:
    BehavioursRuntime.load(shipped(), ArmDescription.load(name))


def test_a_model_that_reads_joints_is_refused_by_another_robot_with_both_lists(
    policy: Path,
) -> None:
    names = list(reversed(ARM.joint_names))
    rewrite(policy / "behaviours", joint_names=names, input_names=["joint_position.0"])
    with pytest.raises(
        ContractError, match=r"joint names .*model \['panda_joint7'.*robot \['panda"
    ):
        BehavioursRuntime.load(policy, ARM)


def test_another_observation_is_refused(policy: Path) -> None:
    rewrite(policy / "behaviours", observation_names=["x"])
    with pytest.raises(ContractError, match=r"observation of the model .* model \['x'\], robot"):
        BehavioursRuntime.load(policy)


@pytest.mark.parametrize("changes", [{"linear_speed": 0.1}, {"rate": 50.0}])
def test_another_scale_or_rate_of_actions_is_refused(
    policy: Path, changes: dict[str, object]
) -> None:
    rewrite(policy / "behaviours", **changes)
    with pytest.raises(ContractError, match="of the model and of this robot differ"):
        BehavioursRuntime.load(policy)


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "abc"},
        {"layers": None},
        {"joint_names": "panda"},
        {"rate": "25"},
        {"decision_period": True},
        {"decision_period": 0},
    ],
    ids=str,
)
def test_a_value_of_the_wrong_kind_is_refused_by_name(
    policy: Path, changes: dict[str, object]
) -> None:
    rewrite(policy / "choreographer", **changes)
    with pytest.raises(ContractError, match=next(iter(changes))):
        ChoreographerRuntime.load(policy)


def test_features_of_other_behaviours_are_refused_with_both_hashes(policy: Path) -> None:
    with pytest.raises(
        ContractError, match=r"was trained on the activations of .* gets those of abc"
    ):
        ChoreographerRuntime.load(policy, features_from="abc")


@pytest.mark.parametrize("name", [CONTRACT, WEIGHTS, GRAPH])
def test_a_missing_file_is_named(policy: Path, name: str) -> None:
    (policy / "choreographer" / name).unlink()
    with pytest.raises(ContractError, match=f"is not a model folder: {name} is missing"):
        ChoreographerRuntime.load(policy)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "cannot be read"),
        ("[]", "must hold one JSON object, got list"),
        ('{"format": 7}', "has format 7, expected 1"),
        ('{"format": 1, "colour": 2}', r"unknown keys \['colour'\]"),
        ('{"format": 1}', r"lacks \['action_names'"),
    ],
)
def test_a_broken_contract_is_refused_by_name(policy: Path, content: str, text: str) -> None:
    (policy / "behaviours" / CONTRACT).write_text(content)
    with pytest.raises(ContractError, match=text):
        BehavioursRuntime.load(policy)


def test_folders_that_are_no_policy_say_so(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="does not exist"):
        BehavioursRuntime.load(tmp_path / "nowhere")
    with pytest.raises(ContractError, match="is not a policy folder: it has no behaviours/"):
        BehavioursRuntime.load(tmp_path)
    with pytest.raises(ContractError, match="no policy 'sonnets' is shipped; there are bbrl"):
        shipped("sonnets")
