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
from introspect_learning.behaviours.inputs import INPUT_INDEX, INPUT_SCALE
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.evaluation.statistics import auroc, bootstrap
from introspect_learning.execution import ExecutorConfig
from introspect_learning.models import (
    BehavioursRuntime,
    ChoreographerRuntime,
    InternalStateRuntime,
)
from introspect_learning.models.policy import policy_part
from introspect_sim.envs import Perturbation, PerturbationConfig, PickAndPlaceVectorEnv
from introspect_sim.tasks import OBSERVATION, POLICY_PERIOD
from introspect_sim.worlds import TIMESTEP

EVALUATION_SEED = 4_000_000  # added to the user's seed: episodes that no training sees
WINDOW = 12  # steps after a disturbance in which it has to be noticed
LEADS = (0.2, 0.5, 0.8, 1.2, 1.6, 2.0)  # before the attempt's end [s]
LEAD = 0.5  # the one that counts
PERIODS_AT_GOAL = ExecutorConfig().success_periods  # after which the nodes end an episode
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
    timestep: float = TIMESTEP  # of the physics [s]

    def __post_init__(self) -> None:
        """Refuse what cannot be evaluated."""
        for name in ("episodes", "threads", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if not 0.0 < self.timestep <= POLICY_PERIOD:
            raise ValueError(f"timestep must be in (0, {POLICY_PERIOD}] s, got {self.timestep}")


@dataclass(frozen=True)
class Watched:
    """Attempts, and what the internal states said in every step of them.

    Nothing behind an attempt's end is scored: the nodes would never see it.
    """

    phase: NDArray[np.int64]  # (n, steps) by the task's own rule
    told_phase: NDArray[np.int64]  # (n, steps) by the internal state
    failure: NDArray[np.float64]  # (n, steps) probability
    surprise: NDArray[np.float64]  # (n, steps)
    distance: NDArray[np.float64]  # (n, steps) of object and goal [m]: a baseline of failure
    change: NDArray[np.float64]  # (n, steps) of what the network reads: a baseline of surprise
    end: NDArray[np.int64]  # (n,) step at which the nodes end the attempt: arrived, or out of time
    success: NDArray[np.bool_]  # (n,) at the goal then
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
        progress: hears the share done of a part, and the part's name.

    Returns:
        A result object: what, metric, value, ci95, n, seed, seconds; under ``metrics`` all of them.

    Raises:
        ContractError: The policy has no internal states, or those of other behaviours.
        ValueError: An unknown metric.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    started = time.perf_counter()
    calm = watch(policy, config, 0.0, lambda done: progress(done, "undisturbed"))
    rough = watch(policy, config, 1.0, lambda done: progress(done, "disturbed"))
    metrics = {
        "phase_accuracy": _phases(calm),
        "phase_accuracy_disturbed": _phases(rough),
        "failure_auroc": _failures(rough, rough.failure, LEAD),
        "disturbance_auroc": _disturbances(calm, rough, "surprise"),
        "false_alarms": _false_alarms(calm),
    }
    for lead in LEADS:
        metrics[f"failure_auroc_{lead:g}s"] = _failures(rough, rough.failure, lead)
    for kind in Perturbation:
        if (rough.kind == kind.value).any():
            name = f"disturbance_auroc_{kind.name.lower()}"
            metrics[name] = _disturbances(calm, rough, "surprise", kind)
    baselines = {
        "phase_accuracy": {"most_frequent_phase": _most_frequent(calm)},
        "failure_auroc": {"object_goal_distance": _failures(rough, rough.distance, LEAD)},
        "disturbance_auroc": {"observation_change": _disturbances(calm, rough, "change")},
    }
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
        "baselines": baselines,
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
    distance, change = np.zeros(shape), np.zeros(shape)
    acted, names = [""] * n, behaviours.names
    teacher, observation = Teacher(), env.observe()
    to_goal, index_, scale = OBSERVATION.slice("goal_minus_object"), INPUT_INDEX, INPUT_SCALE
    before = observation
    at_goal, end = np.zeros(n, dtype=np.int64), np.full(n, env.horizon)
    for step in range(env.horizon):
        phase[:, step] = teacher.reference(observation)
        distance[:, step] = np.linalg.norm(observation[:, to_goal], axis=1)
        moved = (observation - before)[:, index_] * scale
        change[:, step], before = np.linalg.norm(moved, axis=1), observation
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
        going_on = step < end
        success = np.where(going_on, info["success"], success)
        at_goal = np.where(info["success"], at_goal + 1, 0)
        end = np.where(going_on & (at_goal == PERIODS_AT_GOAL), step + 1, end)
        disturbed_at[(disturbed_at < 0) & info["disturbed"]] = step + 1
    kind = np.where(disturbed_at >= 0, env.disturbances(), -1)
    return Watched(
        phase, told, failure, surprise, distance, change, end, success, disturbed_at, kind
    )


def _phases(watched: Watched) -> dict[str, Any]:
    """Share of steps whose phase was told right, resampled by episode."""
    return _shares(watched.phase == watched.told_phase, watched)


def _most_frequent(watched: Watched) -> dict[str, Any]:
    """As ``_phases`` for whoever always says the most frequent phase."""
    most = np.bincount(watched.phase[_asked(watched)]).argmax()
    return _shares(watched.phase == most, watched)


def _false_alarms(calm: Watched) -> dict[str, Any]:
    """Share of undisturbed steps with an alarm, resampled by episode."""
    return _shares(calm.surprise >= 1.0, calm)


def _asked(watched: Watched) -> NDArray[np.bool_]:
    """(n, steps) before the attempt's end."""
    steps: NDArray[np.bool_] = np.arange(watched.phase.shape[1]) < watched.end[:, None]
    return steps


def _shares(yes: NDArray[np.bool_], watched: Watched) -> dict[str, Any]:
    asked = _asked(watched)
    counts = np.stack([(yes & asked).sum(axis=1), asked.sum(axis=1)], axis=1).astype(float)

    def share(rows: NDArray[np.float64]) -> float:
        return float(rows[:, 0].sum() / rows[:, 1].sum())

    return _row(share(counts), bootstrap(share, counts), len(counts))


def _failures(watched: Watched, scores: NDArray[np.float64], lead: float) -> dict[str, Any]:
    """AUROC of scores (n, steps) for failure, this long before the attempt's end.

    An attempt that was disturbed after its end was none of that kind, and is left out.
    """
    step = watched.end - math.ceil(lead / POLICY_PERIOD - 1e-9) - 1
    rows = np.flatnonzero((step >= 0) & (watched.disturbed_at < watched.end))
    if not len(rows):
        return _row(math.nan, (math.nan, math.nan), 0)
    return _ranked(scores[rows, step[rows]], ~watched.success[rows])


def _disturbances(
    calm: Watched, rough: Watched, by: str, kind: Perturbation | None = None
) -> dict[str, Any]:
    """AUROC of the greatest score soon after a disturbance against undisturbed steps.

    Undisturbed windows begin at the same steps as the disturbances did.
    """
    came = (rough.disturbed_at >= 0) & (rough.disturbed_at < rough.end)
    came &= (rough.kind == kind.value) if kind is not None else True
    starts = rough.disturbed_at[came]
    if not len(starts):
        return _row(math.nan, (math.nan, math.nan), 0)
    scores = _greatest(getattr(rough, by)[came], starts, rough.end[came])
    drawn = np.random.default_rng(0).choice(starts, len(calm.end))
    quiet = _greatest(getattr(calm, by), drawn, calm.end)
    positive = np.r_[np.ones(len(scores), dtype=bool), np.zeros(len(quiet), dtype=bool)]
    return _ranked(np.r_[scores, quiet], positive)


def _greatest(
    scores: NDArray[np.float64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The greatest score of each row's window; rows that have ended before it are left out."""
    windows = zip(scores, starts, np.minimum(starts + WINDOW, ends), strict=True)
    return np.array([row[start:end].max() for row, start, end in windows if start < end])


def _ranked(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> dict[str, Any]:
    alike = len(scores) and np.ptp(scores) == 0.0  # as of what was never learned
    if positive.all() or not positive.any() or alike:
        return _row(math.nan, (math.nan, math.nan), len(scores)) | {
            "positives": int(positive.sum())
        }
    pairs = np.stack([scores, positive], axis=1)
    interval = bootstrap(lambda rows: auroc(rows[:, 0], rows[:, 1] > 0.5), pairs, draws=500)
    row = _row(auroc(scores, positive), interval, len(scores))
    return row | {"positives": int(positive.sum())}


def _row(value: float, interval: tuple[float, float], n: int) -> dict[str, Any]:
    """A figure; None, as JSON has no NaN, where too little happened to tell."""
    if math.isnan(value):
        return {"value": None, "ci95": None, "n": n}
    return {"value": value, "ci95": list(interval), "n": n}
