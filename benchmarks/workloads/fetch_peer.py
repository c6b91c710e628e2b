"""Stable-Baselines3's TQC with hindsight replay on FetchPickAndPlace-v4, for a given CPU time.

Numbers are those of sb3/tqc-FetchPickAndPlace-v1 on Hugging Face, a run of a million steps by RL
Baselines3 Zoo; what differs here is the task's version, and a smaller replay buffer that a run of
this length does not fill.
Prints one JSON object: the learning curve, by environment steps and CPU time.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import gymnasium
import gymnasium_robotics
import numpy as np
import torch
from sb3_contrib import TQC
from sb3_contrib.common.wrappers import TimeFeatureWrapper
from stable_baselines3 import HerReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback

PUBLISHED: dict[str, Any] = {
    "batch_size": 512,
    "gamma": 0.98,
    "learning_rate": 1e-3,
    "tau": 0.005,
    "policy_kwargs": {"net_arch": [512, 512, 512], "n_critics": 2},
}
EVALUATE_EVERY = 2000  # environment steps
EPISODES = 50  # of an evaluation


def make_env() -> gymnasium.Env:
    """The task, with the time that is left among the observations as in the published run."""
    return TimeFeatureWrapper(gymnasium.make("FetchPickAndPlace-v4"), max_steps=50)


def success(model: Any, episodes: int) -> float:
    """Share of fresh episodes that end at the goal, without exploration."""
    env = make_env()
    reached = []
    for k in range(episodes):
        observation, _ = env.reset(seed=3_000_000 + k)
        info: dict[str, Any] = {}
        over = False
        while not over:
            action, _ = model.predict(observation, deterministic=True)
            observation, _, terminated, truncated, info = env.step(action)
            over = terminated or truncated
        reached.append(info["is_success"])
    env.close()
    return float(np.mean(reached))


class _Curve(BaseCallback):
    """Evaluates now and then, and ends the run when its time is spent; evaluations cost nothing."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.rows: list[dict[str, float]] = []
        self._seconds = seconds
        self._started, self._evaluating = time.process_time(), 0.0

    def _on_step(self) -> bool:
        spent = time.process_time() - self._started - self._evaluating
        over = spent >= self._seconds
        if over or self.num_timesteps % EVALUATE_EVERY == 0:
            before = time.process_time()
            share = success(self.model, EPISODES)
            self._evaluating += time.process_time() - before
            row = {"env_steps": self.num_timesteps, "cpu_seconds": spent, "success": share}
            self.rows.append(row)
            print(row, file=sys.stderr, flush=True)
        return not over


def main() -> None:
    """Run for as many CPU-seconds as the command line says, with its seed."""
    seconds, seed = float(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    gymnasium.register_envs(gymnasium_robotics)
    model = TQC(
        "MultiInputPolicy",
        make_env(),
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"goal_selection_strategy": "future", "n_sampled_goal": 4},
        buffer_size=200_000,  # more than a run of this length fills
        seed=seed,
        device="cpu",
        **PUBLISHED,
    )
    curve = _Curve(seconds)
    model.learn(1_000_000, callback=curve)
    print(json.dumps({"seed": seed, "episodes": EPISODES, "curve": curve.rows}))


if __name__ == "__main__":
    main()
