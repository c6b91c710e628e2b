"""How long learning pick and place from nothing takes, and how well the result does.

Every seed is one ``introspect train bbrl`` in a process of its own, timed from its start to its end
with everything in between, then scored on episodes that training never saw, at the finer time step
of evaluation. A seed that does not learn is counted as dead, not left out. With ``--teacher none``
the behaviours learn by reinforcement, without a script to imitate.

Finished seeds are kept in ``--runs`` and not run again: what was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, at_least_one, machine, median_row, table, write
from benchmarks.sides import ROOT

DEAD = 0.10  # success below which a run has learned nothing
SUCCESS = {"script": 0.99, "none": 0.95}  # to reach, by teacher
SECONDS = {"script": 60.0}  # to stay below
CURVE = ("stage", "episodes", "seconds", "train_success", "success")


def learn(seed: int, teacher: str, run: Path, episodes: int) -> dict[str, Any]:
    """Train and score one seed, unless that is done.

    Returns:
        The evaluation's result, with the time that training took and its curve.
    """
    kept = run / "bench.json"
    if kept.exists():
        result: dict[str, Any] = json.loads(kept.read_text())
        return result
    started = time.perf_counter()
    words = ["--seed", str(seed), "--teacher", teacher, "--out", str(run)]
    _introspect("train", "bbrl", *words, *(["--resume"] if run.exists() else []))
    seconds = time.perf_counter() - started
    policy = str(run / "model")
    score = _introspect(
        *("eval", "pick_and_place", "--model", policy, "--episodes", str(episodes), "--json")
    )
    curve = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    result = json.loads(score.splitlines()[-1]) | {
        "seed": seed,
        "seconds": max(round(seconds, 1), curve[-1]["seconds"]),  # of all that was gone on from
        "curve": [{key: row[key] for key in CURVE if key in row} for row in curve],
    }
    kept.write_text(json.dumps(result))
    return result


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
            more={"curve": result["curve"]},
        )
        for result in results
    ]
    total = sum(row.seconds for row in rows)
    dead = sum(row.value < DEAD for row in rows) / len(rows)
    spent = [row.seconds for row in rows]
    limit = SECONDS.get(teacher)
    fields: dict[str, Any] = {"seed": 0, "seconds": total}
    return [
        *rows,
        median_row("bbrl", "success_of_seeds", [row.value for row in rows], **fields),
        Row("bbrl", "dead_runs", dead, (dead, dead), len(rows), target=0.0, at_most=True, **fields),
        median_row("bbrl", "seconds", spent, **fields, target=limit, at_most=True),
        Row("bbrl", "most_seconds", max(spent), (max(spent),) * 2, len(rows), **fields),
    ]


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
    axes.legend(loc="lower right")
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
    parser.add_argument("--out", type=Path, help="folder for bench.json and a figure")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    where = machine()
    runs = options.runs or ROOT / "runs" / f"bench-learning-{options.teacher}"
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
        title = (
            f"Pick and place from nothing, {len(results)} seeds, {shortest:.0f} to {longest:.0f} s"
        )
        draw(results, title, ROOT / options.out / "learning.png")
    if options.json:
        headline = next(row for row in rows if row.metric == "success_of_seeds")
        print(json.dumps(headline.as_json() | {"rows": [row.as_json() for row in rows]}))
        return 0
    print(table(rows))
    return 0


def _introspect(*words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "introspect", *words], check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main())
