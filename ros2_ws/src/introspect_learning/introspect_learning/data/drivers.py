"""Who chooses the behaviours while activations are collected."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from introspect_learning.behaviours.networks import BEHAVIOURS, BehaviourNet
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.behaviours.turns import TurnConfig, Turns
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.rl.environment import Episodes

Observations = NDArray[np.float32]


class Driver(Protocol):
    """Says which behaviour acts next in each of n episodes."""

    def next(self, observation: Observations) -> NDArray[np.int64]:
        """Index (n,) of the behaviour for observations (n, OBSERVATION.size)."""


class Choreographed:
    """A choreographer that decides every few steps, and now and then another behaviour instead.

    Args:
        behaviours: that it listens to.
        choreographer: that decides.
        period: policy steps between decisions.
        n: episodes.
        stray: share of the decisions that chance takes.
        rng: of those.
    """

    def __init__(
        self,
        behaviours: BehaviourNet,
        choreographer: Choreographer,
        period: int,
        n: int,
        stray: float,
        rng: np.random.Generator,
    ) -> None:
        self._behaviours, self._choreographer = behaviours, choreographer
        self._period, self._stray, self._rng = period, stray, rng
        self._noise = torch.Generator().manual_seed(int(rng.integers(2**31)))
        self._state = choreographer.start(n)
        self._chosen = np.zeros(n, dtype=np.int64)
        self._step = 0

    @torch.no_grad()
    def next(self, observation: Observations) -> NDArray[np.int64]:
        """Index (n,) of the behaviour."""
        if self._step % self._period == 0:
            layers = self._behaviours.senses(torch.from_numpy(observation))[0]
            net = self._choreographer
            heard = net.inputs(
                net.listener.hear(layers, net.listener.draw(len(observation), self._noise))
            )
            logits, _, self._state = net(heard[None], self._state)
            n = len(observation)
            astray = self._rng.random(n) < self._stray
            other = self._rng.integers(len(BEHAVIOURS), size=n)
            self._chosen = np.where(astray, other, logits[0].argmax(dim=-1).numpy())
        self._step += 1
        return self._chosen


class Ruled:
    """The script's own rule, and now and then another behaviour instead.

    The rule sees what is true, whatever the sensors say.

    Args:
        env: the episodes.
        stray: share of the turns that chance takes.
        rng: of those.
    """

    def __init__(self, env: Episodes, stray: float, rng: np.random.Generator) -> None:
        self._env = env
        self._turns = Turns(Teacher(), TurnConfig(mixed_share=stray), env.num_envs, rng)

    def next(self, observation: Observations) -> NDArray[np.int64]:
        """Index (n,) of the behaviour."""
        return self._turns.next(self._env.truth())
