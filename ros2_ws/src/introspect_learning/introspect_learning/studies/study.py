"""The studies by name: which trainings each needs, and what it writes."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from introspect_control.atomic import write_text
from introspect_description import ArmDescription
from introspect_learning.evaluation.statistics import iqm
from introspect_learning.studies import figures
from introspect_learning.studies.baselines import baseline_rows
from introspect_learning.studies.cell import FAULTS, Cell
from introspect_learning.studies.encoders import Shared
from introspect_learning.studies.pool import Report, run_cells
from introspect_learning.studies.summary import Result, differences, interval, variant_row
from introspect_learning.studies.variant import CONTROLS, MODES, PUBLISHED

NOISES = {"noise 5 %": 0.005, "noise 10 %": 0.010}
"""Published levels: standard deviation added to every number of the observation."""


@dataclass(frozen=True)
class StudyConfig:
    """How a study is run."""

    seeds: int = 10  # trainings of each published variant
    jobs: int = 2  # processes
    controls: bool = True  # beside the published variants
    control_seeds: int = 0  # trainings of each control; 0: as many
    modes: tuple[str, ...] = MODES
    arm: str = "panda"

    def __post_init__(self) -> None:
        """Refuse what is no study."""
        for name in ("seeds", "jobs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.control_seeds < 0:
            raise ValueError(f"control_seeds must not be negative, got {self.control_seeds}")
        if len(set(self.modes)) != len(self.modes) or not self.modes:
            raise ValueError(f"modes must be given once each, got {', '.join(self.modes)}")
        if unknown := [mode for mode in self.modes if mode not in MODES]:
            raise ValueError(f"modes must be of {', '.join(MODES)}, got {', '.join(unknown)}")


Draw = Callable[[dict[tuple[str, float], dict[str, list[Result]]], Path], list[Path]]


@dataclass(frozen=True)
class Study:
    """One study."""

    name: str
    summary: str  # one line
    noises: tuple[float, ...]  # levels of noise whose trainings it needs
    draw: Draw  # its figures
    controls: bool = True  # whether the controls belong to it
    verdicts: bool = True  # whether it says what differs: one study only, of the same trainings


STUDIES = {
    study.name: study
    for study in (
        Study(
            "internal-states",
            "five ways into the choreographer beside controls: learning curves and final success",
            (0.0,),
            figures.learning_curves,
        ),
        Study(
            "noise",
            "noisy sensors in training and test, and faults met only afterwards",
            tuple(NOISES.values()),
            figures.noise,
            controls=False,
        ),
        Study(
            "state-values",
            "what the choreographer foresees and chooses over time",
            (0.0,),
            figures.state_values,
            controls=False,
            verdicts=False,
        ),
        Study(
            "perturbation",
            "recovery from a push, a drop, a moved object or goal, by variant",
            (0.0,),
            figures.perturbation,
            verdicts=False,
        ),
    )
}


def cells_of(study: Study, config: StudyConfig) -> list[Cell]:
    """The trainings that a study needs."""
    cells = []
    for noise in study.noises:
        for mode in config.modes:
            for variants, seeds in (
                (PUBLISHED, config.seeds),
                (CONTROLS, config.control_seeds or config.seeds),
            ):
                if variants is CONTROLS and not (study.controls and config.controls):
                    continue
                cells += [
                    Cell(variant.name, mode, seed, noise, config.arm)
                    for variant in variants
                    for seed in range(seeds)
                ]
    return cells


def reproduce(
    study: Study, config: StudyConfig, out: Path, cache: Path, report: Report
) -> dict[str, Any]:
    """Run a study, or what is left of it; write ``study.json`` and its figures.

    Args:
        study: which.
        config: how.
        out: folder of what it finds.
        cache: folder of trainings, shared by all studies.
        report: hears the share done and a line.

    Returns:
        What was written to ``study.json``.

    Raises:
        RunError: A training failed; those that ended are kept.
    """
    arm = ArmDescription.load(config.arm)
    cells = cells_of(study, config)
    results = run_cells(cells, cache, config.jobs, report)
    groups: dict[tuple[str, float], dict[str, list[Result]]] = {}
    for cell, result in zip(cells, results, strict=True):
        group = groups.setdefault((cell.mode, cell.noise), {})
        group.setdefault(cell.variant, []).append(result)
    rows, gaps = [], []
    for (mode, noise), by_variant in groups.items():
        about = {"mode": mode, "noise": noise}
        rows += [variant_row(name, found) | about for name, found in by_variant.items()]
        if study.verdicts:
            gaps += [row | about for row in differences(by_variant, len(groups))]
        if mode == config.modes[0]:
            beside = baseline_rows(Shared(cache / "shared", noise, arm), arm)
            rows += [row | {"mode": "", "noise": noise} for row in beside]
    if any(study.noises):
        rows += fault_rows(groups)
    found = {
        "study": study.name,
        "config": asdict(config),
        "rows": rows,
        "differences": gaps,
        "cells": results,
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "cpu_seconds": round(sum(result["cpu_seconds"] for result in results)),
        "seconds": round(sum(result["seconds"] for result in results), 1),
    }
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "study.json", json.dumps(found, separators=(",", ":")) + "\n")
    figures_of = study.draw(groups, out)
    return found | {"figures": [str(file) for file in figures_of]}


def fault_rows(
    groups: dict[tuple[str, float], dict[str, list[Result]]],
) -> list[dict[str, Any]]:
    """Success with one fault and no other noise, over all seeds of a variant."""
    rows = []
    for (mode, noise), by_variant in groups.items():
        for name, results in by_variant.items():
            for fault in FAULTS if "faults" in results[0] else ():
                values = _column(results, fault)
                rows.append(
                    {
                        "what": name,
                        "metric": f"success with {fault} alone",
                        "value": iqm(values),
                        "ci95": interval(values),
                        "n": len(results),
                        "seed": min(result["cell"]["seed"] for result in results),
                        "seconds": round(sum(result["seconds"] for result in results), 1),
                        "mode": mode,
                        "noise": noise,
                    }
                )
    return rows


def _column(results: Sequence[Result], fault: str) -> Any:
    import numpy as np

    return np.array([result["faults"][fault] for result in results])
