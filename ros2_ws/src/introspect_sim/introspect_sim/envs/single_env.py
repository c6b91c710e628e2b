"""Pick and place with one arm, with Gymnasium's plain interface."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from introspect_sim.envs.vector_env import PickAndPlaceVectorEnv


class PickAndPlaceEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """One copy of ``PickAndPlaceVectorEnv``; takes the same arguments but ``n``."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 25}  # noqa: RUF012 - Gymnasium's

    def __init__(self, world: str = "mujoco", **arguments: Any) -> None:
        self._copies = PickAndPlaceVectorEnv(1, world, **arguments)
        self.render_mode = self._copies.render_mode
        self.observation_space = self._copies.single_observation_space
        self.action_space = self._copies.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode."""
        super().reset(seed=seed)
        observation, info = self._copies.reset(seed=seed, options=options)
        return observation[0], _only(info)

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Take one policy step.

        Raises:
            gymnasium.error.ResetNeeded: The episode had ended.
        """
        if self._copies.steps[0] >= self._copies.horizon:
            raise gymnasium.error.ResetNeeded("the episode has ended; call reset() first")
        observation, reward, terminated, truncated, info = self._copies.step(action[None])
        return (
            observation[0],
            float(reward[0]),
            bool(terminated[0]),
            bool(truncated[0]),
            _only(info),
        )

    def render(self) -> NDArray[np.uint8] | None:
        """A picture, or None without a render mode."""
        pictures = self._copies.render()
        return None if pictures is None else pictures[0]

    def close(self) -> None:
        """Free the world."""
        self._copies.close()


def _only(info: dict[str, Any]) -> dict[str, Any]:
    return {key: bool(value[0]) for key, value in info.items()}
