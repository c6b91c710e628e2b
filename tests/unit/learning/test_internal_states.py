"""Internal states are learned from activations, and things are read off them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from introspect_description import ArmDescription
from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.data.activations import ActivationDataset, DataError
from introspect_learning.internal_states.metrics import describe, means, phase_silhouette
from introspect_learning.internal_states.model import (
    InternalStateConfig,
    InternalStateModel,
    divergence,
)
from introspect_learning.internal_states.monitor import InternalStateMonitor
from introspect_learning.internal_states.monitor_training import (
    MonitorConfig,
    Tracks,
    learn_monitor,
)
from introspect_learning.internal_states.recorder import ActivationRecorder
from introspect_learning.internal_states.run import InternalStatesConfig, learn_all
from introspect_learning.internal_states.training import LearningConfig, learn_internal_states
from introspect_learning.models import ContractError, InternalStateRuntime, shipped
from introspect_learning.models.contract import Contract
from introspect_learning.models.export import export_internal_states
from introspect_learning.models.loading import load_internal_states
from introspect_learning.runs.run_folder import RunFolder
from introspect_sim.tasks import ACTION_SIZE, OBSERVATION

ARM = ArmDescription.load("panda")
SMALL = LearningConfig(
    model=InternalStateConfig(latent=6, hidden=(32, 16)), epochs=12, batch=64, learning_rate=3e-3
)
QUICK = MonitorConfig(forecast_updates=120, expectation_updates=400)
UNITS, LENGTH = 20, 30


def episodes(n: int = 40, seed: int = 0, jump: int = -1) -> ActivationDataset:
    """Activations of a slow oscillation: its sign is the phase, a growing offset tells of failure.

    Args:
        n: episodes.
        seed: of them.
        jump: step at which everything is somewhere else at once; -1: none.
    """
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(9).normal(size=(3, UNITS))
    start, speed = rng.uniform(0, 2 * np.pi, (n, 1)), rng.uniform(0.15, 0.25, (n, 1))
    angle = start + speed * np.arange(LENGTH)
    if jump >= 0:
        angle[:, jump:] += np.pi / 2
    fails = rng.random(n) < 0.5
    mood = fails[:, None] * np.linspace(0.0, 1.0, LENGTH)
    hidden = np.stack([np.sin(angle), np.cos(angle), mood], axis=-1)
    values = np.tanh(hidden @ mixing) + 0.01 * rng.normal(size=(n, LENGTH, UNITS))
    after = np.arange(LENGTH) > jump if jump >= 0 else np.zeros(LENGTH, dtype=bool)
    return ActivationDataset(
        layers={"units": UNITS},
        activations=values.reshape(-1, UNITS).astype(np.float32),
        episode=np.repeat(np.arange(n), LENGTH),
        sequence=np.tile(np.arange(LENGTH), n),
        phase=(np.sin(angle) > 0).astype(np.int64).ravel(),
        behaviour=np.zeros(n * LENGTH, dtype=np.int64),
        success=np.repeat(~fails, LENGTH).astype(np.int64),
        phases=("down", "up"),
        behaviours=("approach", "grasp", "retract"),
        model_hash="abc",
        disturbed=np.tile(after, n),
    )


def test_recorded_activations_are_the_outputs_of_the_modules() -> None:
    net = BehaviourNet(ACTION_SIZE)
    observation = torch.randn(5, OBSERVATION.size)
    with ActivationRecorder(net, net.layers) as recorder:
        with pytest.raises(RuntimeError, match=r"no activations of .* run the network"):
            _ = recorder.activations
        first, features, _ = net(observation)
        recorded = recorder.activations
    torch.testing.assert_close(recorded["feature_1"], first)
    torch.testing.assert_close(recorded["features"], features)
    assert recorded["retract_1"].shape == (5, 64)
    net(torch.zeros(1, OBSERVATION.size))  # nobody listens any more
    assert len(recorded["features"]) == 5


def test_of_a_recurrent_module_its_output_is_recorded_not_its_state() -> None:
    net = torch.nn.Sequential(torch.nn.LSTM(3, 4))
    with ActivationRecorder(net, {"memory": "0"}) as recorder:
        output, _ = net(torch.randn(5, 2, 3))
        assert torch.equal(recorder.activations["memory"], output)


def test_a_module_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="has no module fc9; it has feature_net, "):
        ActivationRecorder(BehaviourNet(ACTION_SIZE), {"x": "fc9"})


def test_the_divergence_of_the_prior_is_nothing() -> None:
    assert not divergence(torch.zeros(3, 4), torch.zeros(3, 4)).any()
    assert (divergence(torch.ones(3, 4), torch.zeros(3, 4)) > 0).all()


def test_the_published_sizes_are_the_default() -> None:
    assert sum(weight.numel() for weight in InternalStateModel(256).parameters()) == 327_812


@pytest.mark.parametrize("kind", ["vae", "autoencoder", "random"])
def test_learning_explains_episodes_never_seen(kind: str) -> None:
    data, held_out = episodes(), episodes(seed=1)
    config = replace(SMALL, model=replace(SMALL.model, kind=kind))
    before = learn_internal_states(data, replace(config, epochs=1, learning_rate=1e-9), 0)[0]
    after = learn_internal_states(data, config, 0)[0]
    assert describe(after, held_out, 0)["r2"] > max(0.8, describe(before, held_out, 0)["r2"])


def test_all_principal_components_together_lose_nothing() -> None:
    config = replace(SMALL, model=InternalStateConfig("pca", latent=UNITS))
    data = episodes()
    model = learn_internal_states(data, config, 0)[0]
    assert describe(model, data, 0)["r2"] > 0.9999
    assert np.allclose(means(model, data).std(axis=0), 1.0, atol=0.01)


@pytest.mark.parametrize(("latent", "steps"), [(UNITS + 1, 1200), (6, 5)])
def test_more_principal_components_than_there_can_be_are_refused(latent: int, steps: int) -> None:
    config = replace(SMALL, model=InternalStateConfig("pca", latent=latent))
    most = min(UNITS, steps)
    text = f"pca of {steps} steps of {UNITS} activations has {most} components, got latent {latent}"
    with pytest.raises(DataError, match=text):
        learn_internal_states(episodes().take(np.arange(steps)), config, 0)


def test_a_random_encoder_never_learns() -> None:
    config = replace(SMALL, model=replace(SMALL.model, kind="random"), epochs=2)
    first, second = (
        learn_internal_states(episodes(seed=seed), config, 0)[0].encoder[0].weight
        for seed in (0, 1)
    )
    torch.testing.assert_close(first, second)


def test_a_heavier_divergence_leaves_fewer_active_units() -> None:
    active = [
        describe(learn_internal_states(episodes(), replace(SMALL, beta=beta), 0)[0], episodes(), 0)
        for beta in (0.01, 20.0)
    ]
    assert active[1]["active_units"] < active[0]["active_units"]
    assert active[1]["divergence"] < active[0]["divergence"]


def test_a_training_that_was_cut_off_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    data, config = episodes(10), replace(SMALL, epochs=10)
    with RunFolder(tmp_path / "a", config) as folder:
        whole = learn_internal_states(data, config, 0, folder.stage("x"))[0]

    class Cut(Exception):
        pass

    def cut(stage: str, done: float, text: str) -> None:
        if done >= 0.5:
            raise Cut

    with RunFolder(tmp_path / "b", config) as folder, pytest.raises(Cut):
        learn_internal_states(data, config, 0, folder.stage("x"), cut)
    with RunFolder(tmp_path / "b", config, resume=True) as folder:
        resumed, _ = learn_internal_states(data, config, 0, folder.stage("x"))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_a_training_that_a_budget_ended_can_be_gone_on_with(tmp_path: Path) -> None:
    data, config = episodes(10), replace(SMALL, epochs=3)
    whole, finished = learn_internal_states(data, config, 0)
    assert finished
    with RunFolder(tmp_path, config) as folder:
        _, finished = learn_internal_states(data, config, 0, folder.stage("x"), seconds=1e-9)
        assert not finished
    with RunFolder(tmp_path, config, resume=True) as folder:
        resumed, finished = learn_internal_states(data, config, 0, folder.stage("x"))
    assert finished
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: InternalStateConfig(kind="gan"), "kind must be one of vae, .* got 'gan'"),
        (lambda: InternalStateConfig(latent=0), "latent and hidden must be at least 1, got 0"),
        (lambda: LearningConfig(held_out=1.0), r"held_out must be in \(0, 1\), got 1.0"),
        (lambda: LearningConfig(warm_up=2.0), r"warm_up must be in \[0, 1\], got 2.0"),
        (lambda: LearningConfig(epochs=0), "epochs must be at least 1, got 0"),
        (lambda: MonitorConfig(false_alarms=0.0), r"false_alarms must be in \(0, 1\), got 0.0"),
        (
            lambda: InternalStatesConfig(layers=("features", "observation", "features")),
            "layers must name each layer once, got features, observation, features",
        ),
    ],
)
def test_numbers_that_train_nothing_are_refused(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def followed(monitor: InternalStateMonitor, data: ActivationDataset) -> dict[str, np.ndarray]:
    """What the monitor says of every step, (episodes, steps, ...)."""
    values = torch.from_numpy(data.activations).reshape(-1, LENGTH, UNITS)
    memory = monitor.start(len(values))
    behaviour = torch.zeros(len(values), 3)
    rows: dict[str, list[np.ndarray]] = {"phase": [], "failure": [], "surprise": []}
    with torch.no_grad():
        for step in range(LENGTH):
            _, _, insight, memory = monitor(values[:, step], behaviour, memory)
            behaviour = torch.tensor([[1.0, 0.0, 0.0]]).expand(len(values), -1)
            for name, row in rows.items():
                row.append(getattr(insight, name).numpy())
    return {name: np.stack(row, axis=1) for name, row in rows.items()}


@pytest.fixture(scope="module")
def monitor() -> InternalStateMonitor:
    torch.set_num_threads(1)
    model = learn_internal_states(episodes(), SMALL, 0)[0]
    return learn_monitor(model, episodes(120), episodes(40, seed=1), QUICK, 0)[0]


def test_phases_are_told_apart(monitor: InternalStateMonitor) -> None:
    data = episodes(40, seed=2)
    told = followed(monitor, data)["phase"].argmax(axis=-1)
    assert (told == data.phase.reshape(-1, LENGTH)).mean() > 0.9


def test_failure_is_foreseen_once_there_are_signs_of_it(monitor: InternalStateMonitor) -> None:
    data = episodes(40, seed=2)
    failed = data.success.reshape(-1, LENGTH)[:, 0] == 0
    failure = followed(monitor, data)["failure"][:, -3]
    assert failure[failed].min() > failure[~failed].max()


def test_a_jump_raises_the_alarm_and_calm_hardly_ever_does(monitor: InternalStateMonitor) -> None:
    calm = followed(monitor, episodes(60, seed=3))["surprise"]
    struck = followed(monitor, episodes(60, seed=3, jump=12))["surprise"]
    assert (calm >= 1.0).mean() < 0.01
    assert (struck[:, 12] >= 1.0).mean() > 0.95
    np.testing.assert_array_equal(calm[:, :12], struck[:, :12])


def test_without_failures_everybody_gets_the_same_small_probability() -> None:
    data = episodes(30)
    data = replace(data, success=np.ones_like(data.success))
    model = learn_internal_states(data, replace(SMALL, epochs=1), 0)[0]
    monitor, figures = learn_monitor(model, data, episodes(10, seed=1), QUICK, 0)
    assert figures["failed_episodes"] == 0
    failure = followed(monitor, data)["failure"]
    assert failure.std() < 1e-6
    assert failure.mean() == pytest.approx(1.0 / 32.0)


def test_parts_of_an_episode_are_one_attempt_and_nothing_is_expected_across_a_gap(
    monitor: InternalStateMonitor,
) -> None:
    data = episodes(30)
    data = data.take(data.sequence != 10)
    tracks = Tracks(monitor, data)
    assert len(tracks.success) == 60
    assert len(tracks.transitions()[0]) == 30 * (LENGTH - 1 - 4)
    # When nine attempts have failed, in twice as many parts
    fails = np.isin(data.episode, np.arange(9))
    data = replace(data, success=(~fails).astype(np.int64))
    _, figures = learn_monitor(monitor.model, data, episodes(10, seed=1), QUICK, 0)
    # Then they are one too few to learn from
    assert figures["failed_episodes"] == 0
    data = replace(data, success=(data.episode > 9).astype(np.int64))
    _, figures = learn_monitor(monitor.model, data, episodes(10, seed=1), QUICK, 0)
    assert figures["failed_episodes"] == 10


def test_episodes_without_three_steps_in_a_row_are_refused_before_anything_is_learned(
    tmp_path: Path,
) -> None:
    data = episodes(10)
    config = InternalStatesConfig(learning=SMALL, monitor=QUICK)
    with RunFolder(tmp_path, config) as folder:
        with pytest.raises(DataError, match=r"to learn from must have 3 steps .*at most 2"):
            learn_all(data.take(data.sequence % 3 != 2), config, folder, 0.0)
        _, held_out = data.split(SMALL.held_out, config.seed)
        broken = np.isin(data.episode, held_out.episodes) & (data.sequence % 2 == 1)
        with pytest.raises(DataError, match=r"held out must have 3 steps .*at most 1"):
            learn_all(data.take(~broken), config, folder, 0.0)
    assert not list(tmp_path.glob("checkpoint/*"))


def test_torch_and_onnx_runtime_agree_and_the_memory_is_the_episodes_own(
    monitor: InternalStateMonitor, tmp_path: Path
) -> None:
    behaviours = Contract.read(shipped() / "behaviours", "behaviours")
    export_internal_states(monitor, tmp_path / "m", ARM, behaviours, {"units": UNITS}, {})
    runtime = InternalStateRuntime(tmp_path / "m", behaviours.hash)
    data = episodes(1, seed=4, jump=9)
    expected = followed(monitor, data)
    for _ in range(2):
        runtime.reset()
        for step in range(LENGTH):
            state = runtime.run({"units": data.activations[step]}, "approach" if step else "")
            np.testing.assert_allclose(state.phase, expected["phase"][0, step], atol=1e-5)
            assert state.failure == pytest.approx(expected["failure"][0, step], abs=1e-5)
            assert state.surprise == pytest.approx(
                expected["surprise"][0, step], rel=1e-3, abs=1e-4
            )
    again = load_internal_states(tmp_path / "m", behaviours.hash)
    for name, value in monitor.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_activations_of_other_behaviours_are_refused_with_both_hashes(
    monitor: InternalStateMonitor, tmp_path: Path
) -> None:
    behaviours = Contract.read(shipped() / "behaviours", "behaviours")
    export_internal_states(monitor, tmp_path / "m", ARM, behaviours, {"units": UNITS}, {})
    text = f"on the activations of behaviours {behaviours.hash}, but gets those of abc"
    for load in (InternalStateRuntime, load_internal_states):
        with pytest.raises(ContractError, match=text):
            load(tmp_path / "m", "abc")


def test_phases_that_lie_apart_have_the_better_silhouette() -> None:
    rng = np.random.default_rng(0)
    phase = rng.integers(2, size=300)
    near = rng.normal(size=(300, 2)).astype(np.float32)
    apart = (near + 20.0 * phase[:, None]).astype(np.float32)
    assert phase_silhouette(apart, phase, 0) > 0.8
    assert phase_silhouette(near, phase, 0) < 0.2
