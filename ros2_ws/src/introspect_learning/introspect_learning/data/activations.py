"""Activations of a policy, step by step, with what is known of each step."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from introspect_control.atomic import write_file
from introspect_description.untrusted import read_json

UNKNOWN = -1  # of a phase, a behaviour or an outcome
_TYPES = {
    "activations": np.float32,
    "disturbed": np.bool_,
    **dict.fromkeys(("episode", "sequence", "phase", "behaviour", "success"), np.int64),
}


class DataError(Exception):
    """Steps that nothing can be learned from; the text says why."""


@dataclass(frozen=True)
class ActivationDataset:
    """N steps of some episodes, those of an episode consecutive and in their order.

    Where steps of an episode are missing it falls into parts, and still counts as one.

    Raises:
        DataError: Columns of different lengths, activations that are not finite, or layers that
            do not add up to the width of the activations.
    """

    layers: dict[str, int]  # name of each captured layer -> its size, in their order
    activations: NDArray[np.float32]  # (N, sum of the layers' sizes)
    episode: NDArray[np.int64]  # (N,) number of the episode
    sequence: NDArray[np.int64]  # (N,) number of the step within it
    phase: NDArray[np.int64]  # (N,) index in `phases`, or UNKNOWN
    behaviour: NDArray[np.int64]  # (N,) index in `behaviours` of the one that acted, or UNKNOWN
    success: NDArray[np.int64]  # (N,) 1: the step's episode ended at the goal, 0: not, or UNKNOWN
    phases: tuple[str, ...]
    behaviours: tuple[str, ...]
    model_hash: str  # of the model whose activations these are
    disturbed: NDArray[np.bool_]  # (N,) a disturbance has come in this step or before

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        n = len(self.activations)
        for name in ("episode", "sequence", "phase", "behaviour", "success", "disturbed"):
            if getattr(self, name).shape != (n,):
                shape = getattr(self, name).shape
                raise DataError(f"{name} must be ({n},), as there are activations; got {shape}")
        width = sum(self.layers.values())
        if self.activations.shape != (n, width):
            raise DataError(
                f"activations must be ({n}, {width}) for the layers {self.layers}, "
                f"got {self.activations.shape}"
            )
        if not np.isfinite(self.activations).all():
            raise DataError("activations must be finite")

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.activations)

    @property
    def episodes(self) -> NDArray[np.int64]:
        """Numbers of the episodes, each once."""
        return np.unique(self.episode)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> ActivationDataset:
        """Some of the steps."""
        return replace(self, **{name: column[rows] for name, column in self.columns().items()})

    def columns(self) -> dict[str, Any]:
        """Everything that there is one of for each step, by name."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}

    def split(self, share: float, seed: int) -> tuple[ActivationDataset, ActivationDataset]:
        """Whole episodes to learn from, and whole episodes held out.

        Steps of one episode are alike: a split by step would test on what it has learned.

        Args:
            share: of the episodes to hold out, in (0, 1).
            seed: of the draw.

        Raises:
            DataError: Fewer than two episodes.
        """
        episodes = self.episodes
        if len(episodes) < 2:
            raise DataError(f"a split needs at least two episodes, got {len(episodes)}")
        held = np.random.default_rng(seed).permutation(episodes)
        held = held[: min(max(1, round(share * len(episodes))), len(episodes) - 1)]
        out = np.isin(self.episode, held)
        return self.take(~out), self.take(out)

    def save(self, file: Path) -> None:
        """Write to one safetensors file."""
        columns = {name: np.ascontiguousarray(c) for name, c in self.columns().items()}
        about = {
            "layers": self.layers,
            "phases": self.phases,
            "behaviours": self.behaviours,
            "model_hash": self.model_hash,
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"introspect": json.dumps(about)}
        write_file(file, lambda aside: save_file(columns, aside, metadata=metadata))

    @classmethod
    def load(cls, file: Path) -> ActivationDataset:
        """Read what ``save`` wrote.

        Raises:
            DataError: It is no such file, or damaged.
        """
        try:
            with safe_open(file, framework="numpy") as opened:
                about = read_json((opened.metadata() or {})["introspect"])
                columns = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            for name, column in columns.items():
                if column.dtype != _TYPES[name]:
                    raise DataError(f"{name} has type {column.dtype}, must be {_TYPES[name]}")
            return cls(**columns, **_about(**about))
        except (
            *(OSError, KeyError, TypeError, ValueError, AttributeError),
            *(SafetensorError, DataError),
        ) as error:
            raise DataError(f"{file} holds no activations: {error}") from error

    def sequences(self) -> list[NDArray[np.int64]]:
        """Rows of every episode without a gap, or of each of its parts, in their order."""
        breaks = (np.diff(self.episode) != 0) | (np.diff(self.sequence) != 1)
        return np.split(np.arange(len(self)), np.flatnonzero(breaks) + 1)

    def check_lengths(self, least: int, which: str) -> None:
        """Refuse episodes that are cut to pieces too short to learn from.

        Args:
            least: steps without a gap that one part at least must have.
            which: episodes these are, for the text.

        Raises:
            DataError: No part has as many.
        """
        longest = max(len(rows) for rows in self.sequences())
        if longest < least:
            raise DataError(
                f"episodes {which} must have {least} steps without a gap somewhere, "
                f"got at most {longest}"
            )


def _about(layers: Any, phases: Any, behaviours: Any, model_hash: Any) -> dict[str, Any]:
    """What goes with the columns, checked."""
    if not all(isinstance(size, int) and size > 0 for size in layers.values()):
        raise TypeError("layers must have sizes")
    names = [*layers, *phases, *behaviours, model_hash]
    if not all(isinstance(name, str) for name in names):
        raise TypeError("names must be text")
    return {
        "layers": dict(layers),
        "phases": tuple(phases),
        "behaviours": tuple(behaviours),
        "model_hash": model_hash,
    }


def joined(parts: list[ActivationDataset]) -> ActivationDataset:
    """Several sets as one; episodes are numbered anew.

    Raises:
        DataError: No part, or parts with other layers or another model.
    """
    if not parts:
        raise DataError("there is nothing to join")
    first = parts[0]
    for part in parts[1:]:
        for name in ("layers", "model_hash", "phases", "behaviours"):
            ours, theirs = getattr(first, name), getattr(part, name)
            if ours != theirs:
                raise DataError(f"parts with different {name} cannot be joined: {ours}, {theirs}")
    tables = [part.columns() for part in parts]
    columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    offset, numbers = 0, []
    for part in parts:
        numbers.append(np.unique(part.episode, return_inverse=True)[1] + offset)
        offset += len(part.episodes)
    columns["episode"] = np.concatenate(numbers)
    return replace(first, **columns)  # type: ignore[arg-type]
