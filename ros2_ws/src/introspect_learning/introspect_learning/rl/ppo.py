"""Proximal policy optimisation of a recurrent policy over whole episodes.

Source: Schulman et al. 2017 (clipped objective), Schulman et al. 2016 (generalised advantages).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class PPOConfig:
    """Numbers of the method."""

    discount: float = 0.95  # γ, a decision
    trace: float = 0.95  # λ of the advantages
    clip: float = 0.2  # of the probability ratio
    epochs: int = 6  # passes over a batch
    minibatches: int = 4  # a pass; split by episode
    learning_rate: float = 2e-3
    value_weight: float = 0.5
    entropy_start: float = 0.02  # weight of the entropy bonus at the start
    entropy_end: float = 0.001  # and at the end of training
    gradient_norm: float = 1.0  # clipped to


class Rollout(NamedTuple):
    """Whole episodes, decision by decision."""

    inputs: Tensor  # (T, n, inputs)
    choices: Tensor  # (T, n)
    log_probability: Tensor  # (T, n)
    values: Tensor  # (T, n)
    rewards: Tensor  # (T, n)


class RecurrentPolicy(Protocol):
    """What PPO needs of a policy."""

    def evaluate(self, inputs: Tensor, choices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log probability, entropy and value, (T, n) each, from the start of the episodes."""


def advantages(rollout: Rollout, config: PPOConfig) -> Tensor:
    """Generalised advantages (T, n); nothing is earned after the last decision."""
    result = torch.zeros_like(rollout.rewards)
    running = torch.zeros_like(rollout.rewards[0])
    following = torch.zeros_like(running)
    for t in range(len(rollout.rewards) - 1, -1, -1):
        delta = rollout.rewards[t] + config.discount * following - rollout.values[t]
        running = delta + config.discount * config.trace * running
        following = rollout.values[t]
        result[t] = running
    return result


def update(
    policy: RecurrentPolicy,
    parameters: list[nn.Parameter],
    optimiser: torch.optim.Optimizer,
    rollout: Rollout,
    config: PPOConfig,
    entropy_weight: float,
    generator: torch.Generator,
) -> dict[str, float]:
    """Improve the policy on one batch of episodes.

    Returns:
        The mean losses and entropy of the last pass.
    """
    gain = advantages(rollout, config)
    target = gain + rollout.values
    gain = (gain - gain.mean()) / (gain.std() + 1e-6)
    episodes = rollout.rewards.shape[1]
    sums = {"policy_loss": 0.0, "value_loss": 0.0, "entropy": 0.0}
    for epoch in range(config.epochs):
        order = torch.randperm(episodes, generator=generator)
        for rows in order.chunk(config.minibatches):
            log_probability, entropy, value = policy.evaluate(
                rollout.inputs[:, rows], rollout.choices[:, rows]
            )
            ratio = (log_probability - rollout.log_probability[:, rows]).exp()
            clipped = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
            policy_loss = -torch.min(ratio * gain[:, rows], clipped * gain[:, rows]).mean()
            value_loss = (value - target[:, rows]).square().mean()
            spread = entropy.mean()
            loss = policy_loss + config.value_weight * value_loss - entropy_weight * spread
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, config.gradient_norm)
            optimiser.step()
            if epoch == config.epochs - 1:
                share = len(rows) / episodes
                sums["policy_loss"] += share * float(policy_loss.detach())
                sums["value_loss"] += share * float(value_loss.detach())
                sums["entropy"] += share * float(spread.detach())
    return sums
