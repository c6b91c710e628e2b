"""Pictures of studies: curves with their intervals, bars beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from introspect_learning.behaviours.teacher import PHASES
from introspect_learning.evaluation.statistics import bootstrap, iqm
from introspect_learning.pictures import pyplot, save
from introspect_learning.studies.summary import Result, curves_of
from introspect_learning.studies.variant import CONTROLS, PUBLISHED

Groups = dict[tuple[str, float], dict[str, list[Result]]]  # (mode, noise) -> variant -> cells


def learning_curves(groups: Groups, out: Path) -> list[Path]:
    """Success against training episodes: published variants above, controls below, modes aside."""
    plt = pyplot()
    modes = [mode for mode, _ in groups]
    rows = [PUBLISHED, CONTROLS]
    if not any(v.name in by for by in groups.values() for v in CONTROLS):
        rows = rows[:1]
    figure, axes = plt.subplots(
        len(rows),
        len(modes),
        figsize=(5.6 * len(modes), 3.4 * len(rows)),
        squeeze=False,
        sharey=True,
        layout="constrained",
    )
    for column, by_variant in enumerate(groups.values()):
        for row, variants in enumerate(rows):
            ax = axes[row][column]
            for k, variant in enumerate(variants):
                if variant.name in by_variant:
                    _curve(ax, by_variant[variant.name], variant.name, f"C{k}")
            if row and "features" in by_variant:
                _curve(ax, by_variant["features"], "features", "k")
            ax.set(title=f"{modes[column]}: {'controls' if row else 'published variants'}")
            ax.set(xlabel="training episodes", ylim=(-3, 103))
            _count_steps(ax, by_variant)
            ax.grid(alpha=0.3)
            ax.legend(fontsize=7, loc="lower right")
        axes[0][0].set_ylabel("success [%], IQM and 95 % interval")
    return [save(figure, out / "learning_curves.png")]


def noise(groups: Groups, out: Path) -> list[Path]:
    """Final success by level of noise, and with one fault alone."""
    plt = pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(11.0, 3.8), layout="constrained")
    names = [v.name for v in PUBLISHED if any(v.name in by for by in groups.values())]
    width = 0.8 / len(groups)
    for k, ((mode, level), by_variant) in enumerate(groups.items()):
        _bars(axes[0], by_variant, names, "success", k * width, width, f"{mode}, σ = {level:g}")
    axes[0].set_xticks(np.arange(len(names)) + 0.4 - 0.5 * width, names, rotation=20, fontsize=8)
    axes[0].set(ylabel="final success [%]", ylim=(0, 103), title="noise in training and test")
    ours = {level: by for (mode, level), by in groups.items() if mode == "ours"}
    if ours:
        by_variant = ours[min(ours)]
        faults = list(next(iter(by_variant.values()))[0]["faults"])
        for k, name in enumerate(names):
            values = [
                100.0 * iqm(np.array([r["faults"][fault] for r in by_variant[name]]))
                for fault in faults
            ]
            axes[1].bar(np.arange(len(faults)) + 0.16 * k, values, 0.15, label=name)
        axes[1].set_xticks(np.arange(len(faults)) + 0.32, faults, rotation=25, fontsize=8)
        axes[1].set(title=f"one fault alone (trained at σ = {min(ours):g})")
        axes[1].set(ylim=(0, 103))
        axes[1].legend(fontsize=7, loc="lower left")
    axes[0].legend(fontsize=7, loc="lower left")
    return [save(figure, out / "noise.png")]


def state_values(groups: Groups, out: Path) -> list[Path]:
    """What finished choreographers foresee and choose, decision by decision; and over training."""
    plt = pyplot()
    files = []
    ours = next((by for (mode, _), by in groups.items() if mode == "ours"), None)
    if ours is not None:
        names = [v.name for v in PUBLISHED if v.name in ours]
        figure, axes = plt.subplots(
            2, len(names), figsize=(2.7 * len(names), 4.6), sharex=True, layout="constrained"
        )
        for column, name in enumerate(names):
            values = np.array([result["values"] for result in ours[name]])
            time = ours[name][0]["decision_seconds"] * np.arange(values.shape[1])
            _band(axes[0][column], time, values, "C0", None)
            axes[0][column].set(title=name)
            choices = np.mean([result["choices"] for result in ours[name]], axis=0)
            axes[1][column].stackplot(time, 100.0 * choices.T, labels=PHASES, alpha=0.8)
            axes[1][column].set(xlabel="time in the episode [s]", ylim=(0, 100))
        axes[0][0].set_ylabel("state value, IQM of seeds")
        axes[1][0].set_ylabel("chosen behaviour [%]")
        axes[1][0].legend(fontsize=7, loc="lower right")
        files.append(save(figure, out / "over_time.png"))
    seed_mode = next((by for (mode, _), by in groups.items() if mode == "seed_mode"), None)
    if seed_mode is not None:
        names = [v.name for v in PUBLISHED if v.name in seed_mode]
        figure, axes = plt.subplots(
            1, len(names), figsize=(2.7 * len(names), 2.9), sharey=True, layout="constrained"
        )
        for ax, name in zip(np.atleast_1d(axes), names, strict=True):
            table = np.array([result["value_curve"] for result in seed_mode[name]])
            for k, phase in enumerate(PHASES):
                _band(ax, table[0, :, 0], table[:, :, k + 1], f"C{k}", phase)
            ax.set(title=name, xlabel="training episodes")
            ax.grid(alpha=0.3)
        np.atleast_1d(axes)[0].set_ylabel("state value, three forced decisions")
        np.atleast_1d(axes)[0].legend(fontsize=7)
        files.append(save(figure, out / "over_training.png"))
    return files


def perturbation(groups: Groups, out: Path) -> list[Path]:
    """Recovery after a disturbance, by variant."""
    plt = pyplot()
    names = [v.name for v in (*PUBLISHED, *CONTROLS) if any(v.name in g for g in groups.values())]
    figure, ax = plt.subplots(figsize=(9.0, 3.6), layout="constrained")
    width = 0.8 / len(groups)
    for k, ((mode, _), by_variant) in enumerate(groups.items()):
        _bars(ax, by_variant, names, "recovered", k * width, width, mode)
    ax.set_xticks(np.arange(len(names)) + 0.4 - 0.5 * width, names, rotation=20, fontsize=8)
    ax.set(ylabel="recovered [%], IQM and 95 % interval", ylim=(0, 103))
    ax.set(title="one push, drop, moved object or moved goal in every episode")
    ax.legend(fontsize=8, loc="lower left")
    return [save(figure, out / "perturbation.png")]


def _curve(ax: Any, results: Sequence[Result], label: str, colour: str) -> None:
    episodes, curves = curves_of(results)
    _band(ax, episodes, 100.0 * curves, colour, f"{label} ({len(results)})")


def _count_steps(ax: Any, by_variant: dict[str, list[Result]]) -> None:
    """Say above how many steps of the environment the episodes are."""
    steps = 1e-3 * next(iter(by_variant.values()))[0]["env_steps_an_episode"]
    above = ax.secondary_xaxis("top", functions=(lambda x: steps * x, lambda x: x / steps))
    above.set_xlabel("environment steps [thousands]", fontsize=7)
    above.tick_params(labelsize=7)


def _band(ax: Any, x: Any, values: Any, colour: str, label: str | None) -> None:
    """The interquartile mean over rows, and its 95 % interval."""
    middle = [iqm(column) for column in values.T]
    ends = np.array([bootstrap(iqm, column, draws=300) for column in values.T])
    ax.plot(x, middle, color=colour, label=label, lw=1.4)
    ax.fill_between(x, ends[:, 0], ends[:, 1], color=colour, alpha=0.18, lw=0)


def _bars(
    ax: Any,
    by_variant: dict[str, list[Result]],
    names: Sequence[str],
    key: str,
    shift: float,
    width: float,
    label: str,
) -> None:
    here = [name for name in names if name in by_variant]
    values = [np.array([result[key] for result in by_variant[name]]) for name in here]
    middle = np.array([iqm(column) for column in values])
    ends = np.array([bootstrap(iqm, column, draws=1000) for column in values])
    error = np.abs(ends.T - middle)
    where = [names.index(name) + shift for name in here]
    ax.bar(where, 100.0 * middle, width, yerr=100.0 * error, label=label, error_kw={"lw": 0.8})
