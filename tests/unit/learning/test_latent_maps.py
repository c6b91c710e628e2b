"""Maps of internal states show what is alike side by side, and end up beside the trained model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from introspect_learning.data.activations import UNKNOWN, ActivationDataset
from introspect_learning.internal_states.maps import draw_maps, project
from introspect_learning.internal_states.model import InternalStateConfig
from introspect_learning.internal_states.monitor_training import MonitorConfig
from introspect_learning.internal_states.run import InternalStatesConfig, train_internal_states
from introspect_learning.internal_states.training import LearningConfig
from introspect_learning.models import InternalStateRuntime, shipped
from introspect_learning.runs.errors import RunError

PNG = b"\x89PNG"


def clusters(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """States around three centres, and whose they are."""
    rng = np.random.default_rng(0)
    label = np.arange(n) % 3
    centres = 8.0 * np.eye(3, 10)
    return (centres[label] + rng.normal(size=(n, 10))).astype(np.float32), label


def data_of(label: np.ndarray) -> ActivationDataset:
    n = len(label)
    unknown = np.full(n, UNKNOWN)
    return ActivationDataset(
        layers={"units": 1},
        activations=np.zeros((n, 1), dtype=np.float32),
        episode=np.arange(n),
        sequence=np.zeros(n, dtype=np.int64),
        phase=label,
        behaviour=unknown,
        success=unknown,
        phases=("approach", "grasp", "retract"),
        behaviours=("approach", "grasp", "retract"),
        model_hash="",
        disturbed=np.zeros(n, dtype=bool),
    )


def test_each_method_keeps_together_what_is_alike() -> None:
    states, label = clusters()
    maps = project(states, 0)
    assert [found.name for found in maps][:2] == ["PCA", "t-SNE"]
    for found in maps:
        centres = np.stack([found.points[label == k].mean(axis=0) for k in range(3)])
        away = np.linalg.norm(found.points[:, None] - centres, axis=2)
        assert (away.argmin(axis=1) == label).mean() > 0.95, found.name


def test_the_same_seed_draws_the_same_map() -> None:
    states, _ = clusters()
    for one, other in zip(project(states, 3), project(states, 3), strict=True):
        np.testing.assert_array_equal(one.points, other.points)


def test_labels_may_be_unknown(tmp_path: Path) -> None:
    states, label = clusters(12)
    file = draw_maps(states, data_of(label), 0, tmp_path / "maps.png")
    assert file.read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("states", "text"),
    [
        (np.eye(4), r"at least 5 states of at least 2 dimensions, got \(4, 4\)"),
        (np.arange(9.0)[:, None], r"at least 2 dimensions, got \(9, 1\)"),
        (np.ones((9, 4)), "differ in at least 2 directions"),
        (np.outer(np.arange(9.0), np.ones(4)), "differ in at least 2 directions"),
    ],
)
def test_states_that_no_map_can_be_drawn_of_are_refused(states: np.ndarray, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        project(states.astype(np.float32), 0)


def test_a_whole_training_leaves_a_model_that_runs_and_a_map(tmp_path: Path) -> None:
    config = InternalStatesConfig(
        threads=1,
        envs=8,
        calm_batches=1,
        disturbed_batches=1,
        layers=("features",),
        learning=LearningConfig(model=InternalStateConfig(latent=8, hidden=(32,)), epochs=2),
        monitor=MonitorConfig(forecast_updates=20, expectation_updates=20),
    )
    out = tmp_path / "run"
    assert not train_internal_states(config, out, shipped(), seconds=1e-9).finished
    trained = train_internal_states(config, out, shipped(), resume=True)

    assert trained.finished
    assert trained.episodes == 16
    assert trained.maps == out / "latent_maps.png"
    assert trained.maps.read_bytes().startswith(PNG)
    runtime = InternalStateRuntime(trained.policy / "internal_states")
    assert runtime.contract.layers == {"features": 128}

    with pytest.raises(RunError, match="already holds a run"):
        train_internal_states(config, out, shipped())
    again = train_internal_states(config, out, shipped(), resume=True)
    assert again.figures == trained.figures
    with pytest.raises(RunError, match="seed"):
        train_internal_states(replace(config, seed=1), out, shipped(), resume=True)
