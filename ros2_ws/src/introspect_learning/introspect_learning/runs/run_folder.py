"""A training run's folder: configuration, metrics, TensorBoard events, checkpoints, model."""

from __future__ import annotations

import dataclasses
import fcntl
import json
from pathlib import Path
from typing import IO, Any

from introspect_control.atomic import write_text
from introspect_description.untrusted import read_file, read_json
from introspect_learning.runs.checkpoint import Checkpoints
from introspect_learning.runs.errors import RunError
from introspect_learning.runs.metrics import Metrics
from introspect_learning.runs.stage import RecordedStage

_LARGEST = 1 << 20  # of config.json [bytes]; ours have some thousand


class RunFolder:
    """Owns a run's folder while the run lasts.

    Args:
        path: of the folder.
        config: a dataclass; ``--resume`` needs the same one.
        resume: go on with what is there.
        more: what else has to be the same.

    Raises:
        RunError: The folder holds another run, or somebody else is writing to it.
    """

    def __init__(
        self, path: Path, config: Any, resume: bool = False, more: dict[str, Any] | None = None
    ) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot write to {path}: {error.strerror}") from error
        self._lock = self._take_lock()
        try:
            content = dataclasses.asdict(config) | (more or {})
            self._check_config(json.loads(json.dumps(content, default=str)), resume)
            self._metrics = Metrics(path)
        except BaseException:
            self._lock.close()
            raise
        self.model = path / "model"

    def stage(self, name: str) -> RecordedStage:
        """A part of the run with checkpoints and metrics of its own."""
        return RecordedStage(name, Checkpoints(self.path / "checkpoint" / name), self._metrics)

    def close(self) -> None:
        """Flush the metrics and let go of the folder."""
        self._metrics.close()
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
        if resume and not file.exists():
            raise RunError(f"there is no run in {self.path} to go on with; leave out --resume")
        if not file.exists():
            write_text(file, json.dumps(config, indent=2) + "\n")
            return
        if not resume:
            raise RunError(f"{self.path} already holds a run; add --resume or choose another --out")
        try:
            before = dict(read_json(read_file(file, _LARGEST)))
        except (OSError, ValueError, TypeError) as error:
            raise RunError(f"{file} cannot be read: {error}; choose another --out") from error
        changed = sorted(key for key in {*before, *config} if before.get(key) != config.get(key))
        if changed:
            sides = "; ".join(
                f"{k:.80}: {before.get(k)!s:.200} there, {config.get(k)} here" for k in changed[:20]
            )
            raise RunError(f"cannot resume {self.path} with another configuration ({sides})")
