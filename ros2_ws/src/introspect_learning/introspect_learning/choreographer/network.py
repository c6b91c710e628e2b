"""The choreographer: an LSTM actor-critic that picks the behaviour to run."""

from __future__ import annotations

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class Choreographer(nn.Module):
    """Reads features, remembers, and says how good each behaviour would be now.

    Args:
        inputs: length of what it reads.
        behaviours: how many it picks from.
        hidden: size of the LSTM's state.

    Source: Pore and Aragon-Camarasa 2020 (LSTM over the features of the behaviours).
    """

    def __init__(self, inputs: int, behaviours: int, hidden: int = 64) -> None:
        super().__init__()
        self.hidden = hidden
        self.encoder = nn.Linear(inputs, hidden)
        self.lstm = nn.LSTM(hidden, hidden)
        self.actor = nn.Linear(hidden, behaviours)
        self.critic = nn.Linear(hidden, 1)
        nn.init.orthogonal_(self.actor.weight, 0.01)
        nn.init.zeros_(self.actor.bias)

    def start(self, n: int) -> State:
        """The state before an episode's first decision, for n episodes."""
        return torch.zeros(1, n, self.hidden), torch.zeros(1, n, self.hidden)

    def forward(self, features: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """A run of decisions.

        Args:
            features: (decisions, n, inputs).
            state: of the memory before the first.

        Returns:
            Logits (decisions, n, behaviours), values (decisions, n), and the state afterwards.
        """
        memory, state = self.lstm(nn.functional.elu(self.encoder(features)), state)
        return self.actor(memory), self.critic(memory)[..., 0], state
