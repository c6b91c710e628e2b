"""FeatureNet, shared by all, and one ReactiveNet a behaviour."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from introspect_learning.behaviours.inputs import INPUT_INDEX, INPUT_SCALE

BEHAVIOURS = ("approach", "grasp", "retract")
FEATURE_SIZE = 128
LAYERS = ("feature_1", "features")
"""What is captured of FeatureNet unless more is asked for."""


class FeatureNet(nn.Module):
    """Two ELU layers over the scaled observation; what behaviours and choreographer both read.

    Source: Pore and Aragon-Camarasa 2020, "On Simple Reactive Neural Networks for Behaviour-Based
    Reinforcement Learning".
    """

    index: Tensor
    scale: Tensor

    def __init__(self, hidden: int = FEATURE_SIZE) -> None:
        super().__init__()
        self.register_buffer("index", torch.tensor(INPUT_INDEX))
        self.register_buffer("scale", torch.tensor(INPUT_SCALE))
        self.inputs = nn.Identity()  # modules, so that forward hooks can listen to them
        self.fc1 = nn.Linear(len(INPUT_INDEX), hidden)
        self.elu1 = nn.ELU()
        self.fc2 = nn.Linear(hidden, hidden)
        self.elu2 = nn.ELU()

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        """Activations of both layers, (n, hidden) each, for observations (n, OBSERVATION.size)."""
        first = self.elu1(self.fc1(self.inputs(observation[:, self.index] * self.scale)))
        return first, self.elu2(self.fc2(first))


class ReactiveNet(nn.Module):
    """One behaviour: features to an action in [-1, 1]."""

    def __init__(self, actions: int, hidden: int = FEATURE_SIZE) -> None:
        super().__init__()
        self.fc1 = nn.Linear(hidden, hidden // 2)
        self.elu = nn.ELU()
        self.head = nn.Linear(hidden // 2, actions)

    def forward(self, features: Tensor) -> Tensor:
        """(n, actions) for features (n, hidden)."""
        return torch.tanh(self.head(self.elu(self.fc1(features))))


class BehaviourNet(nn.Module):
    """FeatureNet and the behaviours on it, as one network.

    Args:
        actions: length of an action.
        names: of the behaviours, in the order of the output.
    """

    def __init__(self, actions: int, names: Sequence[str] = BEHAVIOURS) -> None:
        super().__init__()
        self.names = tuple(names)
        self.feature_net = FeatureNet()
        self.reactive = nn.ModuleList(ReactiveNet(actions) for _ in self.names)

    @property
    def layers(self) -> dict[str, str]:
        """Name of every layer that can be captured -> the module whose output it is."""
        named = {"observation": "feature_net.inputs"}
        named |= {"feature_1": "feature_net.elu1", "features": "feature_net.elu2"}
        return named | {f"{name}_1": f"reactive.{k}.elu" for k, name in enumerate(self.names)}

    def senses(self, observation: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Observation and features by name, (n, ·) each, and the actions (n, behaviours, ·).

        The layers that a choreographer can listen to; ``layers`` has more of them.
        """
        net = self.feature_net
        inputs = observation[:, net.index] * net.scale
        first, features, actions = self(observation)
        return {"observation": inputs, "feature_1": first, "features": features}, actions

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What every behaviour would do.

        Args:
            observation: (n, OBSERVATION.size).

        Returns:
            Activations of the two feature layers (n, 128), and actions (n, behaviours, actions).
        """
        first, features = self.feature_net(observation)
        actions = torch.stack([net(features) for net in self.reactive], dim=1)
        return first, features, actions
