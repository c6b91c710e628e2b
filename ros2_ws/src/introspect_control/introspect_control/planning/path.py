"""Paths of straight lines between corners: who finds them, and how they get shorter."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_control.planning.free_space import FreeSpace

Array = NDArray[np.float64]


class PathFinder(Protocol):
    """Finds ways around obstacles."""

    def __call__(
        self,
        space: FreeSpace,
        start: Array,
        goals: Sequence[Array],
        lower: Array,
        upper: Array,
        rng: np.random.Generator,
        give_up: Callable[[], bool],
    ) -> list[Array] | None:
        """Find corners of a path from the start to one of the goals.

        Args:
            space: that says where the arm may be.
            start: (joints,) that is clear [rad].
            goals: (joints,) that are clear, the nearest first [rad].
            lower: (joints,) of the range to stay in, but for the goals [rad].
            upper: (joints,) of that range [rad].
            rng: for whatever is left to chance.
            give_up: whether to stop looking; asked often.

        Returns:
            The corners, or None where none were found.

        Raises:
            PlanningError: It cannot look at all.
        """


def shorten(
    space: FreeSpace, path: Sequence[Array], attempts: int, rng: np.random.Generator
) -> list[Array]:
    """Replace detours between two random points of a path by straight lines, where those are clear.

    Args:
        space: that says along which lines the arm may move.
        path: corners (joints,) [rad].
        attempts: how many times.
        rng: for the points.
    """
    path = _without_corners(space, list(path))
    for _ in range(attempts):
        if len(path) < 3:
            break
        lengths = np.array([np.linalg.norm(b - a) for a, b in itertools.pairwise(path)])
        reached = np.concatenate([[0.0], np.cumsum(lengths)])
        first, second = np.sort(rng.uniform(0.0, reached[-1], 2))
        i, j = (
            min(int(np.searchsorted(reached, at, side="right")) - 1, len(lengths) - 1)
            for at in (first, second)
        )
        if i == j:
            continue
        a = path[i] + (first - reached[i]) / lengths[i] * (path[i + 1] - path[i])
        b = path[j] + (second - reached[j]) / lengths[j] * (path[j + 1] - path[j])
        if space.first_trouble(a, b) is None:
            path = _without_corners(space, [*path[: i + 1], a, b, *path[j + 1 :]])
    return path


def _without_corners(space: FreeSpace, path: list[Array]) -> list[Array]:
    """Every corner left out that the arm need not go to."""
    k = 1
    while k < len(path) - 1:
        if space.first_trouble(path[k - 1], path[k + 1]) is None:
            del path[k]
            k = max(k - 1, 1)
        else:
            k += 1
    return path
