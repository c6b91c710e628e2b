"""Who drives an evaluated episode: the learned policy, and the baselines beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from introspect_description import ArmDescription
from introspect_learning.behaviours.teacher import GRASP, RETRACT, Teacher
from introspect_learning.models import BehavioursRuntime, ChoreographerRuntime

Observations = NDArray[np.float32]


class Controller(Protocol):
    """Drives n episodes from their start to their end."""

    def reset(self, n: int) -> None:
        """New episodes begin."""

    def act(self, observation: Observations) -> NDArray[np.float32]:
        """Actions (n, ACTION_SIZE) for observations (n, OBSERVATION.size)."""


class Learned:
    """The policy as the nodes run it: ONNX Runtime, one row at a time.

    Args:
        policy: folder of the policy.
        arm: it drives.
    """

    def __init__(self, policy: Path, arm: ArmDescription) -> None:
        self._behaviours = BehavioursRuntime.load(policy, arm)
        self._policy = policy
        self._choreographers: list[ChoreographerRuntime] = []

    def reset(self, n: int) -> None:
        """New episodes begin."""
        while len(self._choreographers) < n:
            runtime = ChoreographerRuntime.load(self._policy, self._behaviours.hash)
            self._choreographers.append(runtime)
        for runtime in self._choreographers:
            runtime.reset()

    def act(self, observation: Observations) -> NDArray[np.float32]:
        """Actions of the behaviours chosen."""
        rows = []
        for row, choreographer in zip(observation, self._choreographers, strict=False):
            output = self._behaviours.run(row)
            rows.append(output.actions[choreographer.run(output.activations).index])
        return np.stack(rows)


class Scripted:
    """The teacher's behaviours under the teacher's rule: the ceiling."""

    def __init__(self) -> None:
        self._teacher = Teacher()

    def reset(self, n: int) -> None:
        """Has no memory."""

    def act(self, observation: Observations) -> NDArray[np.float32]:
        """Actions of the script."""
        chosen = self._teacher.reference(observation)
        return self._teacher.actions(observation)[np.arange(len(observation)), chosen]


class ConstantSequence:
    """Learned behaviours, each once, in the order approach, grasp, retract.

    A behaviour ends when its subgoal is met or its share of the episode is used up, as in the
    published system, where the choreographer makes three forced decisions. It cannot go back.

    Args:
        policy: folder whose behaviours act.
        arm: they drive.
        horizon: policy steps in an episode.
    """

    def __init__(self, policy: Path, arm: ArmDescription, horizon: int) -> None:
        self._behaviours = BehavioursRuntime.load(policy, arm)
        self._teacher = Teacher()
        self._patience = horizon // 3
        self._phase = np.zeros(0, dtype=np.int64)
        self._steps = np.zeros(0, dtype=np.int64)

    def reset(self, n: int) -> None:
        """New episodes begin with approach."""
        self._phase = np.zeros(n, dtype=np.int64)
        self._steps = np.zeros(n, dtype=np.int64)

    def act(self, observation: Observations) -> NDArray[np.float32]:
        """Actions of each episode's present behaviour."""
        self._steps += 1
        done = self._steps > self._patience
        done |= (self._phase < GRASP) & (self._teacher.reference(observation) == GRASP)
        done |= (self._phase < RETRACT) & self._teacher.holds(observation)
        advance = done & (self._phase < RETRACT)
        self._phase += advance
        self._steps[advance] = 0
        actions = [self._behaviours.run(row).actions for row in observation]
        return np.stack(actions)[np.arange(len(observation)), self._phase]


class RandomChoreographer:
    """Learned behaviours, picked blindly.

    Args:
        policy: folder whose behaviours act.
        arm: they drive.
        seed: of the picks.
    """

    def __init__(self, policy: Path, arm: ArmDescription, seed: int) -> None:
        self._behaviours = BehavioursRuntime.load(policy, arm)
        self._period = ChoreographerRuntime.load(policy).period
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._step = 0
        self._chosen = np.zeros(0, dtype=np.int64)

    def reset(self, n: int) -> None:
        """New episodes begin."""
        self._step = 0

    def act(self, observation: Observations) -> NDArray[np.float32]:
        """Actions of the behaviours picked."""
        n = len(observation)
        if self._step % self._period == 0:
            self._chosen = self._rng.integers(len(self._behaviours.names), size=n)
        self._step += 1
        actions = [self._behaviours.run(row).actions for row in observation]
        return np.stack(actions)[np.arange(n), self._chosen]
