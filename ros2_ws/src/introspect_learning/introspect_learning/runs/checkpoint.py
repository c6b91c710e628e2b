"""Checkpoints: tensors in safetensors, the rest in JSON, a manifest written last."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from introspect_control.atomic import sha256, write_folder
from introspect_description.untrusted import read_file, read_json
from introspect_learning.runs.errors import CheckpointError

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_KEEP = 2
_TENSORS, _STATE, _MANIFEST = "tensors.safetensors", "state.json", "manifest.json"
_LARGEST_TEXT = 64 << 20  # [bytes]; ours have some thousand
_LARGEST_TENSORS = 4 << 30  # [bytes]; ours have some million


class Checkpoints:
    """The checkpoints of one run, newest last.

    Args:
        folder: where they lie; made when the first is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Write a checkpoint; older ones but the last are removed.

        Args:
            step: orders the checkpoints.
            tensors: weights, optimiser moments, generator states, data.
            state: what JSON can hold.
        """

        def fill(folder: Path) -> None:
            flat = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
            save_file(flat, folder / _TENSORS)
            (folder / _STATE).write_text(json.dumps(state))
            manifest = {name: sha256(folder / name) for name in (_TENSORS, _STATE)}
            (folder / _MANIFEST).write_text(json.dumps({"step": step, "sha256": manifest}))

        self.folder.mkdir(parents=True, exist_ok=True)
        write_folder(self.folder / f"step-{step:08d}", fill)
        for old in self._steps()[:-_KEEP]:
            shutil.rmtree(old, ignore_errors=True)

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The newest whole checkpoint, or None if there is none.

        Raises:
            CheckpointError: There are checkpoints, and none is whole.
        """
        damage = []
        for folder in reversed(self._steps()):
            try:
                return self._read(folder)
            except CheckpointError as error:
                damage.append(str(error))
                _LOG.warning("%s; trying the one before", error)
        if damage:
            raise CheckpointError(
                f"no checkpoint to go on from: {'; '.join(damage)} "
                f"(remove {self.folder} to start this stage anew)"
            )
        return None

    def _steps(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

    def _read(self, folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        try:
            manifest = read_json(read_file(folder / _MANIFEST, _LARGEST_TEXT))["sha256"]
            content = {_STATE: read_file(folder / _STATE, _LARGEST_TEXT)}
            content[_TENSORS] = read_file(folder / _TENSORS, _LARGEST_TENSORS)
            for name, data in content.items():
                if hashlib.sha256(data).hexdigest() != manifest[name]:
                    raise CheckpointError(f"{folder / name} does not match its manifest")
            state = read_json(content[_STATE], finite=False)
            if not isinstance(state, dict):
                raise CheckpointError(f"{folder / _STATE} holds no mapping")
            return _Whole(folder, load(content[_TENSORS])), _Whole(folder, state)
        except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
            raise CheckpointError(f"{folder} is not a whole checkpoint: {error}") from error


class _Whole(dict[str, T]):
    """What a checkpoint holds; what it lacks is told by name.

    Args:
        folder: of the checkpoint.
        values: by name.
    """

    def __init__(self, folder: Path, values: dict[str, T]) -> None:
        super().__init__(values)
        self._folder = folder

    def __missing__(self, name: str) -> T:
        raise CheckpointError(f"{self._folder} is not a checkpoint of this stage: it lacks {name}")


def optimiser_tensors(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """Every tensor of an optimiser's state, by name."""
    return {
        f"{prefix}.{index}.{name}": value
        for index, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_optimiser(
    optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor], prefix: str
) -> None:
    """Put back what ``optimiser_tensors`` gave.

    Raises:
        CheckpointError: They are another optimiser's.
    """
    state: dict[int, dict[str, Tensor]] = {}
    whole = optimiser.state_dict()
    try:
        for key, value in tensors.items():
            if key.startswith(prefix + "."):
                index, name = key[len(prefix) + 1 :].split(".", 1)
                state.setdefault(int(index), {})[name] = value
        whole["state"] = state
        optimiser.load_state_dict(whole)
    except (RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"the checkpoint has no such optimiser {prefix!r}: {error}"
        ) from error


def module_tensors(module: torch.nn.Module, prefix: str) -> dict[str, Tensor]:
    """Every tensor of a module, by name."""
    return {f"{prefix}.{name}": value for name, value in module.state_dict().items()}


def restore_module(module: torch.nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    """Put back what ``module_tensors`` gave.

    Raises:
        CheckpointError: They are another module's.
    """
    start = prefix + "."
    try:
        module.load_state_dict(
            {key[len(start) :]: value for key, value in tensors.items() if key.startswith(start)}
        )
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint has no such module {prefix!r}: {error}") from error
