"""FetchPickAndPlace-v4: our trainers beside Stable-Baselines3, on the same simulator.

Ours learns three behaviours from a script and a choreographer among them from reward. The peer, TQC
with hindsight replay, is shown nothing and learns end to end, for as long as ``--peer-minutes``
allows; its published run takes a million steps. Needs ``benchmarks/peers/setup.sh``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.peers import PeersError, peers_python
from benchmarks.rows import Row, add_output, at_least_one, machine, median_row, tell, write
from benchmarks.sides import ROOT, environment
from introspect_learning.evaluation.statistics import wilson

TARGETS = {"success": 0.99, "env_steps": 75_000, "cpu_seconds": 70.0}
# Until about 100 % success, as published on Hugging Face; seen in November 2026.
PUBLISHED = {
    "TQC+HER, sb3/tqc-FetchPickAndPlace-v1": {"env_steps": 1_000_000},
    "SAC+HER, hhmm1122/fetch-pickandplace-sac-her": {"env_steps": 1_500_000, "cpu_hours": 10.5},
}
PACKAGES = ("introspect_sim", "introspect_learning", "introspect_control", "introspect_description")


def in_peers(module: str, *words: str) -> dict[str, Any]:
    """Run a workload in the peers' environment; returns the object it prints last.

    Raises:
        PeersError: It failed; the text has its last words.
    """
    paths = [ROOT, *(ROOT / "ros2_ws" / "src" / name for name in PACKAGES)]
    run = subprocess.run(
        [str(peers_python()), "-m", f"benchmarks.workloads.{module}", *words],
        cwd=ROOT,
        env=environment(foreign=True) | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        words_left = run.stderr.strip().splitlines()[-3:]
        raise PeersError(f"{module} failed: {' | '.join(words_left) or 'without a word'}")
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


def share_row(what: str, run: dict[str, Any], target: float | None = None, **more: Any) -> Row:
    """The success of one run."""
    successes, n = run["successes"], run["episodes"]
    ends = wilson(successes, n)
    fields = {"seed": run.get("seed", 0), "seconds": run.get("cpu_seconds", 0.0), "more": more}
    return Row(what, "success", successes / n, ends, n, target=target, **fields)


def rows_of(runs: list[dict[str, Any]], baselines: dict[str, Any], seconds: float) -> list[Row]:
    """A row a seed, their cost, and the baselines."""
    rows = [
        share_row("ours", run, TARGETS["success"], **{k: run[k] for k in ("env_steps", "curve")})
        for run in runs
    ]
    for metric in ("env_steps", "cpu_seconds"):
        values = [float(run[metric]) for run in runs]
        fields = {"target": TARGETS[metric], "at_most": True, "more": {"most": max(values)}}
        rows.append(median_row("ours", metric, values, seed=0, seconds=seconds, **fields))
    return rows + [share_row(name, baseline) for name, baseline in baselines.items()]


def peer_rows(peer: dict[str, Any]) -> list[Row]:
    """The end of the peer's curve, and the whole of it."""
    last, n = peer["curve"][-1], peer["episodes"]
    result = {"successes": round(last["success"] * n), "episodes": n, "seed": peer["seed"]}
    result["cpu_seconds"] = last["cpu_seconds"]
    return [share_row("TQC+HER", result, env_steps=last["env_steps"], curve=peer["curve"])]


def draw(rows: list[Row], file: Path) -> None:
    """Draw success against environment steps: the ends of ours, and the peer's curve."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 4.0), layout="constrained")
    for row in rows:
        if row.what == "ours" and row.metric == "success":
            axes.plot(row.more["env_steps"], 100.0 * row.value, "o", color="tab:green", ms=6)
        elif row.what == "TQC+HER":
            curve = row.more["curve"]
            steps = [point["env_steps"] for point in curve]
            shares = [100.0 * point["success"] for point in curve]
            minutes = row.seconds / 60.0
            label = f"TQC+HER, {minutes:.0f} CPU-minutes"
            axes.plot(steps, shares, "o-", color="tab:orange", lw=1.5, ms=5, label=label)
    axes.plot([], [], "o", color="tab:green", label="ours, one seed each, at the end of learning")
    colours = ("tab:red", "tab:purple")
    for (name, published), colour in zip(PUBLISHED.items(), colours, strict=True):
        axes.plot(published["env_steps"], 100.0, "x", color=colour, ms=8, label=f"{name} (theirs)")
    axes.set(
        xscale="log",
        xlabel="environment steps learned from",
        ylabel="success [%]",
        ylim=(-3, 105),
        title="FetchPickAndPlace-v4",
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", fontsize=8)
    figure.savefig(file, dpi=130)


def keep(rows: list[Row], where: dict[str, Any], out: Path | None) -> None:
    """Write rows and figure, if there is a folder for them."""
    if out is not None:
        write(ROOT / out / "bench.json", rows, machine=where, published=PUBLISHED)
        draw(rows, ROOT / out / "fetch.png")


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="introspect bench fetch", description=__doc__)
    parser.add_argument("--seeds", type=at_least_one, default=5, help="of ours (default 5)")
    parser.add_argument(
        "--peer-minutes",
        type=float,
        default=10.0,
        help="CPU time of the peer (default 10; 0: none)",
    )
    add_output(parser, "bench.json and a figure")
    options = parser.parse_args()
    where, started = machine(), time.perf_counter()
    try:
        runs = []
        for seed in range(options.seeds):
            runs.append(in_peers("fetch_ours", str(seed)))
            share = runs[-1]["successes"] / runs[-1]["episodes"]
            cost = f"{runs[-1]['env_steps']:,} steps, {runs[-1]['cpu_seconds']:.0f} CPU-s"
            print(f"seed {seed}: success {share:.3f} after {cost}", file=sys.stderr, flush=True)
        rows = rows_of(runs, in_peers("fetch_ours"), time.perf_counter() - started)
        keep(rows, where, options.out)  # before the peer, which takes longest
        if options.peer_minutes > 0.0:
            rows += peer_rows(in_peers("fetch_peer", str(60.0 * options.peer_minutes), "0"))
            keep(rows, where, options.out)
    except PeersError as error:
        parser.exit(1, f"introspect: {error}\n")
    tell(rows, rows[0], "FetchPickAndPlace-v4:", options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
