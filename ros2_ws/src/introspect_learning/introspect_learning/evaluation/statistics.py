"""Intervals for shares of successes."""

from __future__ import annotations

import math

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
