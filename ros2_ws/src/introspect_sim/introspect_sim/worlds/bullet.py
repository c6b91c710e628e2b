"""PyBullet, without the line that it prints when it is imported."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Send what C code prints nowhere: it knows nothing of ``sys.stdout``."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)  # what C has buffered belongs to what it has printed
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


with _silence():
    import pybullet

__all__ = ["pybullet"]
