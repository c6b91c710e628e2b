"""Policy folders with parts that no training has touched, for tests."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import torch

from introspect_description import ArmDescription
from introspect_learning.choreographer.listening import INTERNAL, Listener
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.internal_states.model import InternalStateConfig, InternalStateModel
from introspect_learning.internal_states.monitor import InternalStateMonitor
from introspect_learning.models import BehavioursRuntime, shipped
from introspect_learning.models.export import export_choreographer, export_internal_states

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


def policy_that_listens_to(folder: Path, listens_to: str) -> Path:
    """Copy the shipped policy and give it an untrained choreographer.

    Args:
        folder: to make.
        listens_to: one of the choreographer's ways to listen.
    """
    shutil.copytree(shipped("bbrl"), folder)
    behaviours = BehavioursRuntime.load(folder).contract
    torch.manual_seed(0)
    model = None
    if listens_to in INTERNAL:
        inputs = sum(behaviours.layers[name] for name in LAYERS)
        model = InternalStateModel(inputs, InternalStateConfig(latent=8, hidden=(16,)))
    net = Choreographer(Listener(listens_to, model), len(behaviours.behaviours))
    arm = ArmDescription.load("panda")
    export_choreographer(net, folder / "choreographer", arm, behaviours, 5, {"seed": 0})
    return folder
