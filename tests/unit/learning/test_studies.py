"""Studies: cells that are kept, rows that are honest about dead runs, verdicts by interval."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from introspect_learning.runs.errors import RunError
from introspect_learning.studies import pool
from introspect_learning.studies.cell import Cell
from introspect_learning.studies.encoders import shipped_behaviours
from introspect_learning.studies.study import STUDIES, StudyConfig, cells_of
from introspect_learning.studies.summary import differences, variant_row
from introspect_learning.studies.variant import CONTROLS, PUBLISHED, VARIANTS


def result(variant: str, seed: int, success: float, early: float = 0.5) -> dict[str, Any]:
    return {
        "cell": {"variant": variant, "mode": "ours", "seed": seed, "noise": 0.0, "arm": "panda"},
        "behaviours": shipped_behaviours(),
        "curve": [[100, early], [200, success]],
        "success": success,
        "recovered": success,
        "values": [0.5],
        "choices": [[1.0, 0.0, 0.0]],
        "env_steps_an_episode": 100,
        "decision_seconds": 0.2,
        "seconds": 1.0,
        "cpu_seconds": 1.0,
        "parameters": 10,
    }


class Serial:
    """A pool of no processes: everything is done when it is asked for."""

    ran: ClassVar[list[Cell]] = []

    def __init__(self, jobs: int, mp_context: Any) -> None:
        self._processes: dict[int, Any] = {}

    def submit(self, function: Any, cell: Cell, shared: Path) -> Future[Any]:
        future: Future[Any] = Future()
        if cell.seed == 13:
            future.set_exception(ValueError("no luck"))
        else:
            self.ran.append(cell)
            future.set_result(result(cell.variant, cell.seed, 0.9))
        return future

    def shutdown(self, **_: Any) -> None:
        pass


@pytest.fixture
def serial(monkeypatch: pytest.MonkeyPatch) -> type[Serial]:
    monkeypatch.setattr(Serial, "ran", [])
    monkeypatch.setattr(pool, "ProcessPoolExecutor", Serial)
    return Serial


def quiet(done: float, text: str) -> None:
    pass


def test_trainings_that_have_ended_are_not_run_again(tmp_path: Path, serial: type[Serial]) -> None:
    cells = [Cell("means", seed=seed) for seed in range(3)]
    first = pool.run_cells(cells[:2], tmp_path, 1, quiet)
    again = pool.run_cells(cells, tmp_path, 1, quiet)
    assert again[:2] == first
    assert serial.ran == [cells[0], cells[1], cells[2]]


def test_a_damaged_result_is_made_anew(tmp_path: Path, serial: type[Serial]) -> None:
    cell = Cell("means")
    pool.run_cells([cell], tmp_path, 1, quiet)
    [file] = (tmp_path / "cells").iterdir()
    file.write_text("{half")
    pool.run_cells([cell], tmp_path, 1, quiet)
    assert len(serial.ran) == 2
    assert json.loads(file.read_text())["success"] == 0.9


def test_trainings_with_behaviours_that_are_no_longer_shipped_do_not_count(
    tmp_path: Path, serial: type[Serial]
) -> None:
    pool.run_cells([Cell("means")], tmp_path, 1, quiet)
    [file] = (tmp_path / "cells").iterdir()
    file.write_text(json.dumps(json.loads(file.read_text()) | {"behaviours": "another"}))
    pool.run_cells([Cell("means")], tmp_path, 1, quiet)
    assert len(serial.ran) == 2


def test_a_training_that_fails_is_named_and_the_others_are_kept(
    tmp_path: Path, serial: type[Serial]
) -> None:
    with pytest.raises(
        RunError, match=r"the training ours-means-noise0-seed13-\w+ failed: no luck"
    ):
        pool.run_cells([Cell("means", seed=13), Cell("means")], tmp_path, 1, quiet)
    assert [file.name[:24] for file in (tmp_path / "cells").iterdir()] == [
        "ours-means-noise0-seed0-"
    ]


def test_progress_tells_what_is_done_and_how_long_it_takes(
    tmp_path: Path, serial: type[Serial]
) -> None:
    said: list[tuple[float, str]] = []
    cells = [Cell("means", seed=seed) for seed in range(2)]
    pool.run_cells(cells, tmp_path, 1, lambda done, text: said.append((done, text)))
    assert said[-1] == (1.0, "2 of 2, 0 s left")


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write to"):
        pool.run_cells([Cell("means")], tmp_path / "file", 1, quiet)


def test_noise_is_given_as_many_episodes_as_were_published() -> None:
    assert Cell("means").episodes == 1000
    assert Cell("means", noise=0.005).episodes == 2000
    assert Cell("means", mode="seed_mode").episodes == 2000


def test_a_key_tells_cells_apart() -> None:
    cells = [
        Cell("means"),
        Cell("sample"),
        Cell("means", seed=1),
        Cell("means", noise=0.01),
        Cell("means", mode="seed_mode"),
    ]
    assert len({cell.key for cell in cells}) == 5


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"variant": "mean"}, "variant must be of features, means, .* got 'mean'"),
        ({"variant": "means", "mode": "theirs"}, "mode must be of ours, seed_mode, got 'theirs'"),
        ({"variant": "means", "seed": -1}, "must not be negative, got -1"),
    ],
)
def test_what_is_no_training_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Cell(**changes)


def test_dead_runs_are_counted_and_do_not_hide_in_a_mean() -> None:
    row = variant_row(
        "means", [result("means", seed, 0.0 if seed < 2 else 1.0) for seed in range(10)]
    )
    assert row["dead_runs"] == 2
    assert row["worst"] == 0.0
    assert row["value"] == 1.0
    assert row["episodes_to_75"] == 200


def test_a_level_never_reached_is_none() -> None:
    assert variant_row("x", [result("x", 0, 0.6)])["episodes_to_75"] is None


def test_a_verdict_needs_an_interval_on_one_side_of_nothing() -> None:
    rng = np.random.default_rng(0)
    base = [result("features", seed, 0.9 + 0.001 * rng.normal()) for seed in range(10)]
    better = [result("means", seed, 0.95) for seed in range(10)]
    worse = [result("pca", seed, 0.5) for seed in range(10)]
    same = [result("sample", seed, 0.9 + 0.001 * rng.normal()) for seed in range(10)]
    rows = differences({"features": base, "means": better, "pca": worse, "sample": same})
    says = {row["what"]: row["says"] for row in rows if row["metric"].startswith("final")}
    assert says == {"means": "helps", "pca": "hurts", "sample": "no difference shown"}


@pytest.mark.parametrize("seeds", [5, 10])
def test_where_nothing_differs_a_verdict_is_as_rare_as_it_says(seeds: int) -> None:
    rng = np.random.default_rng(1)
    wrong, studies = 0, 200
    for _ in range(studies):
        groups = {
            name: [result(name, seed, rng.normal(), rng.normal()) for seed in range(seeds)]
            for name in ("features", "means", "pca", "sample")
        }
        wrong += any(row["says"] != "no difference shown" for row in differences(groups))
    assert wrong <= 0.09 * studies  # 5 % of the studies; 3 standard deviations above it


def test_one_seed_has_no_interval_and_a_few_no_verdict() -> None:
    few = [result("features", seed, 0.9) for seed in range(2)]
    assert variant_row("features", few)["ci95"] is None
    [row, *_] = differences({"features": few, "means": few[:1]})
    assert (row["ci95"], row["says"]) == (None, "too few seeds")


def test_seeds_are_compared_with_their_own() -> None:
    base = [result("features", seed, 0.1 * seed) for seed in range(5)]
    ours = [result("means", seed, 0.1 * seed + 0.05) for seed in range(5)]
    row = differences({"features": base, "means": ours})[0]
    assert row["ci95"] == pytest.approx([0.05, 0.05])


def test_a_study_has_every_variant_in_both_modes() -> None:
    cells = cells_of(STUDIES["internal-states"], StudyConfig(seeds=2, control_seeds=1))
    assert len(cells) == 2 * (2 * len(PUBLISHED) + len(CONTROLS))
    assert {cell.variant for cell in cells} == set(VARIANTS)
    noisy = cells_of(STUDIES["noise"], StudyConfig(seeds=1))
    assert {cell.noise for cell in noisy} == {0.005, 0.010}
    with pytest.raises(ValueError, match="modes must be of ours, seed_mode, got theirs"):
        StudyConfig(modes=("theirs",))
