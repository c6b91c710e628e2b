"""A run's metrics: a row of JSON at a time, and the same for TensorBoard."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from introspect_control.atomic import sync, write_text
from introspect_description.untrusted import read_file, read_json
from introspect_learning.runs.errors import RunError

METRICS = "metrics.jsonl"
_LARGEST = 1 << 30  # [bytes]; ours have some million


class Metrics:
    """Writes ``metrics.jsonl``, and TensorBoard events where that is installed.

    Each row names its stage, so that curves of different stages never share an axis.

    Args:
        path: folder of the run; rows that are there stay.

    Raises:
        RunError: A row that is there is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        rows = self._rows()
        self._spent = max((row["seconds"] for row in rows), default=0.0)  # before now [s]
        self._started = time.perf_counter()
        self._open(rows)

    def log(self, stage: str, step: int, values: dict[str, float], unit: str = "episodes") -> None:
        """Append a row.

        Args:
            stage: part of the run.
            step: place on the x-axis.
            values: by name, as plots will call them.
            unit: what ``step`` counts.
        """
        seconds = round(self._spent + time.perf_counter() - self._started, 3)
        row = {"stage": stage, "unit": unit, unit: step, "seconds": seconds, **values}
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        self._show(row)

    def rewind(self, stage: str, step: int) -> None:
        """Drop a stage's rows beyond a step: they are about to be written again."""
        rows = self._rows()
        kept = [row for row in rows if row["stage"] != stage or row[row["unit"]] <= step]
        if len(kept) == len(rows):
            return
        self.close()
        write_text(self._path / METRICS, "".join(json.dumps(row) + "\n" for row in kept))
        self._open(kept)

    def sync(self) -> None:
        """See to it that all rows are on the disk."""
        sync(self._path / METRICS)

    def close(self) -> None:
        """Flush all."""
        self._file.close()
        if self._events is not None:
            self._events.close()

    def _open(self, rows: list[dict[str, Any]]) -> None:
        self._file = (self._path / METRICS).open("a", encoding="utf-8")
        # Events cannot be taken back: they are written anew from the rows that count.
        old = list(self._path.glob("events.out.tfevents.*"))
        self._events = _summary_writer(self._path)
        for file in old if self._events is not None else []:
            file.unlink()
        for row in rows:
            self._show(row)

    def _rows(self) -> list[dict[str, Any]]:
        file = self._path / METRICS
        if not file.exists():
            return []
        try:
            text = read_file(file, _LARGEST).decode()
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"{file} cannot be read: {error}; remove it to go on") from error
        lines = text.splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]  # a killed writer may leave a part
        if len(whole) < len(lines):
            write_text(file, "".join(whole))
        return [_read(file, number, line) for number, line in enumerate(whole, 1)]

    def _show(self, row: dict[str, Any]) -> None:
        if self._events is None:
            return
        about = ("stage", "unit", "seconds", row["unit"])
        for name in row.keys() - set(about):
            self._events.add_scalar(f"{row['stage']}/{name}", row[name], row[row["unit"]])


def _read(file: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = read_json(line, finite=False)
        unit = row["unit"]
        if not (isinstance(unit, str) and isinstance(row["stage"], str)):
            raise TypeError("stage and unit must be text")
        about = ("stage", "unit")
        words = sorted(name for name in row if name not in about and not _is_number(row[name]))
        if words or not {"seconds", unit} <= row.keys():
            raise TypeError(f"no number: {', '.join(words) or f'seconds, {unit}'}")
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"line {number} of {file} is no row of metrics ({error!s:.200}); remove it to go on"
        ) from error
    return dict(row)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _summary_writer(path: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(path))
