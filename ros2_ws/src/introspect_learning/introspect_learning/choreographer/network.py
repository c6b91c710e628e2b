"""The choreographer: an LSTM actor-critic that picks the behaviour to run."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from introspect_learning.choreographer.listening import Listener

State = tuple[Tensor, Tensor]


class Choreographer(nn.Module):
    """Listens, remembers, and says how good each behaviour would be now.

    Args:
        listener: turns what is heard of the behaviours into what is read; learns if it is tuned.
        behaviours: how many to pick from.
        hidden: size of the LSTM's state.

    Source: Pore and Aragon-Camarasa 2020 (LSTM over the features of the behaviours).
    """

    def __init__(self, listener: Listener, behaviours: int, hidden: int = 64) -> None:
        super().__init__()
        self.listener = listener
        self.hidden = hidden
        self.encoder = nn.Linear(listener.size, hidden)
        self.lstm = nn.LSTM(hidden, hidden)
        self.actor = nn.Linear(hidden, behaviours)
        self.critic = nn.Linear(hidden, 1)
        nn.init.orthogonal_(self.actor.weight, 0.01)
        nn.init.zeros_(self.actor.bias)

    def start(self, n: int) -> State:
        """The state before an episode's first decision, for n episodes."""
        return torch.zeros(1, n, self.hidden), torch.zeros(1, n, self.hidden)

    def inputs(self, heard: Tensor) -> Tensor:
        """What ``forward`` takes: what is heard, encoded already where the encoder stays as it is.

        Args:
            heard: (..., what the listener hears).
        """
        read: Tensor = heard if self.listener.tuned else self.listener(heard)
        return read

    def read(self, inputs: Tensor) -> Tensor:
        """What a tuned encoder makes of inputs (..., ·), or the inputs themselves."""
        read: Tensor = self.listener(inputs) if self.listener.tuned else inputs
        return read

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """A run of decisions.

        Args:
            inputs: (decisions, n, ·) as ``inputs`` gives them.
            state: of the memory before the first.

        Returns:
            Logits (decisions, n, behaviours), values (decisions, n), and the state afterwards.
        """
        memory, state = self.lstm(nn.functional.elu(self.encoder(self.read(inputs))), state)
        return self.actor(memory), self.critic(memory)[..., 0], state
