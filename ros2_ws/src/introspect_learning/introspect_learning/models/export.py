"""Trained networks to model folders: safetensors, ONNX and contract.

Graphs take and give float32 and compute in float64: the order in which a runtime adds then hardly
ever shows in what comes out.
"""

from __future__ import annotations

import copy
import dataclasses
import platform
import warnings
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.onnx.utils import register_custom_op_symbolic, unregister_custom_op_symbolic

from introspect_control import ServoConfig
from introspect_control.atomic import sha256, write_folder
from introspect_description import ArmDescription
from introspect_learning.behaviours.inputs import INPUT_INDEX, INPUT_SCALE
from introspect_learning.behaviours.networks import FEATURE_SIZE, LAYERS, BehaviourNet, ReactiveNet
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
    return _write(
        net, _Behaviours(net), (example,), ["observation"], [*LAYERS, "actions"], folder, contract
    )


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
    return _write(net, _Decision(net), example, names, outputs, folder, contract)


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


class _Behaviours(nn.Module):
    """All behaviours on one observation, their layers side by side: a third of the operations."""

    def __init__(self, net: BehaviourNet) -> None:
        super().__init__()
        nets = [cast(ReactiveNet, reactive) for reactive in net.reactive]
        self.feature_net = net.feature_net
        self.fc1_weight = nn.Parameter(torch.cat([reactive.fc1.weight for reactive in nets]))
        self.fc1_bias = nn.Parameter(torch.cat([reactive.fc1.bias for reactive in nets]))
        self.head_weight = nn.Parameter(torch.stack([reactive.head.weight.T for reactive in nets]))
        self.head_bias = nn.Parameter(torch.stack([reactive.head.bias[None] for reactive in nets]))

    def forward(self, observation: Tensor) -> tuple[Tensor, ...]:
        first, features = self.feature_net(observation)
        hidden = nn.functional.linear(features, self.fc1_weight, self.fc1_bias)
        count, size, _ = self.head_weight.shape
        hidden = nn.functional.elu(hidden).reshape(count, 1, size)
        actions = torch.tanh(hidden @ self.head_weight + self.head_bias)
        return first, features, actions.reshape(1, count, -1)


class _Decision(nn.Module):
    """One decision with the memory as plain inputs and outputs.

    The LSTM's cell is written out, because ONNX Runtime has its own in float32 only.
    """

    def __init__(self, net: Choreographer) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        net, (from_input, from_memory, *biases) = self.net, self.net.lstm.all_weights[0]
        given = nn.functional.elu(net.encoder(features))
        gates = given @ from_input.T + biases[0] + h @ from_memory.T + biases[1]
        keep_new, keep_old, new, shown = gates.chunk(4, dim=-1)
        c_out = keep_old.sigmoid() * c + keep_new.sigmoid() * new.tanh()
        h_out = shown.sigmoid() * c_out.tanh()
        return net.actor(h_out).softmax(dim=-1), net.critic(h_out)[..., 0], h_out, c_out


class _Precise(nn.Module):
    """A network in float64 between inputs and outputs in float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).double().eval()

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(value.float() for value in self.module(*(x.double() for x in inputs)))


def _elu(graph: Any, x: Any, alpha: Any, scale: Any, input_scale: Any) -> Any:
    """ELU, which ONNX Runtime has in float32 only: max(x, exp(min(x, 0)) - 1)."""
    scales = [factor.node().t("value").item() for factor in (alpha, scale, input_scale)]
    if scales != [1.0, 1.0, 1.0]:
        raise ValueError(f"only ELU without scales can be exported, got {scales}")
    zero = graph.op("Constant", value_t=torch.zeros((), dtype=torch.float64))
    one = graph.op("Constant", value_t=torch.ones((), dtype=torch.float64))
    return graph.op("Max", x, graph.op("Sub", graph.op("Exp", graph.op("Min", x, zero)), one))


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
    weights: nn.Module,
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: list[str],
    outputs: list[str],
    folder: Path,
    contract: Contract,
) -> Contract:
    """Write the weights, the graph of a module that uses them, and the contract with both."""
    written = contract

    def fill(aside: Path) -> None:
        nonlocal written
        tensors = {name: value.contiguous() for name, value in weights.state_dict().items()}
        save_file(tensors, aside / WEIGHTS)
        register_custom_op_symbolic("aten::elu", _elu, _OPSET)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.onnx.export(
                    _Precise(module),
                    example,
                    str(aside / GRAPH),
                    input_names=inputs,
                    output_names=outputs,
                    opset_version=_OPSET,
                    dynamo=False,
                )
        finally:
            unregister_custom_op_symbolic("aten::elu", _OPSET)
        digests = {name: sha256(aside / name) for name in (WEIGHTS, GRAPH)}
        written = dataclasses.replace(contract, sha256=digests)
        written.write(aside)

    folder.parent.mkdir(parents=True, exist_ok=True)
    write_folder(folder, fill)
    return written
