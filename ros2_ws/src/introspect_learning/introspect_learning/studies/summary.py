"""What many trainings come to: interquartile means with intervals, dead runs, differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_learning.evaluation.statistics import bootstrap, iqm

Array = NDArray[np.float64]
Result = dict[str, Any]  # of a cell

DEAD = 0.10  # success below which a training has come to nothing
LEVELS = (0.75, 0.90)
BASELINE = "features"
FEWEST = 5  # seeds that a verdict needs
FEWEST_TO_RESAMPLE = 3  # seeds that an interval needs


def variant_row(name: str, results: Sequence[Result]) -> dict[str, Any]:
    """One variant's row, over its seeds.

    Success on fresh episodes is the interquartile mean with a 95 % bootstrap interval; how soon
    a level was reached is of the interquartile mean curve, in training episodes.
    """
    final = np.array([result["success"] for result in results])
    episodes, curves = curves_of(results)
    row: dict[str, Any] = {
        "what": name,
        "metric": "success",
        "value": iqm(final),
        "ci95": interval(final),
        "n": len(results),
        "of": "seeds",
        "seed": min(result["cell"]["seed"] for result in results),
        "seconds": round(sum(result["seconds"] for result in results), 1),
        "worst": float(final.min()),
        "dead_runs": int((final < DEAD).sum()),
        "area": iqm(curves.mean(axis=1)),
        "recovered": iqm(np.array([result["recovered"] for result in results])),
        "recovered_ci95": interval(np.array([result["recovered"] for result in results])),
        "parameters": results[0]["parameters"],
    }
    middle = np.array([iqm(column) for column in curves.T])
    for level in LEVELS:
        reached = np.flatnonzero(middle >= level)
        row[f"episodes_to_{100 * level:.0f}"] = int(episodes[reached[0]]) if len(reached) else None
    return row


def interval(values: Array) -> list[float] | None:
    """The 95 % bootstrap interval of the interquartile mean; None of too few values for one."""
    return list(bootstrap(iqm, values)) if len(values) >= FEWEST_TO_RESAMPLE else None


def curves_of(results: Sequence[Result]) -> tuple[NDArray[np.int64], Array]:
    """Training episodes (points,) and success (seeds, points)."""
    episodes = np.array([step for step, _ in results[0]["curve"]])
    return episodes, np.array([[value for _, value in result["curve"]] for result in results])


MEASURES: dict[str, Callable[[Result], float]] = {
    "final success": lambda result: float(result["success"]),
    "success over training": lambda result: float(np.mean([v for _, v in result["curve"]])),
    "recovered after a disturbance": lambda result: float(result["recovered"]),
}
"""What variants are compared by."""


def differences(
    groups: dict[str, list[Result]], groups_compared: int = 1, baseline: str = BASELINE
) -> list[dict[str, Any]]:
    """Each variant against the baseline, seed by seed: mean difference with a 95 % t interval.

    What it ``says`` goes by a wider interval, for there are many comparisons: at 95 % for all of
    the study together (Bonferroni). A bootstrap of a few differences would be too sure of itself:
    it excludes 0 at every level as soon as all have one sign.

    Args:
        groups: results of each variant.
        groups_compared: how many such groups the study has, in other modes and noises.
        baseline: variant that the others are compared with.
    """
    rows = []
    comparisons = len(MEASURES) * (len(groups) - 1) * groups_compared
    reference = {result["cell"]["seed"]: result for result in groups[baseline]}
    for name, results in groups.items():
        if name == baseline:
            continue
        pairs = [
            (result, reference[result["cell"]["seed"]])
            for result in results
            if result["cell"]["seed"] in reference
        ]
        for measure, of in MEASURES.items():
            gaps = np.array([of(mine) - of(theirs) for mine, theirs in pairs])
            enough = len(gaps) >= FEWEST
            verdict = says(*t_interval(gaps, 0.05 / comparisons)) if enough else "too few seeds"
            rows.append(
                {
                    "what": name,
                    "metric": f"{measure}, against {baseline}",
                    "value": float(gaps.mean()),
                    "ci95": list(t_interval(gaps, 0.05)) if len(gaps) > 1 else None,
                    "n": len(gaps),
                    "comparisons": comparisons,
                    "says": verdict,
                }
            )
    return rows


def t_interval(values: Array, error: float) -> tuple[float, float]:
    """Student's interval of the mean of at least two values, wrong with a probability."""
    from scipy import stats

    middle = float(values.mean())
    deviation = float(values.std(ddof=1)) / np.sqrt(len(values))
    half = float(stats.t.ppf(1.0 - 0.5 * error, len(values) - 1)) * deviation
    return middle - half, middle + half


def says(low: float, high: float) -> str:
    """What an interval of a difference says."""
    if low > 0.0:
        return "helps"
    return "hurts" if high < 0.0 else "no difference shown"
