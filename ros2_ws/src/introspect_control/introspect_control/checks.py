"""What is looked at before the compiled loops, which look at nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def finite(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    """A copy of an array as the kernels read it.

    Raises:
        ValueError: Another shape, or a number that is not finite.
    """
    value = np.array(value, dtype=np.float64, order="C")
    if value.shape != shape:
        raise ValueError(f"{name} must be {shape}, got {value.shape}")
    if not np.isfinite(value).all():
        raise ValueError(f"{name} must be finite, got {value[~np.isfinite(value)][0]}")
    return value
