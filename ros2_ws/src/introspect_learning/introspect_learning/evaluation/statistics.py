"""Intervals for shares of successes, for means over seeds, and for rankings."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Z = 1.959964  # quantile of the normal distribution that leaves 2.5 % above it


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % confidence interval of a share (Wilson 1927).

    Args:
        successes: among n.
        n: trials, at least 1.
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"need 0 <= successes <= n and n >= 1, got {successes} of {n}")
    share, z = successes / n, Z
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1.0 - share) / n + z * z / (4 * n * n))
    scale = 1.0 + z * z / n
    # Without a failure, or a success, an end is exact; rounding must not say otherwise.
    low = (centre - half) / scale if successes else 0.0
    high = (centre + half) / scale if successes < n else 1.0
    return low, high


def iqm(values: Array) -> float:
    """Interquartile mean: of the middle half (Agarwal et al. 2021), ends weighted in part."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    if not n:
        raise ValueError("an interquartile mean needs values, got none")
    edges = np.arange(n + 1) / n
    weight = np.clip(np.minimum(edges[1:], 0.75) - np.maximum(edges[:-1], 0.25), 0.0, None)
    return float(weight @ ordered / weight.sum())


def bootstrap(
    statistic: Callable[[Array], float], values: Array, seed: int = 0, draws: int = 2000
) -> tuple[float, float]:
    """95 % percentile interval of a statistic over resampled values (Efron 1979).

    Args:
        statistic: of values.
        values: (n, ...); rows are drawn with replacement.
        seed: of the draws.
        draws: how many.
    """
    values = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    found = [statistic(values[rng.integers(len(values), size=len(values))]) for _ in range(draws)]
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def auroc(scores: Array, positive: NDArray[np.bool_]) -> float:
    """Probability that a positive has the higher score than a negative; ties count half.

    NaN if there are no positives or no negatives. Source: Mann and Whitney 1947.
    """
    positive = np.asarray(positive, dtype=bool)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return math.nan
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(counts) - 0.5 * (counts - 1)
    above = middle_rank[inverse][positive].sum() - 0.5 * positives * (positives + 1)
    return float(above / (positives * negatives))
