"""Model folders back to networks, for training on.

A folder may come from anywhere: weights are safetensors, which hold numbers and nothing else, and
no memory is taken for a network before it is known that the weights are its own.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from introspect_description import ArmDescription
from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.choreographer.listening import Listener
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.internal_states.model import InternalStateConfig, InternalStateModel
from introspect_learning.internal_states.monitor import InternalStateMonitor
from introspect_learning.models.contract import (
    LARGEST_LAYER,
    WEIGHTS,
    Contract,
    ContractError,
    naming,
)
from introspect_learning.models.policy import policy_part

_MOST_LAYERS = 32  # of an encoder
_MISFITS = (KeyError, IndexError, TypeError, ValueError, RuntimeError, SafetensorError, OSError)
M = TypeVar("M", bound=nn.Module)


def load_behaviours(policy: Path, arm: ArmDescription) -> tuple[BehaviourNet, Contract]:
    """The behaviours of a policy folder as a network, for training on.

    Raises:
        ContractError: The folder holds no behaviours for this arm.
    """
    folder = policy_part(policy, "behaviours")
    contract = Contract.read(folder, "behaviours")
    with naming(folder):
        contract.check_interface()
        contract.check_arm(arm)
    with _fitting(folder):
        net = filled(
            lambda: BehaviourNet(len(contract.action_names), contract.behaviours),
            load_file(folder / WEIGHTS),
        )
    return net, contract


def load_internal_states(folder: Path, features_from: str = "") -> InternalStateMonitor:
    """An internal-state model's folder as a network, for training with it.

    Args:
        folder: of the model.
        features_from: hash of the behaviours whose activations it will take; checked if given.

    Raises:
        ContractError: The folder is no such model, or it takes activations of other behaviours.
    """
    contract = Contract.read(folder, "internal_states")
    if features_from:
        with naming(folder):
            contract.check_features(features_from)
    with _fitting(folder):
        inputs, config = sum(contract.layers.values()), _model_config(contract.training["model"])

        def make() -> InternalStateMonitor:
            model = InternalStateModel(inputs, config)
            return InternalStateMonitor(model, contract.phases, contract.behaviours)

        monitor = filled(make, load_file(folder / WEIGHTS))
    return monitor


def load_choreographer(policy: Path) -> tuple[Choreographer, Contract]:
    """The choreographer of a policy folder as a network.

    Raises:
        ContractError: The folder holds none that fits.
    """
    folder = policy_part(policy, "choreographer")
    contract = Contract.read(folder, "choreographer")
    with _fitting(folder):
        tensors = load_file(folder / WEIGHTS)
        inputs, inner = sum(contract.layers.values()), contract.training.get("internal_states")
        config = _model_config(inner) if inner else None
        hidden = tensors["actor.weight"].shape[1]

        def make() -> Choreographer:
            model = InternalStateModel(inputs, config) if config else None
            listener = Listener(contract.listens_to or "features", model, tuned=False)
            return Choreographer(listener, len(contract.behaviours), hidden)

        net = filled(make, tensors)
    return net, contract


def filled(make: Callable[[], M], tensors: dict[str, Tensor]) -> M:
    """A network with tensors from a file.

    What it would be is found out without taking memory, as a file may name any sizes.

    Args:
        make: makes the network.
        tensors: all of its state, by name.

    Raises:
        ValueError: The file has other tensors than the network, of other shapes or types.
    """
    with torch.device("meta"):
        wanted = {name: (t.shape, t.dtype) for name, t in make().state_dict().items()}
    there = {name: (t.shape, t.dtype) for name, t in tensors.items()}
    if wanted != there:
        names = [n for n in wanted.keys() | there.keys() if wanted.get(n) != there.get(n)]
        raise ValueError(f"other tensors than expected: {reprlib.repr(sorted(names))}")
    net = make()
    net.load_state_dict(tensors)
    return net


@contextmanager
def _fitting(folder: Path) -> Iterator[None]:
    """Say which file it is that does not fit."""
    try:
        yield
    except _MISFITS as error:
        raise ContractError(f"{folder / WEIGHTS} does not fit this version: {error}") from error


def _model_config(about: dict[str, Any]) -> InternalStateConfig:
    config = InternalStateConfig(**about | {"hidden": tuple(about["hidden"])})
    if max((config.latent, len(config.hidden), *config.hidden)) > LARGEST_LAYER:
        raise ValueError(f"layers must have {LARGEST_LAYER} units at most")
    if len(config.hidden) > _MOST_LAYERS:
        raise ValueError(f"hidden must have {_MOST_LAYERS} layers at most")
    return config
