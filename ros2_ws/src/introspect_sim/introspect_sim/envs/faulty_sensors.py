"""Sensors that are noisy, late, or fall silent for a moment, around pick and place."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from introspect_sim.tasks import OBSERVATION

if TYPE_CHECKING:
    from introspect_sim.envs.vector_env import PickAndPlaceVectorEnv

Observations = NDArray[np.float32]

SENSORS: dict[str, tuple[str, ...]] = {
    "arm": ("joint_position", "joint_velocity", "tool_position", "tool_velocity"),
    "gripper": ("gripper_width",),
    "object": ("object_position", "object_minus_tool", "yaw_error"),
    "goal": ("goal_position", "goal_minus_object"),
}
"""Groups of the observation's parts that a sensor of its own would measure."""


@dataclass(frozen=True)
class SensorFaultConfig:
    """What is wrong with the sensors.

    The published study adds noise of the same deviation to every number of the observation and
    calls 0.005 "5 %" and 0.010 "10 %".
    """

    noise: float = 0.0  # standard deviation, added to every number anew each step [m, rad, 1/s]
    dropout: float = 0.0  # probability, a step and sensor, that it repeats what it said last
    latency: int = 0  # policy steps that observations are old
    sensors: tuple[str, ...] = tuple(SENSORS)  # that have noise and dropouts

    def __post_init__(self) -> None:
        """Refuse faults that no sensor has."""
        if not 0.0 <= self.noise < math.inf:
            raise ValueError(f"noise must be finite and not negative, got {self.noise}")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")
        if self.latency < 0:
            raise ValueError(f"latency must not be negative, got {self.latency}")
        if unknown := [name for name in self.sensors if name not in SENSORS]:
            raise ValueError(f"sensors must be of {', '.join(SENSORS)}, got {', '.join(unknown)}")

    @property
    def any(self) -> bool:
        """Whether anything is wrong at all."""
        return self.noise > 0.0 or self.dropout > 0.0 or self.latency > 0


class FaultySensors:
    """Episodes whose observations have faults; what happens in them is as without.

    The faults of copy i in its k-th episode do not depend on what the policy does, and nothing that
    was sensed in one episode shows in the next, whether ``reset`` began it or it began by itself.

    Args:
        env: the episodes.
        config: the faults.
    """

    def __init__(self, env: PickAndPlaceVectorEnv, config: SensorFaultConfig) -> None:
        self.config = config
        self.num_envs, self.horizon = env.num_envs, env.horizon
        self._env = env
        self._columns = {
            name: np.concatenate([np.r_[OBSERVATION.slice(part)] for part in SENSORS[name]])
            for name in config.sensors
        }
        self._rng = np.random.default_rng(0)
        self._seed, self._batch = 0, 0
        self._past: deque[Observations] = deque(maxlen=config.latency + 1)
        self._shown = np.zeros((env.num_envs, OBSERVATION.size), dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Start an episode in every copy (see ``PickAndPlaceVectorEnv.reset``)."""
        observation, info = self._env.reset(seed=seed, options=options)
        if seed is not None:
            self._seed, self._batch = seed, 0
        self._batch = (options or {}).get("first_episode", self._batch)
        self._rng = np.random.default_rng([self._seed, self._batch, 7])
        self._batch += 1
        self._past.clear()
        self._shown = observation.copy()  # nothing to repeat yet
        return self._sense(observation), info

    def observe(self) -> Observations:
        """What the sensors say now."""
        return self._shown.copy()

    def truth(self) -> Observations:
        """The observations without faults."""
        return self._env.truth()

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[Observations, Any, Any, Any, dict[str, Any]]:
        """One policy step (see ``PickAndPlaceVectorEnv.step``)."""
        observation, *rest, info = self._env.step(actions)
        begun = self._env.steps == 0  # by itself, after one that had finished
        for past in self._past:
            past[begun] = observation[begun]  # nothing older is known
        self._shown[begun] = observation[begun]  # and there is nothing to repeat yet
        return self._sense(observation), *rest, info  # type: ignore[return-value]

    def close(self) -> None:
        """Free the world."""
        self._env.close()

    def _sense(self, observation: Observations) -> Observations:
        self._past.append(observation)
        seen = self._past[0].copy()
        for columns in self._columns.values():
            noise = self._rng.normal(0.0, self.config.noise, (len(seen), len(columns)))
            silent = self._rng.random(len(seen)) < self.config.dropout
            seen[:, columns] += noise.astype(np.float32)
            seen[np.ix_(silent, columns)] = self._shown[np.ix_(silent, columns)]
        self._shown = seen
        return seen.copy()
