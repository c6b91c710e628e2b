"""A pick-and-place world without physics, a thousand times cheaper than the real one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from introspect_sim.tasks import OBSERVATION, PickAndPlace, decode
from introspect_sim.tasks.observation import quarter_turn

PERIOD = 0.04  # [s]


class KinematicArm:
    """A gripper that flies, in n episodes: what training needs of a world, and nothing else.

    Episode k of copy i starts from ``default_rng([seed, k * n + i])``, so that the same episodes
    come in the same order whatever n is.
    """

    def __init__(self, n: int, horizon: int = 75) -> None:
        self.num_envs = n
        self.horizon = horizon
        self.task = PickAndPlace()
        self._seed = self._episode = 0
        self._start()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        if seed is not None:
            self._seed, self._episode = seed, 0
        self._episode = (options or {}).get("first_episode", self._episode)
        self._start()
        return self.observe(), self._info()

    def truth(self) -> NDArray[np.float32]:
        """As ``observe``."""
        return self.observe()

    def observe(self) -> NDArray[np.float32]:
        parts = {
            "joint_position": np.zeros((self.num_envs, 7)),
            "joint_velocity": np.zeros((self.num_envs, 7)),
            "gripper_width": self._width[:, None],
            "tool_position": self._tool,
            "tool_velocity": self._velocity,
            "object_position": self._object,
            "goal_position": self._goal,
            "object_minus_tool": self._object - self._tool,
            "goal_minus_object": self._goal - self._object,
            "yaw_error": self._yaw[:, None],
        }
        columns = [parts[name] for name, _ in OBSERVATION.parts]
        return np.concatenate(columns, axis=1).astype(np.float32)

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], None, None, None, dict[str, Any]]:
        linear, angular, width = decode(actions)
        self._velocity += 0.4 * (linear - self._velocity)
        moved = self._velocity * PERIOD
        offset = self._object - self._tool
        beside, below = np.linalg.norm(offset[:, :2], axis=1), -offset[:, 2]
        around = (beside < 0.02) & (below < 0.02) & (np.abs(self._yaw) < 0.3)
        # A finger on the object goes no lower.
        on_top = (beside > 0.02) & (beside < 0.06) & (below < 0.05)
        moved[on_top, 2] = np.maximum(moved[on_top, 2], 0.0)
        floor = np.where(
            self._tool[:, 2] + moved[:, 2] < 0.01, 0.01 - self._tool[:, 2], moved[:, 2]
        )
        moved[:, 2] = floor
        self._tool = self._tool + moved
        self._width += np.clip(width - self._width, -0.1 * PERIOD, 0.1 * PERIOD)
        self._width = np.clip(self._width, np.where(around, 0.039, 0.0), 0.08)
        held = around & (self._width < 0.041)
        fallen = self._object * [1.0, 1.0, 0.0] + [0.0, 0.0, 0.02]
        self._object = np.where(held[:, None], self._object + moved, fallen)
        self._yaw = np.where(held, self._yaw, quarter_turn(self._yaw - angular[:, 2] * PERIOD))
        return self.observe(), None, None, None, self._info()

    def _start(self) -> None:
        n = self.num_envs
        episodes = self._episode * n + np.arange(n)
        rngs = [np.random.default_rng([self._seed, int(e)]) for e in episodes]
        starts = [self.task.start(rng) for rng in rngs]
        self._object = np.concatenate([start.object_pose[:, :3] for start in starts])
        self._goal = np.concatenate([start.goal_position for start in starts])
        self._yaw = np.array([rng.uniform(-0.7, 0.7) for rng in rngs])
        self._tool = np.tile([0.45, 0.0, 0.30], (n, 1))
        self._velocity = np.zeros((n, 3))
        self._width = np.full(n, 0.08)
        self._episode += 1

    def _info(self) -> dict[str, Any]:
        success = self.task.success(self._object, self._goal)
        return {"success": success, "disturbed": np.zeros(self.num_envs, dtype=bool)}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """These networks are too small for more, which would only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture
def kinematic_arm() -> type[KinematicArm]:
    """The class; make as many copies as the test needs."""
    return KinematicArm
