"""Our environment with random actions, or its physics alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mujoco.batch import Batch

from introspect_control import ServoConfig
from introspect_sim.envs import PickAndPlaceVectorEnv

ACTIONS = 100  # batches of actions drawn beforehand, and used again and again


def prepare(
    n: int = 64,
    timestep: float = 0.002,
    period: float = 0.01,
    threads: int = 1,
    physics_only: bool = False,
) -> Callable[[], int]:
    """Make the environment; a round counts environment steps, resets included.

    Args:
        n: copies.
        timestep: of the physics [s].
        period: of the servo's joint commands [s].
        threads: that share the copies.
        physics_only: replay what the environment told the engine, and count physics steps.
    """
    env = PickAndPlaceVectorEnv(
        n, timestep=timestep, threads=threads, servo=ServoConfig(period=period)
    )
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1.0, 1.0, (ACTIONS, n, env.single_action_space.shape[0]))
    if physics_only:
        return _Replay(env, actions.astype(np.float32), threads)
    return _Play(env, actions.astype(np.float32))


class _Play:
    def __init__(self, env: PickAndPlaceVectorEnv, actions: Any) -> None:
        self._env, self._actions, self._k = env, actions, 0

    def __call__(self) -> int:
        self._env.step(self._actions[self._k])
        self._k = (self._k + 1) % len(self._actions)
        return self._env.num_envs


class _Replay:
    """The same physics steps from the same state, without the environment around them."""

    def __init__(self, env: PickAndPlaceVectorEnv, actions: Any, threads: int) -> None:
        recorder = env.world.batch = _Recorder(env.world.batch)
        self._start = recorder.batch.state.copy()
        for action in actions:
            env.step(action)
        self._calls, self._k = recorder.calls, 0
        self._batch = Batch(env.world.model, env.num_envs, threads, persistent=True)

    def __call__(self) -> int:
        if self._k == 0:
            self._batch.reset()
            self._batch.state[:] = self._start
        call = self._calls[self._k]
        self._batch.rollout(**call)
        self._k = (self._k + 1) % len(self._calls)
        return int(self._batch.nsim * call["nstep"])


class _Recorder:
    """A batch that remembers what it was told."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.calls: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batch, name)

    def rollout(self, **call: Any) -> None:
        """Step, and remember with which controls."""
        self.calls.append(call)
        self.batch.rollout(**call)
