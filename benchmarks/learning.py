"""How long learning pick and place takes from fresh weights, and how well the result does.

Every seed is one ``introspect train bbrl`` in a process of its own, timed from its start to its end
with everything in between, then scored on episodes that training never saw, at the finer time step
of evaluation. A seed that does not learn is counted as dead, not left out. A script teaches the
behaviours; with ``--teacher none`` they learn by reinforcement alone.

``--resume`` goes on with the runs in ``--runs``: seeds that were trained before are scored again,
and their time, which nobody has taken in one piece, is left out of the summary.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, add_output, at_least_one, machine, median_row, tell, write
from benchmarks.sides import ROOT
from introspect_learning.evaluation.statistics import wilson

DEAD = 0.10  # success below which a run has learned nothing
SUCCESS = {"script": 0.99, "none": 0.95}  # to reach, by teacher
SECONDS = {"script": 60.0}  # to stay below
CURVE = ("stage", "episodes", "seconds", "train_success", "success")


def learn(seed: int, teacher: str, run: Path, episodes: int) -> dict[str, Any]:
    """Train and score one seed; a run that is there is gone on with.

    Returns:
        The evaluation's result, with the time that training took and its curve.
    """
    resumed = (run / "config.json").exists()
    started = time.perf_counter()
    words = ["--seed", str(seed), "--teacher", teacher, "--out", str(run)]
    _introspect("train", "bbrl", *words, *(["--resume"] if resumed else []))
    seconds = time.perf_counter() - started
    policy = str(run / "model")
    score = _introspect(
        *("eval", "pick_and_place", "--model", policy, "--episodes", str(episodes), "--json")
    )
    curve = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return json.loads(score.splitlines()[-1]) | {
        "seed": seed,
        "resumed": resumed,
        # What the rows of a resumed run count: all of learning, but neither start nor export.
        "seconds": curve[-1]["seconds"] if resumed else round(seconds, 1),
        "curve": [{key: row[key] for key in CURVE if key in row} for row in curve],
    }


def rows_of(results: list[dict[str, Any]], teacher: str) -> list[Row]:
    """A row a seed, and what all seeds come to."""
    rows = [
        Row(
            "bbrl",
            "success",
            result["value"],
            tuple(result["ci95"]),
            result["n"],
            result["seed"],
            result["seconds"],
            target=SUCCESS[teacher],
            more={"resumed": result["resumed"], "curve": result["curve"]},
        )
        for result in results
    ]
    total = sum(row.seconds for row in rows)
    dead = sum(row.value < DEAD for row in rows)
    fields: dict[str, Any] = {"seed": 0, "seconds": total}
    summary = [
        median_row("bbrl", "median_success", [row.value for row in rows], **fields),
        Row(
            "bbrl",
            "dead_runs",
            dead / len(rows),
            wilson(dead, len(rows)),
            len(rows),
            target=0.0,
            at_most=True,
            **fields,
        ),
    ]
    timed = [result["seconds"] for result in results if not result["resumed"]]
    if timed:
        limit = {"target": SECONDS.get(teacher), "at_most": True}
        summary.append(median_row("bbrl", "median_seconds", timed, **limit, **fields))
        summary.append(Row("bbrl", "most_seconds", max(timed), None, len(timed), **limit, **fields))
    return rows + summary


def draw(results: list[dict[str, Any]], title: str, file: Path) -> None:
    """Draw the choreographers' learning curves and the final success of all seeds."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 4.0), layout="constrained")
    for result in results:
        curve = [row for row in result["curve"] if row["stage"] == "choreographer"]
        episodes = [row["episodes"] for row in curve]
        shares = [100.0 * row["train_success"] for row in curve]
        axes.plot(episodes, shares, color="tab:blue", alpha=0.35, lw=1.2)
        axes.plot(episodes[-1], 100.0 * result["value"], "o", color="tab:green", ms=5)
    axes.plot([], [], color="tab:blue", label="while learning: sampled choices, half disturbed")
    axes.plot([], [], "o", color="tab:green", label="learned policy, unseen episodes")
    axes.set(
        xlabel="training episodes of the choreographer",
        ylabel="success [%]",
        ylim=(0, 103),
        title=title,
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    figure.savefig(file, dpi=130)


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="introspect bench learning", description=__doc__)
    parser.add_argument("--seeds", type=at_least_one, default=10, help="how many (default 10)")
    parser.add_argument(
        "--episodes", type=at_least_one, default=500, help="to score each on (default 500)"
    )
    parser.add_argument("--teacher", choices=sorted(SUCCESS), default="script")
    parser.add_argument("--runs", type=Path, help="folder of the runs (runs/bench-learning-script)")
    parser.add_argument("--resume", action="store_true", help="go on with the runs that are there")
    add_output(parser, "bench.json and a figure")
    options = parser.parse_args()
    where = machine()
    runs = options.runs or ROOT / "runs" / f"bench-learning-{options.teacher}"
    if runs.exists() and not options.resume:
        parser.exit(2, f"introspect: {runs} holds runs; add --resume or choose other --runs\n")
    runs.mkdir(parents=True, exist_ok=True)
    results = []
    for seed in range(options.seeds):
        try:
            result = learn(seed, options.teacher, runs / f"seed-{seed}", options.episodes)
        except subprocess.CalledProcessError as error:
            parser.exit(1, f"introspect: seed {seed} failed: {error.stderr.strip()}\n")
        results.append(result)
        text = f"seed {seed}: success {result['value']:.3f} after {result['seconds']:.0f} s"
        print(text, file=sys.stderr, flush=True)
    rows = rows_of(results, options.teacher)
    if options.out:
        write(ROOT / options.out / "bench.json", rows, machine=where, teacher=options.teacher)
        shortest, longest = (end(row["seconds"] for row in results) for end in (min, max))
        title = f"Pick and place, {len(results)} seeds, {shortest:.0f} to {longest:.0f} s each"
        draw(results, title, ROOT / options.out / "learning.png")
    headline = next(row for row in rows if row.metric == "median_success")
    tell(rows, headline, f"Pick and place, teacher {options.teacher}:", options.json)
    return 0


def _introspect(*words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "introspect", *words], check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
