"""Proximal policy optimisation of memoryless policies that take turns at the wheel.

A policy learns from the steps that it drove itself. Where another takes over, its own value of the
state it leaves stands for what it would have gone on to earn: being interrupted is neither good
nor bad, so a policy cannot gain by handing over early or late.

Source: Schulman et al. 2017 (clipped objective), Schulman et al. 2016 (generalised advantages),
Pardo et al. 2018 (an episode cut off is not an episode ended).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from introspect_learning.rl.actor_critic import ActorCritic


@dataclass(frozen=True)
class ReactivePPOConfig:
    """Numbers of the method."""

    discount: float = 0.95  # γ, a policy step
    trace: float = 0.9  # λ of the advantages
    clip: float = 0.2  # of the probability ratio
    epochs: int = 6  # passes over a batch
    minibatch: int = 256  # steps in an update
    learning_rate: float = 2e-3  # at the start; falls to a tenth
    value_weight: float = 0.5
    entropy_weight: float = 0.002
    gradient_norm: float = 1.0  # clipped to

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        for name in ("epochs", "minibatch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("discount", "trace"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")


class Steps(NamedTuple):
    """T consecutive steps of n episodes."""

    observations: Tensor  # (T + 1, n, observation)
    actions: Tensor  # (T, n, action)
    log_probability: Tensor  # (T, n)
    rewards: Tensor  # (T, n)
    driven: Tensor  # (T, n) bool: the learning policy drove


def advantages(steps: Steps, values: Tensor, config: ReactivePPOConfig) -> Tensor:
    """Generalised advantages (T, n), of use where ``driven``.

    δ[t] = r[t] + γ V[t+1] - V[t];  A[t] = δ[t] + γ λ A[t+1] while the same policy goes on driving.

    Args:
        steps: of the episodes.
        values: (T + 1, n) of the observations.
        config: discount and trace.
    """
    result = torch.zeros_like(steps.rewards)
    running = torch.zeros_like(steps.rewards[0])
    goes_on = torch.zeros_like(running)
    for t in range(len(steps.rewards) - 1, -1, -1):
        delta = steps.rewards[t] + config.discount * values[t + 1] - values[t]
        running = delta + config.discount * config.trace * goes_on * running
        goes_on = steps.driven[t].float()
        result[t] = running
    return result


def update(
    policy: ActorCritic,
    optimiser: torch.optim.Optimizer,
    steps: Steps,
    config: ReactivePPOConfig,
    generator: torch.Generator,
) -> dict[str, float]:
    """Improve a policy on the steps it drove.

    Returns:
        The mean losses and entropy of the last pass; nothing if it hardly drove.
    """
    driven = steps.driven.flatten().nonzero()[:, 0]
    if len(driven) < 32:
        return {}
    with torch.no_grad():
        values = policy.value(steps.observations)
        gain = advantages(steps, values, config).flatten()[driven]
        target = gain + values[:-1].flatten()[driven]
        gain = (gain - gain.mean()) / (gain.std() + 1e-6)
    observations = steps.observations[:-1].flatten(0, 1)[driven]
    actions = steps.actions.flatten(0, 1)[driven]
    before = steps.log_probability.flatten()[driven]
    sums = {"policy_loss": 0.0, "value_loss": 0.0, "entropy": 0.0}
    for epoch in range(config.epochs):
        order = torch.randperm(len(driven), generator=generator)
        for rows in order.chunk(max(1, round(len(driven) / config.minibatch))):
            now = policy.evaluate(observations[rows], actions[rows])
            ratio = (now.log_probability - before[rows]).exp()
            clipped = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
            policy_loss = -torch.min(ratio * gain[rows], clipped * gain[rows]).mean()
            value_loss = (now.value - target[rows]).square().mean()
            entropy = now.entropy.mean()
            loss = policy_loss + config.value_weight * value_loss
            loss = loss - config.entropy_weight * entropy
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(policy.parameters(), config.gradient_norm)
            optimiser.step()
            if epoch == config.epochs - 1:
                share = len(rows) / len(driven)
                sums["policy_loss"] += share * float(policy_loss.detach())
                sums["value_loss"] += share * float(value_loss.detach())
                sums["entropy"] += share * float(entropy.detach())
    return sums
