"""Steps in which the behaviours take turns, each paid for its own subgoal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from introspect_learning.behaviours.networks import BEHAVIOURS
from introspect_learning.behaviours.subgoals import Array, Observations, PhaseRule, Subgoals
from introspect_learning.rl.actor_critic import ActorCritic
from introspect_learning.rl.environment import Episodes
from introspect_learning.rl.reactive_ppo import Steps
from introspect_sim.tasks import ACTION_SIZE


@dataclass(frozen=True)
class TurnConfig:
    """Who drives, and for how long."""

    period: int = 5  # policy steps of a turn
    mixed_share: float = 0.1  # of the turns that any behaviour may take, due or not
    held_noise: float = 0.5  # share of the variance of exploration that stays for a turn

    def __post_init__(self) -> None:
        """Refuse numbers that are no turns."""
        if self.period < 1:
            raise ValueError(f"period must be at least 1, got {self.period}")
        for name in ("mixed_share", "held_noise"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")


class Turns:
    """Whose turn it is in each episode: mostly the behaviour that is due, now and then another.

    A turn lasts some steps, as it does under a choreographer, so behaviours also learn what to do
    just after their subgoal is met. Episodes change at different steps.

    Args:
        rule: says which behaviour is due.
        config: length and mixture of turns.
        n: episodes.
        rng: draws lengths of the first turns, who takes one out of order, and exploration.
    """

    def __init__(
        self, rule: PhaseRule, config: TurnConfig, n: int, rng: np.random.Generator
    ) -> None:
        self._rule, self._config, self._rng = rule, config, rng
        self._behaviour = np.zeros(n, dtype=np.int64)
        self._left = np.zeros(n, dtype=np.int64)  # steps of the present turn
        self._left[:] = rng.integers(config.period, size=n)
        self._first = True
        self._coin = np.zeros((n, 1))
        self._held_noise = np.zeros((n, ACTION_SIZE - 1))

    def next(self, observation: Observations) -> NDArray[np.int64]:
        """Who drives the next step, (n,)."""
        n = len(self._behaviour)
        change = (self._left == 0) | self._first
        astray = self._rng.random(n) < self._config.mixed_share
        other = self._rng.integers(len(BEHAVIOURS), size=n)
        chosen = np.where(astray, other, self._rule.reference(observation))
        self._behaviour = np.where(change, chosen, self._behaviour)
        self._coin[change] = self._rng.random((int(change.sum()), 1))
        self._held_noise[change] = self._rng.normal(size=(int(change.sum()), ACTION_SIZE - 1))
        self._left = np.where(self._left == 0, self._config.period, self._left) - 1
        self._first = False
        return self._behaviour

    def chance(self) -> tuple[Tensor, Tensor]:
        """What exploration is made of: standard normal noise (n, motions) and coins (n, 1).

        The coins and a part of the noise stay for a turn. An arm hardly answers to noise that
        changes every step, and a gripper that does never learns what closing is good for.
        """
        share = self._config.held_noise
        fresh = self._rng.normal(size=self._held_noise.shape)
        noise = np.sqrt(share) * self._held_noise + np.sqrt(1.0 - share) * fresh
        return torch.from_numpy(noise).float(), torch.from_numpy(self._coin).float()


class Means:
    """Mean reward terms of each behaviour over the steps that it drove."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def add(self, behaviour: str, terms: dict[str, Array], driven: NDArray[np.bool_]) -> None:
        """Take in a step's terms (n,) of a behaviour, where it drove (n,)."""
        for name, term in terms.items():
            key = f"{behaviour}/{name}"
            self._sums[key] = self._sums.get(key, 0.0) + float(term[driven].sum())
            self._counts[key] = self._counts.get(key, 0) + int(driven.sum())

    def result(self) -> dict[str, float]:
        """Mean of every term, as ``behaviour/term``."""
        return {key: total / max(self._counts[key], 1) for key, total in self._sums.items()}


class Met(NamedTuple):
    """T consecutive steps of n episodes, whoever drove."""

    observations: Tensor  # (T + 1, n, OBSERVATION.size)
    actions: Tensor  # (T, n, ACTION_SIZE)
    log_probability: Tensor  # (T, n)
    rewards: Tensor  # (T, behaviours, n) what each behaviour would be paid
    drivers: Tensor  # (T, n) index of the behaviour that drove

    def of(self, behaviour: int, scale: float = 1.0) -> Steps:
        """The same steps as one behaviour learns from them, its rewards scaled."""
        return Steps(
            self.observations,
            self.actions,
            self.log_probability,
            scale * self.rewards[:, behaviour],
            self.drivers == behaviour,
        )


@torch.no_grad()
def drive(
    env: Episodes,
    policies: Sequence[ActorCritic],
    subgoals: Subgoals,
    turns: Turns,
    count: int,
    means: Means,
) -> tuple[Met, NDArray[np.bool_]]:
    """Go on with the episodes, exploring.

    Args:
        env: started.
        policies: one a behaviour.
        subgoals: that pay them.
        turns: whose turn it is.
        count: policy steps to take.
        means: takes in the reward terms.

    Returns:
        The steps, and which episodes (n,) have their object at the goal after them.
    """
    observation = env.observe()
    observations = [torch.from_numpy(observation)]
    rows: list[tuple[Tensor, ...]] = []
    success: NDArray[np.bool_] = np.zeros(env.num_envs, dtype=bool)
    for _ in range(count):
        driver = turns.next(observation)
        noise, coin = turns.chance()
        action = torch.zeros(env.num_envs, ACTION_SIZE)
        log_probability = torch.zeros(env.num_envs)
        for k, policy in enumerate(policies):
            mine = torch.from_numpy(np.flatnonzero(driver == k))
            if len(mine):
                action[mine], log_probability[mine] = policy.sample(
                    observations[-1][mine], noise[mine], coin[mine]
                )
        observation, _, _, _, info = env.step(action.numpy())
        success = info["success"]
        rewards = []
        for k, name in enumerate(BEHAVIOURS):
            terms = subgoals.terms(k, observation)
            rewards.append(subgoals.weigh(k, terms))
            means.add(name, terms | {"reward": rewards[-1]}, driver == k)
        observations.append(torch.from_numpy(observation))
        paid = torch.from_numpy(np.stack(rewards)).float()
        rows.append((action, log_probability, paid, torch.from_numpy(driver)))
    columns = [torch.stack(column) for column in zip(*rows, strict=True)]
    return Met(torch.stack(observations), *columns), success
