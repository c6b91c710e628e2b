"""A tag's pattern as a camera shows it: blurred, and how that changes with place and blur."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FINENESS = (8, 16, 32)  # samples of the pattern along a module, as sharp pictures need them
_SMOOTH = 1.5  # samples that the blur must be wide
_STEP = float(np.log(1.12))  # between the blurs for which a pattern is kept
_KEPT = 60  # blurred patterns, of one tag
_RIM = 1  # of white around the pattern [modules]


class BlurredPattern(NamedTuple):
    """A pattern at one blur; flat arrays of (size, size) samples."""

    modules: int  # of the pattern along an edge, without the rim
    fineness: int  # samples a module
    values: tuple[Array, ...]  # brightness, its slopes along x and y, and that with the blur

    def sample(self, x: Array, y: Array) -> tuple[Array, ...]:
        """All values at places (m,) in modules from the middle, y down; between the samples."""
        size = (self.modules + 2 * _RIM) * self.fineness
        half = 0.5 * self.modules + _RIM
        column = np.clip((x + half) * self.fineness - 0.5, 0.0, size - 1.001)
        row = np.clip((y + half) * self.fineness - 0.5, 0.0, size - 1.001)
        j, i = column.astype(int), row.astype(int)
        right, down = column - j, row - i
        at = i * size + j

        def between(values: Array) -> Array:
            upper = values[at] * (1.0 - right) + values[at + 1] * right
            lower = values[at + size] * (1.0 - right) + values[at + size + 1] * right
            mixed: Array = upper * (1.0 - down) + lower * down
            return mixed

        return tuple(between(values) for values in self.values)


class PatternBlurrer:
    """Blurs a pattern, and keeps what was asked for lately.

    Args:
        pattern: (n, n) True where a module is white.
    """

    def __init__(self, pattern: NDArray[np.bool_]) -> None:
        self._modules = len(pattern)
        self._white = np.pad(pattern.astype(np.float64), _RIM, constant_values=1.0)
        self._kept: dict[tuple[int, int, int], tuple[Array, ...]] = {}
        self._matrices: dict[tuple[int, int], Array] = {}

    def blurred(self, blur: Array, widening: Array) -> BlurredPattern:
        """The pattern at one blur.

        Args:
            blur: (2,) along x and y, as a standard deviation [modules].
            widening: (2,) how half the square of that grows with the blur of the picture.
        """
        fineness = next((f for f in _FINENESS if blur.min() * f >= _SMOOTH), _FINENESS[-1])
        wanted = np.maximum(blur, 1.0 / fineness)
        x, y = (round(float(step)) for step in np.log(wanted) / _STEP)
        key = fineness, x, y
        if key not in self._kept:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
                self._matrices.clear()
            self._kept[key] = self._blur(*key)
        soft, right, down, bent_x, bent_y = self._kept[key]
        # From the blur that is kept to the one that is wanted: ∂M/∂(σ²/2) = ∂²M/∂x², as heat does.
        off = 0.5 * (wanted**2 - np.exp(2.0 * _STEP * np.array([x, y])))
        exact = soft + off[0] * bent_x + off[1] * bent_y
        wider = widening[0] * bent_x + widening[1] * bent_y
        return BlurredPattern(self._modules, fineness, (exact, right, down, wider))

    def _blur(self, fineness: int, x: int, y: int) -> tuple[Array, ...]:
        sharp = np.kron(self._white, np.ones((fineness, fineness)))
        along_x, along_y = (self._matrix(len(sharp), fineness, k) for k in (x, y))
        soft = along_y @ sharp @ along_x.T
        down, right = np.gradient(soft, 1.0 / fineness)
        bent_x = np.gradient(right, 1.0 / fineness, axis=1)
        bent_y = np.gradient(down, 1.0 / fineness, axis=0)
        return tuple(values.ravel() for values in (soft, right, down, bent_x, bent_y))

    def _matrix(self, size: int, fineness: int, step: int) -> Array:
        if (fineness, step) not in self._matrices:
            sigma = fineness * float(np.exp(step * _STEP))
            self._matrices[fineness, step] = _blur_matrix(size, sigma)
        return self._matrices[fineness, step]


def _blur_matrix(size: int, sigma: float) -> Array:
    """(size, size) that blurs a column; beyond its ends it goes on as it is there."""
    k = np.arange(size)
    matrix: Array = np.exp(-0.5 * ((k[:, None] - k[None, :]) / sigma) ** 2)
    beyond = np.arange(1, int(np.ceil(4.0 * sigma)) + 1)
    matrix[:, 0] += np.exp(-0.5 * ((k[:, None] + beyond) / sigma) ** 2).sum(axis=1)
    matrix[:, -1] += np.exp(-0.5 * ((size - 1 - k[:, None] + beyond) / sigma) ** 2).sum(axis=1)
    normalised: Array = matrix / matrix.sum(axis=1, keepdims=True)
    return normalised
