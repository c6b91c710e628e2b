"""Success of policies and baselines on the same fixed episodes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_description import ArmDescription
from introspect_learning.evaluation.controllers import (
    ConstantSequence,
    Controller,
    Learned,
    RandomChoreographer,
    Scripted,
)
from introspect_learning.evaluation.statistics import wilson
from introspect_learning.models import policy_hash
from introspect_sim.envs import Perturbation, PerturbationConfig, PickAndPlaceVectorEnv

EVALUATION_SEED = 2_000_000  # added to the user's seed: episodes that training never saw
BASELINES = ("scripted", "constant_sequence", "random_choreographer")


@dataclass(frozen=True)
class EvaluationConfig:
    """What is evaluated, and how."""

    episodes: int = 1000
    seed: int = 0
    world: str = "mujoco"
    arm: str = "panda"
    threads: int = 2  # that step the worlds
    batch: int = 125  # episodes side by side
    perturb: bool = False  # disturb every episode once, and give it twice the time
    timestep: float = 0.002  # of the physics [s]

    def __post_init__(self) -> None:
        """Refuse what cannot be evaluated."""
        for name in ("episodes", "threads", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")


@dataclass(frozen=True)
class Outcome:
    """What happened in a controller's episodes."""

    success: NDArray[np.bool_]  # (episodes,) at the goal at the end
    first_success: NDArray[np.int64]  # (episodes,) policy step it was first there; -1 never
    kind: NDArray[np.int64]  # (episodes,) disturbance that came; -1: none has

    def row(self) -> dict[str, Any]:
        """As a result row."""
        n, successes = len(self.success), int(self.success.sum())
        reached = self.first_success[self.first_success >= 0]
        row: dict[str, Any] = {
            "value": successes / n,
            "ci95": list(wilson(successes, n)),
            "n": n,
            "median_steps": float(np.median(reached)) if len(reached) else None,
        }
        came = {kind.name.lower(): self.kind == kind.value for kind in Perturbation}
        if (self.kind >= 0).any():
            row["by_disturbance"] = {
                name: {"value": float(self.success[those].mean()), "n": int(those.sum())}
                for name, those in came.items()
                if those.any()
            }
        return row


def evaluate(
    policy: Path,
    config: EvaluationConfig,
    baselines: bool = False,
    progress: Callable[[float, str], None] = lambda done, text: None,
) -> dict[str, Any]:
    """Evaluate a policy, and the baselines if asked, on the same episodes.

    Args:
        policy: its folder.
        config: episodes, seed, world.
        baselines: also the scripted controller, the constant sequence, the random choreographer.
        progress: hears the share done and a line.

    Returns:
        A result object: what, metric, value, ci95, n, seed, seconds and more; under
        ``baselines`` one row each.

    Raises:
        ContractError: The policy is no policy, or not for this arm.
    """
    arm = ArmDescription.load(config.arm)
    started = time.perf_counter()
    disturbed = PerturbationConfig(probability=1.0 if config.perturb else 0.0)
    env = PickAndPlaceVectorEnv(
        min(config.batch, config.episodes),
        config.world,
        arm=arm,
        threads=config.threads,
        timestep=config.timestep,
        perturbation=disturbed,
    )
    env.horizon *= 2 if config.perturb else 1
    controllers: dict[str, Controller] = {"policy": Learned(policy, arm)}
    if baselines:
        controllers["scripted"] = Scripted()
        controllers["constant_sequence"] = ConstantSequence(policy, arm, env.horizon)
        controllers["random_choreographer"] = RandomChoreographer(policy, arm, config.seed)
    try:
        rows = {
            name: _run(env, controller, config, name, progress).row()
            for name, controller in controllers.items()
        }
    finally:
        env.close()
    result = {
        "what": "pick_and_place",
        "metric": "recovered" if config.perturb else "success",
        **rows.pop("policy"),
        "seed": config.seed,
        "world": config.world,
        "model": policy_hash(policy),
        "seconds": round(time.perf_counter() - started, 2),
    }
    return result | ({"baselines": rows} if baselines else {})


def _run(
    env: PickAndPlaceVectorEnv,
    controller: Controller,
    config: EvaluationConfig,
    name: str,
    progress: Callable[[float, str], None],
) -> Outcome:
    outcomes: list[tuple[NDArray[Any], ...]] = []
    batches = -(-config.episodes // env.num_envs)
    for batch in range(batches):
        seed = EVALUATION_SEED + config.seed
        observation, info = env.reset(seed=seed, options={"first_episode": batch})
        controller.reset(env.num_envs)
        first = np.full(env.num_envs, -1)
        for step in range(env.horizon):
            observation, _, _, _, info = env.step(controller.act(observation))
            first = np.where((first < 0) & info["success"], step + 1, first)
            progress((batch + (step + 1) / env.horizon) / batches, name)
        # An object that was never lifted was never dropped.
        kind = np.where(info["disturbed"], env.disturbances(), -1)
        outcomes.append((info["success"], first, kind))
    success, first, kind = (
        np.concatenate(column)[: config.episodes] for column in zip(*outcomes, strict=True)
    )
    return Outcome(success, first, kind)
