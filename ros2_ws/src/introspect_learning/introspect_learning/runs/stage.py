"""A stage of a run, as its trainer sees it: what to go on from, and where results go."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from introspect_learning.runs.checkpoint import Checkpoints
from introspect_learning.runs.errors import CheckpointError
from introspect_learning.runs.metrics import Metrics


class Stage:
    """A stage that is not kept: nothing to go on from, nothing written."""

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors and state to go on from, or None to start."""
        return None

    def save(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Keep what training has come to.

        Args:
            step: as in ``log``; rows beyond it are dropped when training goes on from here.
            tensors: weights, optimiser moments, generator states, data.
            state: what JSON can hold.
        """

    def log(self, step: int, values: dict[str, float], unit: str = "episodes") -> None:
        """Keep a row of metrics.

        Args:
            step: learned from so far.
            values: by name.
            unit: what ``step`` counts.
        """


class RecordedStage(Stage):
    """A stage in a run's folder: its checkpoints and metrics, in step with each other."""

    def __init__(self, name: str, checkpoints: Checkpoints, metrics: Metrics) -> None:
        self.name = name
        self.checkpoints = checkpoints
        self._metrics = metrics

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The newest checkpoint; metrics logged after it are forgotten.

        Raises:
            CheckpointError: There are checkpoints, and none is whole.
        """
        saved = self.checkpoints.load()
        step = saved[1]["step"] if saved else -1
        if isinstance(step, bool) or not isinstance(step, int):
            raise CheckpointError(f"{self.checkpoints.folder}: step {step!r:.80} is no number")
        self._metrics.rewind(self.name, step)
        return saved

    def save(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Write a checkpoint, after the rows that lead to it."""
        self._metrics.sync()
        self.checkpoints.save(step, tensors, {"step": step, **state})

    def log(self, step: int, values: dict[str, float], unit: str = "episodes") -> None:
        """Append to the run's metrics."""
        self._metrics.log(self.name, step, values, unit)
