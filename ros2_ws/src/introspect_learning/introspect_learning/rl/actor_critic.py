"""A memoryless actor-critic for arms: Gaussian motions and two-valued switches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

# Exploration never dies out altogether.
_LEAST_SPREAD = math.log(0.1)
_MOST_LOGIT = 3.5  # of a switch: the other value keeps a probability of 3 %


class Evaluation(NamedTuple):
    """What PPO needs to know of actions taken."""

    log_probability: Tensor  # (n,)
    entropy: Tensor  # (n,)
    value: Tensor  # (n,)


class ActorCritic(nn.Module):
    """Observation to a distribution over actions, and to the value of being there.

    The first numbers of an action are motions: Gaussian about a mean in [-1, 1] with a spread that
    is learned but does not depend on the observation. The last ones are switches, such as a
    gripper's: -1 or 1, with a probability.

    Args:
        index: which numbers of the observation it reads.
        scale: what each of them is multiplied by.
        motions: how many numbers of the action are motions.
        switches: how many are switches.
        hidden: units in each of the two layers of actor and critic.
        spread: standard deviation of the motions before learning.
    """

    index: Tensor
    scale: Tensor

    def __init__(
        self,
        index: Sequence[int],
        scale: Sequence[float],
        motions: int,
        switches: int = 1,
        hidden: int = 64,
        spread: float = 0.5,
    ) -> None:
        super().__init__()
        self.motions = motions
        self.register_buffer("index", torch.tensor(index))
        self.register_buffer("scale", torch.tensor(scale))
        self.actor = _layers(len(index), hidden, motions + switches, last=0.01)
        self.critic = _layers(len(index), hidden, 1, last=1.0)
        self.log_spread = nn.Parameter(torch.full((motions,), math.log(spread)))

    def act(self, observation: Tensor) -> Tensor:
        """The most probable actions (n, motions + switches)."""
        mean, logit = self._distribution(observation)
        return torch.cat([mean, _switched(logit >= 0.0)], dim=-1)

    def sample(self, observation: Tensor, noise: Tensor, coin: Tensor) -> tuple[Tensor, Tensor]:
        """Actions that chance picks.

        Args:
            observation: (n, ·).
            noise: (n, motions) standard normal.
            coin: (n, switches) uniform in [0, 1). As the noise, it may stay for some steps.

        Returns:
            Actions (n, motions + switches), and the log probability (n,) of each on its own.
        """
        mean, logit = self._distribution(observation)
        motion = mean + self._spread().exp() * noise
        switch = _switched(coin < logit.sigmoid())
        action = torch.cat([motion, switch], dim=-1)
        return action, self._log_probability(mean, logit, action)

    def evaluate(self, observation: Tensor, action: Tensor) -> Evaluation:
        """How probable actions (n, ·) are, how open the choice still is, and the value."""
        mean, logit = self._distribution(observation)
        gaussian = (self._spread() + 0.5 * math.log(2.0 * math.pi * math.e)).sum()
        coin = logit.sigmoid()
        binary = -(coin * _log_sigmoid(logit) + (1.0 - coin) * _log_sigmoid(-logit)).sum(dim=-1)
        return Evaluation(
            self._log_probability(mean, logit, action), gaussian + binary, self.value(observation)
        )

    def value(self, observation: Tensor) -> Tensor:
        """Expected discounted reward (n,)."""
        value: Tensor = self.critic(self._inputs(observation))[..., 0]
        return value

    def _inputs(self, observation: Tensor) -> Tensor:
        return observation[..., self.index] * self.scale

    def _distribution(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        output = self.actor(self._inputs(observation))
        logit = _MOST_LOGIT * torch.tanh(output[..., self.motions :] / _MOST_LOGIT)
        return torch.tanh(output[..., : self.motions]), logit

    def _spread(self) -> Tensor:
        return self.log_spread.clamp(min=_LEAST_SPREAD)

    def _log_probability(self, mean: Tensor, logit: Tensor, action: Tensor) -> Tensor:
        log_spread = self._spread()
        distance = (action[..., : self.motions] - mean) / log_spread.exp()
        gaussian = -0.5 * distance.square() - log_spread - 0.5 * math.log(2.0 * math.pi)
        binary = _log_sigmoid(logit * action[..., self.motions :])
        return gaussian.sum(dim=-1) + binary.sum(dim=-1)


def _switched(on: Tensor) -> Tensor:
    return on.float() * 2.0 - 1.0


def _log_sigmoid(logit: Tensor) -> Tensor:
    return nn.functional.logsigmoid(logit)


def _layers(inputs: int, hidden: int, outputs: int, last: float) -> nn.Sequential:
    sizes = [(inputs, hidden), (hidden, hidden), (hidden, outputs)]
    linear = [nn.Linear(*size) for size in sizes]
    for layer, gain in zip(linear, (1.0, 1.0, last), strict=True):
        nn.init.orthogonal_(layer.weight, gain)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(linear[0], nn.ELU(), linear[1], nn.ELU(), linear[2])
