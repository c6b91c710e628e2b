"""How long learning pick and place from nothing takes, and how well the result does: ten seeds.

Every seed is one ``introspect train bbrl`` in a process of its own, timed from its start to its end
with everything in between, then scored on episodes that training never saw, at the finer time step
of evaluation. A seed that does not learn is counted as dead, not left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DEAD = 0.10  # success below which a run has learned nothing
TARGET_SUCCESS, TARGET_SECONDS = 0.99, 60.0
CURVE = ("episodes", "seconds", "train_success", "success")


def learn(seed: int, folder: Path, episodes: int) -> dict[str, Any]:
    """Train and score one seed.

    Returns:
        A result row, with the learning curve.
    """
    program = [sys.executable, "-m", "introspect"]
    out = folder / f"seed-{seed}"
    started = time.perf_counter()
    subprocess.run(
        [*program, "train", "bbrl", "--seed", str(seed), "--out", str(out)],
        check=True,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - started
    scored = subprocess.run(
        [
            *program,
            *("eval", "pick_and_place", "--json"),
            *("--model", str(out / "model"), "--episodes", str(episodes)),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    score = json.loads(scored.stdout.splitlines()[-1])
    curve = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return {
        "what": "bbrl",
        "metric": "success",
        "value": score["value"],
        "ci95": score["ci95"],
        "n": score["n"],
        "seed": seed,
        "seconds": round(seconds, 1),
        "choreographer_episodes": curve[-1]["episodes"],
        "curve": [
            {
                key: row[key]
                for key in ("episodes", "seconds", "train_success", "success")
                if key in row
            }
            for row in curve
        ],
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """All seeds in one row."""
    reached = [r["value"] >= TARGET_SUCCESS and r["seconds"] <= TARGET_SECONDS for r in rows]
    return {
        "what": "bbrl",
        "metric": "seeds_within_target",
        "value": sum(reached),
        "n": len(rows),
        "least_success": min(row["value"] for row in rows),
        "longest_seconds": max(row["seconds"] for row in rows),
        "dead_runs": sum(row["value"] < DEAD for row in rows),
        "runs": rows,
    }


def draw(result: dict[str, Any], file: Path) -> None:
    """Draw the learning curves of all seeds."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 4.0), layout="constrained")
    for run in result["runs"]:
        curve = run["curve"]
        episodes = [row["episodes"] for row in curve]
        shares = [100.0 * row["train_success"] for row in curve]
        axes.plot(episodes, shares, color="tab:blue", alpha=0.35, lw=1.2)
        axes.plot(episodes[-1], 100.0 * run["value"], "o", color="tab:green", ms=5)
    axes.plot([], [], color="tab:blue", label="while learning: sampled choices, half disturbed")
    axes.plot([], [], "o", color="tab:green", label="learned policy, unseen episodes")
    shortest = min(run["seconds"] for run in result["runs"])
    axes.set(
        xlabel="training episodes of the choreographer",
        ylabel="success [%]",
        ylim=(0, 103),
        title=f"Pick and place from nothing, {result['n']} seeds, "
        f"{shortest:.0f} to {result['longest_seconds']:.0f} s each",
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(file, dpi=130)


def main() -> int:
    """Run all seeds and write ``learning.json`` and ``learning.png``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--episodes", type=int, default=500, help="to score each seed on")
    parser.add_argument("--out", type=Path, default=Path("results/bench-learning"))
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            rows.append(learn(seed, Path(folder), options.episodes))
            row = rows[-1]
            print(
                f"seed {seed}: success {row['value']:.3f} after {row['seconds']} s", file=sys.stderr
            )
    options.out.mkdir(parents=True, exist_ok=True)
    result = summary(rows)
    (options.out / "learning.json").write_text(json.dumps(result, indent=1) + "\n")
    draw(result, options.out / "learning.png")
    print(json.dumps({key: value for key, value in result.items() if key != "runs"}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
