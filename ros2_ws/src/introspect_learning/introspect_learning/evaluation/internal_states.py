"""What a robot knows of itself, scored on fresh episodes: phases, failures, disturbances."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_description import ArmDescription
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.evaluation.statistics import auroc, bootstrap
from introspect_learning.models import (
    BehavioursRuntime,
    ChoreographerRuntime,
    InternalStateRuntime,
)
from introspect_learning.models.runtime import policy_part
from introspect_sim.envs import Perturbation, PerturbationConfig, PickAndPlaceVectorEnv
from introspect_sim.tasks import POLICY_PERIOD

EVALUATION_SEED = 4_000_000  # added to the user's seed: episodes that no training sees
WINDOW = 12  # steps after a disturbance in which it has to be noticed
LEADS = (0.2, 0.5, 0.8, 1.2, 1.6, 2.0)  # before the attempt's end [s]
LEAD = 0.5  # the one that counts
METRICS = ("phase_accuracy", "failure_auroc", "disturbance_auroc")


@dataclass(frozen=True)
class StatesEvaluationConfig:
    """What is evaluated, and how."""

    episodes: int = 512  # of each: undisturbed, and disturbed at most a second before the end
    seed: int = 0
    world: str = "mujoco"
    arm: str = "panda"
    threads: int = 2  # that step the worlds
    batch: int = 128  # episodes side by side
    timestep: float = 0.005  # of the physics [s]

    def __post_init__(self) -> None:
        """Refuse what cannot be evaluated."""
        for name in ("episodes", "threads", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")


@dataclass(frozen=True)
class Watched:
    """Episodes, and what the internal states said in every step of them."""

    phase: NDArray[np.int64]  # (n, steps) by the task's own rule
    told_phase: NDArray[np.int64]  # (n, steps) by the internal state
    failure: NDArray[np.float64]  # (n, steps) probability
    surprise: NDArray[np.float64]  # (n, steps)
    success: NDArray[np.bool_]  # (n,) at the goal at the end
    disturbed_at: NDArray[np.int64]  # (n,) first step that could show the disturbance; -1: none
    kind: NDArray[np.int64]  # (n,) of the disturbance; -1: none


def evaluate_internal_states(
    policy: Path,
    config: StatesEvaluationConfig,
    metric: str = METRICS[0],
    progress: Callable[[float, str], None] = lambda done, text: None,
) -> dict[str, Any]:
    """Score the internal states of a policy, running as in the nodes.

    Args:
        policy: its folder, with ``internal_states``.
        config: episodes, seed, world.
        metric: the one of ``METRICS`` that becomes ``value``.
        progress: hears the share done and a line.

    Returns:
        A result object: what, metric, value, ci95, n, seed, seconds; under ``metrics`` all of them.

    Raises:
        ContractError: The policy has no internal states, or those of other behaviours.
        ValueError: An unknown metric.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    started = time.perf_counter()
    calm = watch(policy, config, 0.0, lambda done: progress(0.5 * done, "undisturbed"))
    rough = watch(policy, config, 1.0, lambda done: progress(0.5 + 0.5 * done, "disturbed"))
    metrics = {
        "phase_accuracy": _phases(calm),
        "phase_accuracy_disturbed": _phases(rough),
        "failure_auroc": _failures(rough, LEAD),
        "disturbance_auroc": _disturbances(calm, rough, None),
        "false_alarms": _false_alarms(calm),
    }
    for lead in LEADS:
        metrics[f"failure_auroc_{lead:g}s"] = _failures(rough, lead)
    for kind in Perturbation:
        if (rough.kind == kind.value).any():
            name = f"disturbance_auroc_{kind.name.lower()}"
            metrics[name] = _disturbances(calm, rough, kind)
    headline = metrics[metric]
    return {
        "what": "internal_states",
        "metric": metric,
        **headline,
        "seed": config.seed,
        "world": config.world,
        "model": InternalStateRuntime(policy_part(policy, "internal_states")).hash,
        "seconds": round(time.perf_counter() - started, 2),
        "metrics": metrics,
    }


def watch(
    policy: Path,
    config: StatesEvaluationConfig,
    disturbed: float,
    progress: Callable[[float], None] = lambda done: None,
) -> Watched:
    """Let the policy act and its internal states watch, one row at a time as in the nodes."""
    arm = ArmDescription.load(config.arm)
    n = min(config.batch, config.episodes)
    env = PickAndPlaceVectorEnv(
        n, config.world, arm=arm, threads=config.threads, timestep=config.timestep
    )
    latest = max(env.horizon - 25, PerturbationConfig().earliest)
    env.perturbation = PerturbationConfig(probability=disturbed, latest=latest)
    behaviours = BehavioursRuntime.load(policy, arm)
    folder = policy_part(policy, "internal_states")
    choosers = [ChoreographerRuntime.load(policy, behaviours.hash) for _ in range(n)]
    states = [InternalStateRuntime(folder, behaviours.hash) for _ in range(n)]
    batches = -(-config.episodes // n)
    parts: list[Watched] = []
    try:
        for batch in range(batches):
            env.reset(seed=EVALUATION_SEED + config.seed, options={"first_episode": batch})
            for chooser, state in zip(choosers, states, strict=True):
                chooser.reset()
                state.reset()
            parts.append(_batch(env, behaviours, choosers, states))
            progress((batch + 1) / batches)
    finally:
        env.close()
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])[: config.episodes]
        for name in Watched.__dataclass_fields__
    }
    return Watched(**columns)


def _batch(
    env: PickAndPlaceVectorEnv,
    behaviours: BehavioursRuntime,
    choosers: list[ChoreographerRuntime],
    states: list[InternalStateRuntime],
) -> Watched:
    n, shape = env.num_envs, (env.num_envs, env.horizon)
    phase, told = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    failure, surprise = np.zeros(shape), np.zeros(shape)
    disturbed_at = np.full(n, -1)
    success = np.zeros(n, dtype=bool)
    acted, names = [""] * n, behaviours.names
    teacher, observation = Teacher(), env.observe()
    for step in range(env.horizon):
        phase[:, step] = teacher.reference(observation)
        actions = []
        for row in range(n):
            output = behaviours.run(observation[row])
            state = states[row].run(output.activations, acted[row])
            told[row, step] = state.phase.argmax()
            failure[row, step], surprise[row, step] = state.failure, state.surprise
            index = choosers[row].run(output.activations).index
            acted[row] = names[index]
            actions.append(output.actions[index])
        observation, _, _, _, info = env.step(np.stack(actions))
        success = info["success"]
        disturbed_at[(disturbed_at < 0) & info["disturbed"]] = step + 1
    kind = np.where(disturbed_at >= 0, env.disturbances(), -1)
    return Watched(phase, told, failure, surprise, success, disturbed_at, kind)


def _phases(watched: Watched) -> dict[str, Any]:
    """Share of steps whose phase was told right, resampled by episode."""
    right = (watched.phase == watched.told_phase).mean(axis=1)
    return _row(float(right.mean()), bootstrap(lambda rows: float(rows.mean()), right), len(right))


def _failures(watched: Watched, lead: float) -> dict[str, Any]:
    """AUROC of the failure probability this long before the attempt's end."""
    step = watched.failure.shape[1] - math.ceil(lead / POLICY_PERIOD - 1e-9) - 1
    if step < 0:
        return _row(math.nan, (math.nan, math.nan), 0)
    return _ranked(watched.failure[:, step], ~watched.success)


def _disturbances(calm: Watched, rough: Watched, kind: Perturbation | None) -> dict[str, Any]:
    """AUROC of the greatest surprise after a disturbance against undisturbed steps.

    Undisturbed windows begin at the same steps as the disturbances did.
    """
    steps = rough.surprise.shape[1]
    came = rough.disturbed_at >= 0
    came &= (rough.kind == kind.value) if kind is not None else True
    starts = rough.disturbed_at[came]
    scores = [
        rough.surprise[row, rough.disturbed_at[row] : rough.disturbed_at[row] + WINDOW].max()
        for row in np.flatnonzero(came)
        if rough.disturbed_at[row] < steps
    ]
    rng = np.random.default_rng(0)
    quiet = [
        calm.surprise[row, start : start + WINDOW].max()
        for row, start in enumerate(rng.choice(starts, len(calm.surprise)))
        if start < steps
    ]
    positive = np.r_[np.ones(len(scores), dtype=bool), np.zeros(len(quiet), dtype=bool)]
    return _ranked(np.array([*scores, *quiet]), positive)


def _false_alarms(calm: Watched) -> dict[str, Any]:
    """Share of undisturbed steps with an alarm."""
    share = (calm.surprise >= 1.0).mean(axis=1)
    return _row(float(share.mean()), bootstrap(lambda rows: float(rows.mean()), share), len(share))


def _ranked(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> dict[str, Any]:
    pairs = np.stack([scores, positive], axis=1)
    interval = bootstrap(lambda rows: auroc(rows[:, 0], rows[:, 1] > 0.5), pairs, draws=500)
    row = _row(auroc(scores, positive), interval, len(scores))
    return row | {"positives": int(positive.sum())}


def _row(value: float, interval: tuple[float, float], n: int) -> dict[str, Any]:
    return {"value": value, "ci95": list(interval), "n": n}
