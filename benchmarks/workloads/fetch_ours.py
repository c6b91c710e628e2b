"""Our trainers on FetchPickAndPlace-v4, one seed; runs in the peers' own environment.

A script teaches the behaviours, as on our own arm; its distances are set for this gripper.

Prints one JSON object: what was learned, from how many environment steps and how much CPU time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from benchmarks.workloads.fetch_episodes import FetchEpisodes
from introspect_learning.behaviours.imitation import ImitationConfig, imitate
from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.behaviours.teacher import Teacher, TeacherConfig
from introspect_learning.behaviours.under_rule import rule_success
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.choreographer.rollout import roll_out
from introspect_learning.choreographer.training import ChoreographerConfig, train_choreographer
from introspect_learning.rl.ppo import PPOConfig

SCORED = 3_000_000  # seed of the episodes that a finished policy is scored on
# Fetch's fingers sink into the cube: a narrower gripper may still hold it. Its arm is faster, too.
TEACHER = TeacherConfig(empty_width=0.024, lift=0.02)


@dataclass(frozen=True)
class FetchConfig:
    """Numbers of learning on Fetch; what is not named here is as for our own arm."""

    imitation_envs: int = 32
    choreographer_envs: int = 64
    imitation: ImitationConfig = field(
        default_factory=lambda: ImitationConfig(rounds=(1.0, 0.3), updates=(400, 1200))
    )
    choreographer: ChoreographerConfig = field(
        default_factory=lambda: ChoreographerConfig(
            iterations=16,
            first_evaluation=7,
            evaluate_every=1,
            ppo=PPOConfig(minibatches=2, epochs=8, learning_rate=4e-3),
        )
    )


def learn(config: FetchConfig, seed: int, log: Callable[[str], None]) -> dict[str, Any]:
    """Learn from nothing, then score the result on episodes that learning never saw."""
    torch.set_num_threads(1)
    started = time.process_time()
    teacher = Teacher(TEACHER)
    first = FetchEpisodes(config.imitation_envs)
    second = FetchEpisodes(config.choreographer_envs)

    def spent() -> dict[str, float]:
        steps = first.steps_taken + second.steps_taken
        return {"env_steps": steps, "cpu_seconds": round(time.process_time() - started, 2)}

    curve: list[dict[str, Any]] = []

    def progress(stage: str, done: float, text: str) -> None:
        curve.append({"stage": stage, "text": text, **spent()})
        log(f"{stage}: {text}")

    behaviours = imitate(first, config.imitation, seed, progress=progress, teacher=teacher)
    choreographer, _ = train_choreographer(
        second, second, behaviours, config.choreographer, seed, progress=progress
    )
    cost = spent()
    return {"seed": seed, **cost, **score(behaviours, choreographer, config), "curve": curve}


def score(
    behaviours: BehaviourNet, choreographer: Choreographer, config: FetchConfig, batches: int = 4
) -> dict[str, Any]:
    """Success of the policy."""
    env = FetchEpisodes(config.choreographer_envs * 2)
    decisions, shares = config.choreographer.decisions, []
    for batch in range(batches):
        env.reset(seed=SCORED, options={"first_episode": batch})
        shares.append(roll_out(env, behaviours, choreographer, decisions, 1.0, None)[1])
    episodes = batches * env.num_envs
    return {"successes": round(sum(shares) / batches * episodes), "episodes": episodes}


def baselines() -> dict[str, Any]:
    """Success of the scripted teacher and of random actions."""
    env = FetchEpisodes(100)
    scripted = rule_success(env, Teacher(TEACHER), SCORED)
    rng, success = np.random.default_rng(0), np.zeros(env.num_envs)
    env.reset(seed=SCORED)
    for _ in range(env.horizon):
        action = rng.uniform(-1.0, 1.0, (env.num_envs, 5)).astype(np.float32)
        success = env.step(action)[4]["success"]
    n = env.num_envs
    return {
        "scripted": {"successes": round(scripted * n), "episodes": n},
        "random": {"successes": int(success.sum()), "episodes": n},
    }


def main() -> None:
    """Learn the seed named on the command line, or score the baselines without one."""
    if len(sys.argv) == 1:
        result = baselines()
    else:
        result = learn(FetchConfig(), int(sys.argv[1]), lambda text: print(text, file=sys.stderr))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
