"""A policy folder with an internal-state model, for tests: untrained, but its own."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import torch

from introspect_description import ArmDescription
from introspect_learning.internal_states.model import InternalStateConfig, InternalStateModel
from introspect_learning.internal_states.monitor import InternalStateMonitor
from introspect_learning.models import BehavioursRuntime, shipped
from introspect_learning.models.export import export_internal_states

LAYERS = ("feature_1", "features")


def policy_with_internal_states(
    folder: Path, layers: tuple[str, ...] = LAYERS, features_from: str = ""
) -> Path:
    """Copy the shipped policy and add a model that no training has touched.

    Args:
        folder: to make.
        layers: that the model takes.
        features_from: hash that the model says its activations come from; empty: the true one.
    """
    shutil.copytree(shipped("bbrl"), folder)
    shutil.rmtree(folder / "internal_states", ignore_errors=True)
    behaviours = BehavioursRuntime.load(folder).contract
    if features_from:
        hashes = behaviours.sha256 | {"model.safetensors": features_from}
        behaviours = dataclasses.replace(behaviours, sha256=hashes)
    sizes = {name: behaviours.layers[name] for name in layers}
    torch.manual_seed(0)
    config = InternalStateConfig(latent=8, hidden=(16,))
    model = InternalStateModel(sum(sizes.values()), config)
    monitor = InternalStateMonitor(model, ("approach", "grasp", "retract"), behaviours.behaviours)
    monitor.error_scale.copy_(torch.tensor([0.0, 4.0]))  # numbers of unit variance are no surprise
    monitor.surprise_scale.copy_(torch.tensor([0.0, 1000.0]))
    arm = ArmDescription.load("panda")
    export_internal_states(monitor, folder / "internal_states", arm, behaviours, sizes, {"seed": 0})
    return folder


def listen_to(folder: Path, layers: dict[str, int]) -> None:
    """Make the choreographer's contract say that it listens to other layers."""
    file = folder / "choreographer" / "contract.json"
    contract = json.loads(file.read_text())
    file.write_text(json.dumps(contract | {"layers": layers}))
