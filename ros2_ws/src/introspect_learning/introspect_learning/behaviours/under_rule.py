"""Behaviours driven by a rule that says which is due: judged without a choreographer."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.behaviours.subgoals import Observations, PhaseRule
from introspect_learning.rl.environment import Episodes


class Demonstrator(Protocol):
    """Behaviours with a rule: the script, what reinforcement has found, what has been imitated."""

    def actions(self, observation: Observations) -> NDArray[np.float32]:
        """What every behaviour does, (n, behaviours, ACTION_SIZE)."""

    def reference(self, observation: Observations) -> NDArray[np.int64]:
        """Index (n,) of the behaviour to use now."""


class UnderRule:
    """The network's behaviours, and somebody else's rule.

    Args:
        net: the behaviours.
        rule: says which is due.
    """

    def __init__(self, net: BehaviourNet, rule: PhaseRule | Demonstrator) -> None:
        self._net, self._rule = net, rule

    @torch.no_grad()
    def actions(self, observation: Observations) -> NDArray[np.float32]:
        """What every behaviour does, (n, behaviours, ACTION_SIZE)."""
        actions: NDArray[np.float32] = self._net(torch.from_numpy(observation))[2].numpy()
        return actions

    def reference(self, observation: Observations) -> NDArray[np.int64]:
        """Index (n,) of the behaviour to use now."""
        return self._rule.reference(observation)


def rule_success(env: Episodes, behaviours: Demonstrator, seed: int) -> float:
    """Share of episodes that end at the goal when the rule drives and nothing is explored.

    Args:
        env: episodes to run, all at once.
        behaviours: that act, and say which is due.
        seed: small; episodes are far from those of training and of ``introspect eval``.
    """
    observation, info = env.reset(seed=1_000_000 + seed)
    rows = np.arange(env.num_envs)
    for _ in range(env.horizon):
        due = behaviours.reference(env.truth())
        observation, _, _, _, info = env.step(behaviours.actions(observation)[rows, due])
    return float(np.mean(info["success"]))
