"""Pictures of results, drawn without a display."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def pyplot() -> Any:
    """Matplotlib's pyplot, which only training has installed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def save(figure: Any, file: Path) -> Path:
    """Write a figure and forget it; returns the file."""
    figure.savefig(file, dpi=110)
    pyplot().close(figure)
    return file
