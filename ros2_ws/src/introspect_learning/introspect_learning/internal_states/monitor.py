"""What a robot can tell of itself from its internal state, step by step.

* which phase of the task it is in: a linear probe;
* whether this attempt will fail: a recurrent network over the states so far;
* whether something has happened that its own doing does not explain: how far the activations are
  from those expected after the last two steps and the behaviour that acted, and how badly the
  internal state reconstructs them.

Expectations are of the activations' leading principal components, whitened, and not of the internal
state: the small components, in which a nudge of a held object shows, are what a VAE leaves out.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from introspect_learning.internal_states.model import InternalStateModel, Reconstruction

VIEW_SIZE = 16  # principal components that expectations are of; the network has 14 inputs


class Memory(NamedTuple):
    """What the monitor carries from one step of n episodes to the next."""

    forecast: Tensor  # (n, hidden) of the recurrent network
    views: Tensor  # (n, 2, components) the last two views of the activations
    age: Tensor  # (n, 1) steps seen, up to 2


class Insight(NamedTuple):
    """What is read off the internal states of n episodes."""

    phase: Tensor  # (n, phases) probabilities
    failure: Tensor  # (n,) probability that the attempt will fail
    surprise: Tensor  # (n,) 1 where the disturbance alarm begins


class Expectation(nn.Module):
    """The next view of the activations, expected from the last two and the behaviour: a Gaussian.

    Args:
        components: of a view.
        behaviours: how many there are.
        hidden: units of either layer.
    """

    def __init__(self, components: int, behaviours: int, hidden: int = 128) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2 * components + behaviours, hidden),
            nn.ELU(),
            nn.Linear(hidden, hidden),
            nn.ELU(),
            nn.Linear(hidden, 2 * components),
        )

    def forward(self, views: Tensor, behaviour: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (n, components) after views (n, 2, components), latest last."""
        change, log_variance = self.net(torch.cat([views.flatten(-2), behaviour], dim=-1)).chunk(
            2, dim=-1
        )
        return views[..., -1, :] + change, log_variance.clamp(-14.0, 4.0)


def nats(target: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Negative log likelihood (n,) [nats a dimension] of targets under Gaussians (n, latent)."""
    squared = (target - mean).square() / log_variance.exp()
    return 0.5 * (squared + log_variance + math.log(2.0 * math.pi)).mean(dim=-1)


class Forecast(nn.Module):
    """Whether the attempt will fail, from the internal states so far.

    A gated recurrent unit (Cho et al. 2014), written out: ONNX Runtime has its own in float32 only.
    """

    def __init__(self, latent: int, hidden: int = 32) -> None:
        super().__init__()
        self.hidden = hidden
        self.gates = nn.Linear(latent + hidden, 2 * hidden)
        self.candidate = nn.Linear(latent + hidden, hidden)
        self.head = nn.Linear(hidden, 1)

    def forward(self, state: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Logit (n,) and the memory (n, hidden) afterwards."""
        gates = self.gates(torch.cat([state, memory], dim=-1)).sigmoid()
        keep, show = gates.chunk(2, dim=-1)
        candidate = self.candidate(torch.cat([state, show * memory], dim=-1)).tanh()
        memory = keep * memory + (1.0 - keep) * candidate
        return self.head(memory)[..., 0], memory


class InternalStateMonitor(nn.Module):
    """The internal-state model and what is read off its states.

    Args:
        model: of the internal states.
        phases: names of the phases.
        behaviours: names of the behaviours.

    Attributes:
        components: (inputs, components) that whiten standardised activations.
        origin: (components,) view of their mean.
        error_scale: centre and spread of the reconstruction error where nothing is wrong.
        surprise_scale: the same of the unexpectedness [nats].
        alarm: greatest deviation, in such spreads, that is still nothing to worry about.
    """

    components: Tensor
    origin: Tensor
    error_scale: Tensor
    surprise_scale: Tensor
    alarm: Tensor

    def __init__(
        self, model: InternalStateModel, phases: tuple[str, ...], behaviours: tuple[str, ...]
    ) -> None:
        super().__init__()
        latent, self.view_size = model.config.latent, min(VIEW_SIZE, model.inputs)
        self.model = model
        self.phases, self.behaviours = phases, behaviours
        self.probe = nn.Linear(latent, len(phases))
        self.forecast = Forecast(latent)
        self.expectation = Expectation(self.view_size, len(behaviours))
        self.register_buffer("components", torch.zeros(model.inputs, self.view_size))
        self.register_buffer("origin", torch.zeros(self.view_size))
        self.register_buffer("error_scale", torch.tensor([0.0, 1.0]))
        self.register_buffer("surprise_scale", torch.tensor([0.0, 1.0]))
        self.register_buffer("alarm", torch.tensor(1.0))

    def start(self, n: int) -> Memory:
        """The memory before an episode's first step, for n episodes."""
        return Memory(
            torch.zeros(n, self.forecast.hidden),
            torch.zeros(n, 2, self.view_size),
            torch.zeros(n, 1),
        )

    def forward(
        self, activations: Tensor, behaviour: Tensor, memory: Memory
    ) -> tuple[Reconstruction, Tensor, Insight, Memory]:
        """One step, from activations.

        Args:
            activations: (n, inputs) of this step.
            behaviour: (n, behaviours) one-hot, the one that has acted since the last step.
            memory: of the steps before.

        Returns:
            The internal state, its reconstruction error (n,), what is read off it, and the memory
            for the next step.
        """
        found = self.model(activations)
        error = self.model.reconstruction_error(found, activations)
        view = self.view(activations)
        insight, memory = self.follow(found.mean, view, error, behaviour, memory)
        return found, error, insight, memory

    def view(self, activations: Tensor) -> Tensor:
        """Leading principal components (n, components) of activations, each of unit variance."""
        return self.model.standardise(activations) @ self.components - self.origin

    @torch.no_grad()
    def fit_view(self, activations: Tensor) -> None:
        """Take the principal components of activations (N, inputs)."""
        standard = self.model.standardise(activations)
        middle = standard.mean(dim=0)
        _, sizes, directions = torch.linalg.svd(standard - middle, full_matrices=False)
        found = min(self.view_size, len(sizes))
        deviation = (sizes[:found] / len(standard) ** 0.5).clamp(min=1e-6)
        self.components.zero_()
        self.components[:, :found] = directions[:found].T / deviation
        self.origin.copy_(middle @ self.components)

    def follow(
        self, state: Tensor, view: Tensor, error: Tensor, behaviour: Tensor, memory: Memory
    ) -> tuple[Insight, Memory]:
        """One step of n episodes, from what is made of their activations.

        Args:
            state: (n, latent) internal states.
            view: (n, components).
            error: (n,) of reconstruction.
            behaviour: (n, behaviours) as in ``forward``.
            memory: of the steps before.
        """
        logit, recurrent = self.forecast(state, memory.forecast)
        unexpected = nats(view, *self.expectation(memory.views, behaviour))
        known = (memory.age[:, 0] >= 2.0).to(unexpected.dtype)
        deviation = torch.maximum(
            _deviation(error, self.error_scale),
            known * _deviation(unexpected, self.surprise_scale),
        )
        insight = Insight(
            self.probe(state).softmax(dim=-1), logit.sigmoid(), deviation / self.alarm
        )
        views = torch.stack([memory.views[:, 1], view], dim=1)
        age = torch.clamp(memory.age + 1.0, max=2.0)
        return insight, Memory(recurrent, views, age)


def _deviation(value: Tensor, scale: Tensor) -> Tensor:
    return torch.clamp((value - scale[0]) / scale[1], min=0.0)
