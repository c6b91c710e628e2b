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
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.onnx.utils import register_custom_op_symbolic, unregister_custom_op_symbolic

from introspect_control import ServoConfig
from introspect_control.atomic import sha256, write_folder
from introspect_description import ArmDescription
from introspect_learning.behaviours.inputs import INPUT_INDEX, INPUT_SCALE
from introspect_learning.behaviours.networks import BehaviourNet, ReactiveNet
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.internal_states.monitor import InternalStateMonitor, Memory
from introspect_learning.internal_states.recorder import ActivationRecorder
from introspect_learning.models.contract import GRAPH, WEIGHTS, Contract
from introspect_sim.tasks import ACTION_NAMES, OBSERVATION, POLICY_PERIOD
from introspect_sim.tasks.action import ANGULAR_SPEED, LINEAR_SPEED

_OPSET = 17
INTROSPECTION = (
    ["activations", "behaviour", "forecast", "views", "age"],
    [
        *("mean", "log_variance", "reconstruction_error", "phase", "failure", "surprise"),
        *("forecast_out", "views_out", "age_out"),
    ],
)
"""Inputs and outputs of the internal-state graph."""


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
    example = torch.zeros(1, OBSERVATION.size)
    with ActivationRecorder(net, net.layers) as recorder, torch.no_grad():
        net(example)
        layers = {name: values.shape[1] for name, values in recorder.activations.items()}
    contract = Contract(
        kind="behaviours",
        behaviours=net.names,
        layers=layers,
        decision_period=1,
        **_interface(arm, training),
    )
    outputs = [*layers, "actions"]
    # A graph's output cannot have the name of its input.
    return _write(net, _Behaviours(net), (example,), ["sensed"], outputs, folder, contract)


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
    listener = net.listener
    if "phase" in listener.sources:
        raise ValueError("a choreographer that listens to the true phase can only be compared with")
    if listener.model is not None:
        training = training | {"internal_states": dataclasses.asdict(listener.model.config)}
    contract = Contract(
        kind="choreographer",
        behaviours=behaviours.behaviours,
        layers=dict(listener.sizes),
        decision_period=period,
        features_from=behaviours.hash,
        listens_to=listener.listens_to,
        noise=listener.noise,
        **_interface(arm, training),
    )
    heard = torch.zeros(1, 1, sum(listener.sizes.values()) + listener.noise)
    outputs = ["probabilities", "value", "h_out", "c_out"]
    inputs = ["heard", "h", "c"]
    return _write(net, _Decision(net), (heard, *net.start(1)), inputs, outputs, folder, contract)


def export_internal_states(
    monitor: InternalStateMonitor,
    folder: Path,
    arm: ArmDescription,
    behaviours: Contract,
    layers: dict[str, int],
    training: dict[str, Any],
) -> Contract:
    """Write the internal-state model's folder, with what is read off its states.

    Args:
        monitor: the model and what is read off it.
        folder: replaced as a whole.
        arm: of the behaviours.
        behaviours: contract of those whose activations it takes.
        layers: that it takes, with their sizes, in their order.
        training: seed and whatever else says where it comes from.
    """
    config = dataclasses.asdict(monitor.model.config)
    contract = Contract(
        kind="internal_states",
        behaviours=behaviours.behaviours,
        layers=layers,
        decision_period=1,
        features_from=behaviours.hash,
        phases=monitor.phases,
        **_interface(arm, training | {"model": config}),
    )
    behaviour = torch.zeros(1, len(monitor.behaviours))
    example = (torch.zeros(1, monitor.model.inputs), behaviour, *monitor.start(1))
    return _write(monitor, _Introspection(monitor), example, *INTROSPECTION, folder, contract)


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
        net = self.feature_net
        first, features = net(observation)
        hidden = nn.functional.linear(features, self.fc1_weight, self.fc1_bias)
        count, size, _ = self.head_weight.shape
        hidden = nn.functional.elu(hidden)
        shaped = hidden.reshape(count, 1, size)
        actions = torch.tanh(shaped @ self.head_weight + self.head_bias)
        inputs = observation[:, net.index] * net.scale
        return inputs, first, features, *hidden.chunk(count, -1), actions.reshape(1, count, -1)


class _Decision(nn.Module):
    """One decision with the memory as plain inputs and outputs.

    The LSTM's cell is written out, because ONNX Runtime has its own in float32 only.
    """

    def __init__(self, net: Choreographer) -> None:
        super().__init__()
        self.net = net

    def forward(self, heard: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        net, (from_input, from_memory, *biases) = self.net, self.net.lstm.all_weights[0]
        given = nn.functional.elu(net.encoder(net.listener(heard)))
        gates = given @ from_input.T + biases[0] + h @ from_memory.T + biases[1]
        keep_new, keep_old, new, shown = gates.chunk(4, dim=-1)
        c_out = keep_old.sigmoid() * c + keep_new.sigmoid() * new.tanh()
        h_out = shown.sigmoid() * c_out.tanh()
        return net.actor(h_out).softmax(dim=-1), net.critic(h_out)[..., 0], h_out, c_out


class _Introspection(nn.Module):
    """One step of the monitor with its memory as plain inputs and outputs.

    The recurrent cell is written out, as ONNX Runtime's own is in float32 only.
    """

    def __init__(self, monitor: InternalStateMonitor) -> None:
        super().__init__()
        self.monitor = monitor

    def forward(
        self, activations: Tensor, behaviour: Tensor, *memory: Tensor
    ) -> tuple[Tensor, ...]:
        monitor = self.monitor
        found, error, insight, after = monitor(activations, behaviour, Memory(*memory))
        return found.mean, found.log_variance, error, *insight, *after


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
