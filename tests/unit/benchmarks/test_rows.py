"""Rows of measurements say what they must, and their intervals hold what they claim."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fetch import share_row
from benchmarks.learning import rows_of
from benchmarks.period import Commands, period_rows
from benchmarks.rows import Row, add_output, median_interval, median_row, ratios, write

KEYS = {"what", "metric", "value", "ci95", "n", "seed", "seconds"}


def test_the_interval_of_a_median_of_thousands_is_narrow() -> None:
    low, high = median_interval(np.arange(5001.0).tolist())

    assert 2400 < low < 2450
    assert 2550 < high < 2600


def test_the_interval_of_the_median_covers_it_in_19_of_20_samples() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(1000):
        low, high = median_interval(rng.exponential(size=9).tolist())
        covered += low <= np.log(2.0) <= high
    assert covered >= 950


def test_few_samples_give_their_whole_range() -> None:
    assert median_interval([3.0, 1.0, 2.0]) == (1.0, 3.0)


def test_a_row_has_what_every_result_has_and_says_whether_its_target_is_met() -> None:
    row = median_row("ours", "rate", [1.0, 2.0, 4.0], seed=3, seconds=1.0, target=2.0)
    assert row.as_json().keys() >= KEYS
    assert row.as_json()["met"] is True
    cost = median_row("ours", "seconds", [70.0], seed=0, seconds=1.0, target=60.0, at_most=True)
    assert cost.as_json()["met"] is False


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": float("nan")}, "rate must be finite"),
        ({"value": 5.0}, "does not lie in ci95"),
        ({"value": 3.0, "ci95": (0.0, 2.0)}, "does not lie in ci95"),
        ({"n": 0}, "n must be at least 1"),
        ({"what": ""}, "a row needs names"),
    ],
)
def test_rows_that_say_nothing_are_refused(changes: dict[str, object], message: str) -> None:
    fields: dict[str, object] = {"what": "ours", "metric": "rate", "value": 1.0, "ci95": (0.0, 2.0)}
    fields |= {"n": 3, "seed": 0, "seconds": 1.0}
    with pytest.raises(ValueError, match=message):
        Row(**(fields | changes))  # type: ignore[arg-type]


def test_ratios_need_a_partner_for_every_round() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="as many rounds of both, got 1 and 2"):
        ratios([1.0], [1.0, 2.0])


def test_a_result_file_is_whole_json(tmp_path: Path) -> None:
    row = median_row("ours", "rate", [1.0], seed=0, seconds=1.0)
    write(tmp_path / "deep" / "bench.json", [row], machine={"cores": 2})
    content = json.loads((tmp_path / "deep" / "bench.json").read_text())
    assert content["machine"] == {"cores": 2}
    assert content["rows"] == [row.as_json()]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["bench.json"]


def test_a_seed_that_learned_nothing_is_counted_as_dead_and_not_left_out() -> None:
    def result(seed: int, value: float, seconds: float) -> dict[str, object]:
        ends = [max(value - 0.1, 0.0), min(value + 0.1, 1.0)]
        about = {"seed": seed, "seconds": seconds, "curve": [], "resumed": seed == 2}
        return {"value": value, "ci95": ends, "n": 100, **about}

    results = [result(0, 1.0, 40.0), result(1, 0.02, 70.0), result(2, 1.0, 900.0)]
    rows = rows_of(results, "script")
    by_metric = {row.metric: row for row in rows}
    assert by_metric["dead_runs"].value == pytest.approx(1 / 3)
    assert by_metric["dead_runs"].met is False
    assert by_metric["median_success"].ci95 == (0.02, 1.0)
    assert [row.met for row in rows[:3]] == [True, False, True]
    # A resumed run was not timed in one piece.
    assert by_metric["most_seconds"].value == 70.0
    assert by_metric["most_seconds"].n == 2


def test_a_share_of_episodes_has_its_interval() -> None:
    row = share_row("ours", {"successes": 99, "episodes": 100, "seed": 2}, target=0.99)
    assert row.value == 0.99
    assert row.met
    assert row.ci95[0] < 0.97 < row.ci95[1]


def test_every_benchmark_is_told_in_the_same_words_where_its_figures_go() -> None:
    parser = argparse.ArgumentParser()
    add_output(parser, "bench.json", Path("results/here"))

    assert vars(parser.parse_args([])) == {"out": Path("results/here"), "json": False}
    given = parser.parse_args(["--out", "there", "--json"])
    assert (given.out, given.json) == (Path("there"), True)
    assert "folder for bench.json (default results/here)" in parser.format_help()


def test_commands_that_come_late_and_commands_that_do_not_are_told_apart() -> None:
    on_time = 0.01 * np.arange(1000)
    late = on_time + 0.002 * (np.arange(1000) % 2)

    def figures(arrivals: np.ndarray) -> dict[str, float]:
        rows = period_rows(Commands(arrivals, 0.0001), 10.0)
        return {row.what: row.value for row in rows}

    spread, missing = "between commands", "commands that never came"
    assert figures(on_time)["bridge's period"] == pytest.approx(0.1)
    assert figures(on_time)[spread] == pytest.approx(0.0, abs=1e-9)
    assert figures(late)[spread] == pytest.approx(2.0, rel=0.01)
    assert figures(late)[missing] == 0.0
    assert figures(np.delete(on_time, slice(500, 510)))[missing] == pytest.approx(1.0)
