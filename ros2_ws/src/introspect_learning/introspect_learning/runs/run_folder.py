"""A training run's folder: configuration, metrics, TensorBoard events, checkpoints, model."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import time
from pathlib import Path
from typing import IO, Any

from introspect_learning.atomic import write_text
from introspect_learning.runs.errors import RunError


class RunFolder:
    """Owns a run's folder while the run lasts.

    Args:
        path: of the folder.
        config: a dataclass; ``--resume`` needs the same one.
        resume: go on with what is there.

    Raises:
        RunError: The folder holds another run, or somebody else is writing to it.
    """

    def __init__(self, path: Path, config: Any, resume: bool = False) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._lock = self._take_lock()
        self._check_config(json.loads(json.dumps(dataclasses.asdict(config), default=str)), resume)
        self.model = path / "model"
        self._metrics = (path / "metrics.jsonl").open("a", encoding="utf-8")
        self._events = _summary_writer(path)
        self._started = time.perf_counter()

    def log(self, step: int, metrics: dict[str, float], unit: str = "episodes") -> None:
        """Append a row of metrics.

        Args:
            step: place on the x-axis.
            metrics: by name, as plots will call them.
            unit: what ``step`` counts.
        """
        seconds = round(time.perf_counter() - self._started, 3)
        row = {unit: step, "seconds": seconds, **metrics}
        self._metrics.write(json.dumps(row) + "\n")
        self._metrics.flush()
        if self._events is not None:
            for name, value in metrics.items():
                self._events.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush the metrics and let go of the folder."""
        self._metrics.close()
        if self._events is not None:
            self._events.close()
        self._lock.close()

    def __enter__(self) -> RunFolder:
        """Own the folder for a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the folder."""
        self.close()

    def _take_lock(self) -> IO[str]:
        lock = (self.path / ".lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise RunError(
                f"{self.path} is in use by another training run; choose another --out"
            ) from error
        return lock

    def _check_config(self, config: dict[str, Any], resume: bool) -> None:
        file = self.path / "config.json"
        if not file.exists():
            write_text(file, json.dumps(config, indent=2) + "\n")
            return
        before = json.loads(file.read_text())
        if not resume:
            raise RunError(f"{self.path} already holds a run; add --resume or choose another --out")
        changed = sorted(
            key for key in {*before, *config} if before.get(key, None) != config.get(key)
        )
        if changed:
            sides = "; ".join(f"{k}: {before.get(k)} there, {config.get(k)} here" for k in changed)
            raise RunError(f"cannot resume {self.path} with another configuration ({sides})")


def _summary_writer(path: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(path))
