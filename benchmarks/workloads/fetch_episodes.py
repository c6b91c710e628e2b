"""FetchPickAndPlace-v4 with the face that our trainers know; runs in the peers' own environment.

The trainers get the observation and the action of this project's own task: the same parts, filled
from what Fetch observes. Fetch's cube has edges of 50 mm instead of 40, so lengths are scaled by
the ratio; its gripper cannot turn, so there is no yaw to mend and the turn asked for is dropped.
"""

from __future__ import annotations

import contextlib
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from introspect_sim.tasks import ACTION_SIZE, OBSERVATION

HORIZON = 50  # the task's own, of 40 ms each
SCALE = 0.8  # our cube's edge over Fetch's


class FetchEpisodes:
    """n episodes side by side: one environment, n states of its physics.

    Args:
        n: episodes.
        horizon: steps in an episode; default the task's own.
    """

    def __init__(self, n: int, horizon: int = HORIZON) -> None:
        import gymnasium_robotics
        import mujoco

        gymnasium.register_envs(gymnasium_robotics)
        self.num_envs, self.horizon = n, horizon
        self.steps_taken = 0  # of the environment, by all episodes together
        self._env: Any = gymnasium.make("FetchPickAndPlace-v4").unwrapped
        self._env.reset(seed=0)
        self._states = [mujoco.MjData(self._env.model) for _ in range(n)]
        for state in self._states:
            mujoco.mj_copyData(state, self._env.model, self._env.data)
        self._goals = [self._env.goal] * n
        self._seen: list[dict[str, NDArray[np.float64]]] = [{}] * n

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode in every copy; copy i draws its k-th from ``[seed, i, k]``."""
        first = (options or {}).get("first_episode", 0)
        for i in range(self.num_envs):
            draw = np.random.SeedSequence([seed or 0, i, first]).generate_state(1)[0]
            with self._episode(i):
                self._seen[i], _ = self._env.reset(seed=int(draw))
        return self.observe(), {}

    def step(
        self, actions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], Any, Any, Any, dict[str, Any]]:
        """Take one step in every episode with actions (n, ACTION_SIZE)."""
        if actions.shape != (self.num_envs, ACTION_SIZE):
            raise ValueError(f"actions must be {(self.num_envs, ACTION_SIZE)}, got {actions.shape}")
        success = np.zeros(self.num_envs, dtype=bool)
        asked = np.clip(actions[:, [0, 1, 2, 4]], -1.0, 1.0)
        for i in range(self.num_envs):
            with self._episode(i):
                self._seen[i], _, _, _, info = self._env.step(asked[i])
            success[i] = bool(info["is_success"])
        self.steps_taken += self.num_envs
        return self.observe(), None, None, None, {"success": success}

    def truth(self) -> NDArray[np.float32]:
        """As ``observe``: these sensors have no faults."""
        return self.observe()

    def observe(self) -> NDArray[np.float32]:
        """The observations now, (n, OBSERVATION.size), all lengths times ``SCALE``."""
        seen = np.stack([row["observation"] for row in self._seen])
        goal = np.stack([row["desired_goal"] for row in self._seen])
        tool, item = seen[:, :3], seen[:, 3:6]
        parts = {
            "gripper_width": seen[:, 9:11].sum(axis=1, keepdims=True),
            "tool_position": tool - self._env.initial_gripper_xpos,
            "tool_velocity": seen[:, 20:23] / self._env.dt,
            "object_position": item,
            "goal_position": goal,
            "object_minus_tool": item - tool,
            "goal_minus_object": goal - item,
        }
        observation = np.zeros((self.num_envs, OBSERVATION.size), dtype=np.float32)
        for part, value in parts.items():
            observation[:, OBSERVATION.slice(part)] = SCALE * value
        return observation

    def close(self) -> None:
        """Free the environment."""
        self._env.close()

    @contextlib.contextmanager
    def _episode(self, i: int) -> Any:
        """Let the environment be episode i: its physics and its goal."""
        self._env.data, self._env.goal = self._states[i], self._goals[i]
        yield
        self._goals[i] = self._env.goal
