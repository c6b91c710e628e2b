"""Pictures of results, drawn without a display."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from introspect_control.atomic import write_file


def pyplot() -> Any:
    """Matplotlib's pyplot, which only training has installed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def save(figure: Any, file: Path) -> Path:
    """Write a figure, whole or not at all, and forget it; returns the file."""
    kind = file.suffix.removeprefix(".")
    write_file(file, lambda aside: figure.savefig(aside, dpi=110, format=kind))
    pyplot().close(figure)
    return file
