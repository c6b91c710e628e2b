"""Activations straight from vectorised worlds, with whoever drives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from introspect_learning.behaviours.networks import LAYERS, BehaviourNet
from introspect_learning.behaviours.teacher import PHASES, Teacher
from introspect_learning.data.activations import ActivationDataset, joined
from introspect_learning.data.drivers import Driver
from introspect_learning.internal_states.recorder import ActivationRecorder
from introspect_learning.rl.environment import Episodes, Progress, silent


@torch.no_grad()
def collect(
    env: Episodes,
    behaviours: BehaviourNet,
    driver: Callable[[int], Driver],
    batches: int,
    seed: int,
    model_hash: str,
    layers: tuple[str, ...] = LAYERS,
    progress: Progress = silent,
    success_periods: int = 0,
) -> ActivationDataset:
    """Let episodes run to their end and keep every step's activations.

    Args:
        env: episodes side by side.
        behaviours: that act, and whose activations are kept.
        driver: makes one for each batch, by its number.
        batches: of ``env.num_envs`` episodes.
        seed: of the episodes.
        model_hash: of the behaviours.
        layers: to keep.
        progress: hears of each batch.
        success_periods: in a row at the goal that end an attempt, as they do in the nodes; what
            comes after is not kept. 0: none do.

    Raises:
        ValueError: A layer that the behaviours do not have; the text lists those they have.
    """
    known = behaviours.layers
    if missing := [name for name in layers if name not in known]:
        raise ValueError(f"there is no layer {', '.join(missing)}; there are {', '.join(known)}")
    parts = []
    with ActivationRecorder(behaviours, {name: known[name] for name in layers}) as recorder:
        for batch in range(batches):
            env.reset(seed=seed, options={"first_episode": batch})
            whole, attempt = _batch(
                env, behaviours, driver(batch), recorder, model_hash, success_periods
            )
            parts.append(whole.take(attempt))
            progress("activations", (batch + 1) / batches, f"{(batch + 1) * env.num_envs} episodes")
    return joined(parts)


def _batch(
    env: Episodes,
    behaviours: BehaviourNet,
    driver: Driver,
    recorder: ActivationRecorder,
    model_hash: str,
    success_periods: int,
) -> tuple[ActivationDataset, NDArray[np.bool_]]:
    """Every step, and which of them are of the attempt."""
    teacher, rows = Teacher(), np.arange(env.num_envs)
    observation = env.observe()
    sizes: dict[str, int] = {}
    activations, phases, drivers, disturbed, attempt = [], [], [], [], []
    success, at_goal = np.zeros(env.num_envs, dtype=bool), np.zeros(env.num_envs, dtype=np.int64)
    going_on = np.ones(env.num_envs, dtype=bool)
    was_disturbed = np.zeros(env.num_envs, dtype=bool)
    for _ in range(env.horizon):
        chosen = driver.next(observation)
        actions = behaviours(torch.from_numpy(observation))[2].numpy()
        seen = recorder.activations
        sizes = {name: values.shape[1] for name, values in seen.items()}
        activations.append(torch.cat(list(seen.values()), dim=1).numpy())
        phases.append(teacher.reference(env.truth()))
        drivers.append(chosen)
        disturbed.append(was_disturbed)
        attempt.append(going_on)
        observation, _, _, _, info = env.step(actions[rows, chosen])
        success, was_disturbed = np.where(going_on, info["success"], success), info["disturbed"]
        at_goal = np.where(info["success"], at_goal + 1, 0)
        if success_periods:
            going_on = going_on & (at_goal < success_periods)
    steps, n = len(activations), env.num_envs

    def column(values: list[NDArray[np.generic]]) -> NDArray[np.generic]:
        """(steps, n, ...) to (n * steps, ...), an episode's steps consecutive."""
        stacked = np.swapaxes(np.stack(values), 0, 1)
        return stacked.reshape(n * steps, *stacked.shape[2:])

    whole = ActivationDataset(
        layers=sizes,
        activations=column(activations),  # type: ignore[arg-type]
        episode=np.repeat(rows, steps),
        sequence=np.tile(np.arange(steps), n),
        phase=column(phases),  # type: ignore[arg-type]
        behaviour=column(drivers),  # type: ignore[arg-type]
        success=np.repeat(success.astype(np.int64), steps),
        phases=PHASES,
        behaviours=behaviours.names,
        model_hash=model_hash,
        disturbed=column(disturbed),  # type: ignore[arg-type]
    )
    return whole, column(attempt)  # type: ignore[return-value]
