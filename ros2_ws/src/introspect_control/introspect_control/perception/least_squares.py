"""Least squares on anything that can be moved by a step: Levenberg and Marquardt's method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
S = TypeVar("S")


class Fit(NamedTuple, Generic[S]):
    """Where the sum of squares is least, nearby."""

    state: S
    residuals: Array  # (m,)
    jacobian: Array  # (m, k) of the residuals
    cost: float  # sum of squares


def minimise(
    start: S,
    residuals: Callable[[S], tuple[Array, Array]],
    move: Callable[[S, Array], S],
    iterations: int = 30,
    tolerance: float = 1e-6,
) -> Fit[S]:
    """Find the state near ``start`` with the least sum of squares.

    ``(JᵀJ + λ diag(JᵀJ)) step = -Jᵀr``, with λ ten times less after a step that helped, and ten
    times more after one that did not.

    Args:
        start: first state.
        residuals: r (m,) and J (m, k) at a state; not finite where the state is none.
        move: a state moved by a step (k,).
        iterations: at most.
        tolerance: share of the sum of squares by which a step must lessen it.

    Source: Marquardt, An algorithm for least-squares estimation of nonlinear parameters, 1963.
    """
    state = start
    r, J = residuals(state)
    cost, damping = float(r @ r), 1e-3
    if not np.isfinite(cost):
        return Fit(state, r, J, np.inf)
    for _ in range(iterations):
        normal, slope = J.T @ J, J.T @ r
        scale = np.diag(normal) + 1e-12
        while True:
            step = np.linalg.solve(normal + damping * np.diag(scale), -slope).astype(np.float64)
            moved = move(state, step)
            r_moved, J_moved = residuals(moved)
            less = float(r_moved @ r_moved)
            if less < cost:  # false for what is not finite
                break
            damping *= 10.0
            if damping > 1e8:
                return Fit(state, r, J, cost)
        gain, state, r, J, cost = cost - less, moved, r_moved, J_moved, less
        damping = max(damping / 10.0, 1e-12)
        if gain <= tolerance * cost:
            break
    return Fit(state, r, J, cost)
