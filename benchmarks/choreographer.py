"""Ways to train a choreographer for the same behaviours: ours beside the published one.

Ours decides every few policy steps and learns by PPO; the published one (``seed_mode``) makes three
forced decisions an episode and never explores. Both see the shipped behaviours' features, the same
episodes and no disturbance, because the published one cannot recover. Beside them: the behaviours
in their constant sequence, and chosen at random.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.rows import Row, add_output, at_least_one, machine, median_row, tell, write
from benchmarks.sides import ROOT
from introspect_description import ArmDescription
from introspect_learning.bbrl import BBRLConfig, make_env
from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.choreographer.seed_mode import SeedModeConfig, train_seed_mode
from introspect_learning.choreographer.training import ChoreographerConfig, train_choreographer
from introspect_learning.evaluation.pick_and_place import EvaluationConfig, evaluate
from introspect_learning.evaluation.statistics import wilson
from introspect_learning.models import shipped
from introspect_learning.models.loading import load_behaviours
from introspect_learning.runs.stage import Stage
from introspect_sim.envs import PickAndPlaceVectorEnv

DEAD = 0.10  # success below which a run has learned nothing
SCHEMES = ("ours", "seed_mode", "seed_mode, mended")
Curve = list[tuple[int, float]]  # training episodes, success


class _Curve(Stage):
    """Keeps the greedy success met on the way."""

    def __init__(self) -> None:
        self.points: Curve = []

    def log(self, step: int, values: dict[str, float]) -> None:
        if "success" in values:
            self.points.append((step, values["success"]))


def learn(scheme: str, seed: int, episodes: int, behaviours: BehaviourNet) -> Curve:
    """Train one choreographer; returns its greedy success along the way."""
    config, arm = BBRLConfig(), ArmDescription.load("panda")
    curve = _Curve()

    def env(n: int) -> PickAndPlaceVectorEnv:
        return make_env(config, arm, n, horizon=100)

    if scheme == "ours":
        n = config.choreographer_envs
        settings = replace(
            ChoreographerConfig(),
            iterations=-(-episodes // n),
            first_evaluation=1,
            evaluate_every=1,
            good_enough=1.1,  # goes on to the end
        )
        train_choreographer(env(n), env(100), behaviours, settings, seed, curve)
        return curve.points
    settings_ = SeedModeConfig(episodes=episodes)
    if scheme == "seed_mode, mended":
        phases = replace(settings_.phases, offset_bug=False)
        settings_ = replace(settings_, sample=True, entropy_weight=0.01, phases=phases)
    train_seed_mode(env(100), env(100), behaviours, settings_, seed, curve)
    return curve.points


def rows_of(curves: dict[str, list[Curve]], seconds: float) -> list[Row]:
    """The end of every scheme: success over seeds, and the share of dead runs."""
    rows = []
    fields: dict[str, Any] = {"seed": 0, "seconds": seconds}
    for scheme, runs in curves.items():
        ends = [run[-1][1] for run in runs]
        rows.append(median_row(scheme, "success", ends, **fields, more={"curves": runs}))
        dead = sum(end < DEAD for end in ends)
        share, ends95 = dead / len(ends), wilson(dead, len(ends))
        rows.append(Row(scheme, "dead_runs", share, ends95, len(ends), **fields))
        rows.append(Row(scheme, "mean_success", float(np.mean(ends)), None, len(ends), **fields))
    return rows


def baseline_rows() -> list[Row]:
    """The same behaviours in a constant sequence, at random, and the script."""
    result = evaluate(shipped(), EvaluationConfig(episodes=200), baselines=True)
    return [
        Row(name, "success", row["value"], tuple(row["ci95"]), row["n"], 0, result["seconds"])
        for name, row in result["baselines"].items()
    ]


def draw(rows: list[Row], file: Path) -> None:
    """Draw success against training episodes, a line a run."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 4.0), layout="constrained")
    colours = dict(zip(SCHEMES, ("tab:green", "tab:red", "tab:orange"), strict=True))
    for row in rows:
        colour = colours.get(row.what)
        for run in row.more.get("curves", []):
            episodes, success = zip(*run, strict=True)
            axes.plot(episodes, 100.0 * np.array(success), color=colour, alpha=0.5, lw=1.2)
        if colour and "curves" in row.more:
            axes.plot([], [], color=colour, label=f"{row.what}, {row.n} seeds")
        elif colour is None:
            axes.axhline(100.0 * row.value, color="tab:grey", ls=":", lw=1.0)
            axes.annotate(row.what, (0.0, 100.0 * row.value), fontsize=7, va="bottom")
    axes.set(
        xlabel="training episodes",
        ylabel="success [%], 100 fresh episodes",
        ylim=(-3, 105),
        title="Choreographers of the same behaviours",
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="center right")
    figure.savefig(file, dpi=130)


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="introspect bench choreographer", description=__doc__)
    parser.add_argument("--seeds", type=at_least_one, default=5, help="of every scheme (default 5)")
    parser.add_argument(
        "--episodes", type=at_least_one, default=2000, help="of training (default 2000)"
    )
    add_output(parser, "bench.json and a figure")
    options = parser.parse_args()
    where, started = machine(), time.perf_counter()
    torch.set_num_threads(1)
    behaviours, _ = load_behaviours(shipped(), ArmDescription.load("panda"))
    curves: dict[str, list[Curve]] = {scheme: [] for scheme in SCHEMES}
    for seed in range(options.seeds):
        for scheme in SCHEMES:
            curves[scheme].append(learn(scheme, seed, options.episodes, behaviours))
            spent = time.perf_counter() - started
            text = f"{scheme}, seed {seed}: success {curves[scheme][-1][-1][1]:.3f} ({spent:.0f} s)"
            print(text, file=sys.stderr, flush=True)
    rows = rows_of(curves, time.perf_counter() - started) + baseline_rows()
    if options.out:
        write(ROOT / options.out / "bench.json", rows, machine=where)
        draw(rows, ROOT / options.out / "choreographer.png")
    tell(rows, rows[0], "Choreographers of the same behaviours:", options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
