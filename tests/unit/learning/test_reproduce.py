"""A study from its first training to its figures, on few and short episodes."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from introspect_learning.internal_states.training import LearningConfig
from introspect_learning.studies import cell, encoders, figures, pool, study
from introspect_learning.studies.cell import FAULTS, Cell, run_cell
from introspect_learning.studies.encoders import Shared, shipped_behaviours
from introspect_learning.studies.study import STUDIES, StudyConfig, fault_rows, reproduce
from introspect_learning.studies.variant import VARIANTS

EPISODES, SEEDS = 100, 1


class Here:
    """A pool of no processes: trainings are run where they are asked for."""

    def __init__(self, jobs: int, mp_context: Any) -> None:
        self._processes: dict[int, Any] = {}

    def submit(self, function: Any, cell: Cell, shared: Path) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(cell, shared))
        return future

    def shutdown(self, **_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The main study with two ways to listen, in both modes; its folders and what it found."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "ProcessPoolExecutor", Here)
        patch.setattr(Cell, "episodes", EPISODES)
        for name, value in (("FINAL", 8), ("DISTURBED", 6), ("FAULTY", 2), ("ON_THE_WAY", 5)):
            patch.setattr(cell, name, value)
        patch.setattr(encoders, "BATCHES", 1)
        patch.setattr(encoders, "_LEARNING", LearningConfig(epochs=1))
        patch.setattr(study, "PUBLISHED", (VARIANTS["features"], VARIANTS["means"]))
        patch.setattr(study, "baseline_rows", lambda *_: [])
        config = StudyConfig(seeds=SEEDS, controls=False)
        found = {}
        for name in ("internal-states", "state-values", "perturbation"):
            heard: list[str] = []
            found[name] = reproduce(
                STUDIES[name],
                config,
                folder / name,
                folder / "cache",
                lambda _, text, heard=heard: heard.append(text),
            )
            found[name]["heard"] = heard
    return {"folder": folder, **found}


def test_every_training_is_scored_and_told_in_episodes_and_steps(
    reproduced: dict[str, Any],
) -> None:
    results = reproduced["internal-states"]["cells"]
    assert len(results) == 2 * 2 * SEEDS
    for result in results:
        assert [step for step, _ in result["curve"]] == [EPISODES]
        assert 0.0 <= result["success"] <= 1.0
        assert result["behaviours"] == shipped_behaviours()
        assert np.allclose(np.sum(result["choices"], axis=1), 1.0, atol=1e-3)
        # ours has episodes of its own length, which end before those that all are scored on
        assert (
            result["env_steps_an_episode"] == {"ours": 90, "seed_mode": 100}[result["cell"]["mode"]]
        )
    assert {result["parameters"] for result in results if result["cell"]["variant"] == "means"} != {
        result["parameters"] for result in results if result["cell"]["variant"] == "features"
    }


def test_what_is_written_is_what_was_found(reproduced: dict[str, Any]) -> None:
    written = json.loads((reproduced["folder"] / "internal-states" / "study.json").read_text())
    assert written["rows"] == reproduced["internal-states"]["rows"]
    assert {row["mode"] for row in written["rows"]} == {"ours", "seed_mode"}
    for name in ("internal-states", "state-values", "perturbation"):
        for file in reproduced[name]["figures"]:
            assert Path(file).read_bytes().startswith(b"\x89PNG")


def test_studies_share_their_trainings_and_only_one_of_them_gives_verdicts(
    reproduced: dict[str, Any],
) -> None:
    assert len(reproduced["internal-states"]["heard"]) == 2 * 2 * SEEDS
    assert reproduced["state-values"]["heard"] == reproduced["perturbation"]["heard"] == []
    assert reproduced["state-values"]["cells"] == reproduced["internal-states"]["cells"]
    assert reproduced["internal-states"]["differences"]
    assert (
        reproduced["state-values"]["differences"] == reproduced["perturbation"]["differences"] == []
    )


def test_a_training_is_the_same_again(reproduced: dict[str, Any]) -> None:
    first = reproduced["internal-states"]["cells"][0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cell, "episodes", EPISODES)
        for name, value in (("FINAL", 8), ("DISTURBED", 6), ("ON_THE_WAY", 5)):
            patch.setattr(cell, name, value)
        again = run_cell(Cell(**first["cell"]), reproduced["folder"] / "cache" / "shared")
    timing = {"seconds", "cpu_seconds"}
    assert {k: v for k, v in again.items() if k not in timing} == {
        k: v for k, v in first.items() if k not in timing
    }


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [(cell, "FINAL", 7), (cell, "HORIZON", 99), (encoders, "BATCHES", 3), (cell, "VERSION", 99)],
)
def test_results_of_other_settings_are_not_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, value: int
) -> None:
    before = Cell("means").key
    monkeypatch.setattr(module, name, value)
    assert Cell("means").key != before


def test_encoders_of_other_settings_lie_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from introspect_description import ArmDescription

    Shared(tmp_path, 0.01, ArmDescription.load("panda"))
    monkeypatch.setattr(encoders, "_LEARNING", LearningConfig(epochs=1))
    Shared(tmp_path, 0.01, ArmDescription.load("panda"))
    assert len(list(tmp_path.iterdir())) == 2


def test_behaviours_that_were_not_learned_yet_have_no_hash(tmp_path: Path) -> None:
    from introspect_description import ArmDescription

    arm = ArmDescription.load("panda")
    assert Shared(tmp_path, 0.01, arm).behaviours_hash == ""
    assert Shared(tmp_path, 0.0, arm).behaviours_hash == shipped_behaviours()


def test_noise_is_drawn_and_told_fault_by_fault(reproduced: dict[str, Any], tmp_path: Path) -> None:
    results = [r for r in reproduced["internal-states"]["cells"] if r["cell"]["mode"] == "ours"]
    faults = {name: 0.1 * k for k, name in enumerate(FAULTS)}
    groups: dict[tuple[str, float], dict[str, list[Any]]] = {
        ("ours", level): {
            name: [r | {"faults": faults} for r in results if r["cell"]["variant"] == name]
            for name in ("features", "means")
        }
        for level in (0.005, 0.01)
    }
    [file] = figures.noise(groups, tmp_path)
    assert file.stat().st_size > 10_000
    rows = fault_rows(groups)
    assert len(rows) == 2 * 2 * len(FAULTS)
    told = {row["metric"]: row["value"] for row in rows if row["what"] == "means"}
    assert told["success with latency_2 alone"] == pytest.approx(faults["latency_2"])
