"""Trained networks to model folders: safetensors, ONNX and contract."""

from __future__ import annotations

import dataclasses
import platform
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from introspect_control import ServoConfig
from introspect_description import ArmDescription
from introspect_learning.atomic import sha256, write_folder
from introspect_learning.behaviours.inputs import INPUT_INDEX, INPUT_SCALE
from introspect_learning.behaviours.networks import FEATURE_SIZE, LAYERS, BehaviourNet
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.models.contract import GRAPH, WEIGHTS, Contract, ContractError
from introspect_learning.models.runtime import policy_part
from introspect_sim.tasks import ACTION_NAMES, OBSERVATION, POLICY_PERIOD
from introspect_sim.tasks.action import ANGULAR_SPEED, LINEAR_SPEED

_OPSET = 17


def export_behaviours(
    net: BehaviourNet, folder: Path, arm: ArmDescription, training: dict[str, Any]
) -> Contract:
    """Write the behaviours' model folder; returns its contract.

    Args:
        net: the behaviours.
        folder: replaced as a whole.
        arm: they were trained on.
        training: seed and whatever else says where they come from.
    """
    contract = Contract(
        kind="behaviours",
        behaviours=net.names,
        layers=dict.fromkeys(LAYERS, FEATURE_SIZE),
        decision_period=1,
        **_interface(arm, training),
    )
    example = torch.zeros(1, OBSERVATION.size)
    return _write(net, (example,), ["observation"], [*LAYERS, "actions"], folder, contract)


def export_choreographer(
    net: Choreographer,
    folder: Path,
    arm: ArmDescription,
    behaviours: Contract,
    period: int,
    training: dict[str, Any],
) -> Contract:
    """Write the choreographer's model folder; returns its contract.

    Args:
        net: the choreographer.
        folder: replaced as a whole.
        arm: it was trained on.
        behaviours: contract of the behaviours it listens to.
        period: policy steps between its decisions.
        training: seed and whatever else says where it comes from.
    """
    contract = Contract(
        kind="choreographer",
        behaviours=behaviours.behaviours,
        layers={"features": FEATURE_SIZE},
        decision_period=period,
        features_from=behaviours.hash,
        **_interface(arm, training),
    )
    example = (torch.zeros(1, 1, FEATURE_SIZE), *net.start(1))
    names = ["features", "h", "c"]
    outputs = ["probabilities", "value", "h_out", "c_out"]
    return _write(_Decision(net), example, names, outputs, folder, contract, weights=net)


def load_behaviours(policy: Path, arm: ArmDescription) -> tuple[BehaviourNet, Contract]:
    """The behaviours of a policy folder as a network, for training on.

    Raises:
        ContractError: The folder holds no behaviours for this arm.
    """
    folder = policy_part(policy, "behaviours")
    contract = Contract.read(folder, "behaviours")
    contract.check_interface()
    contract.check_arm(arm)
    net = BehaviourNet(len(contract.action_names), contract.behaviours)
    try:
        net.load_state_dict(load_file(folder / WEIGHTS))
    except RuntimeError as error:
        raise ContractError(f"{folder / WEIGHTS} does not fit this version: {error}") from error
    return net, contract


class _Decision(nn.Module):
    """One decision with the memory as plain inputs and outputs."""

    def __init__(self, net: Choreographer) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        logits, value, (h_out, c_out) = self.net(features, (h, c))
        return logits.softmax(dim=-1), value, h_out, c_out


def _interface(arm: ArmDescription, training: dict[str, Any]) -> dict[str, Any]:
    servo = ServoConfig()
    return {
        "joint_names": arm.joint_names,
        "observation_names": OBSERVATION.names,
        "action_names": ACTION_NAMES,
        "input_names": tuple(OBSERVATION.names[i] for i in INPUT_INDEX),
        "input_scale": tuple(INPUT_SCALE),
        "linear_speed": LINEAR_SPEED,
        "angular_speed": ANGULAR_SPEED,
        "rate": 1.0 / POLICY_PERIOD,
        "envelope": {
            "velocity_scale": servo.velocity_scale,
            "acceleration_scale": servo.acceleration_scale,
            "jerk": servo.jerk,
        },
        "training": training
        | {"torch": torch.__version__, "python": platform.python_version(), "arm": arm.name},
    }


def _write(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    folder: Path,
    contract: Contract,
    weights: nn.Module | None = None,
) -> Contract:
    written = contract

    def fill(aside: Path) -> None:
        nonlocal written
        tensors = {
            name: value.contiguous() for name, value in (weights or module).state_dict().items()
        }
        save_file(tensors, aside / WEIGHTS)
        module.eval()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                example,
                str(aside / GRAPH),
                input_names=inputs,
                output_names=outputs,
                opset_version=_OPSET,
                dynamo=False,
            )
        digests = {name: sha256(aside / name) for name in (WEIGHTS, GRAPH)}
        written = dataclasses.replace(contract, sha256=digests)
        written.write(aside)

    folder.parent.mkdir(parents=True, exist_ok=True)
    write_folder(folder, fill)
    return written
