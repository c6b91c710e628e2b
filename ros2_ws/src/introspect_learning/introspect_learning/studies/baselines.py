"""Rows that every study stands beside: no choreographer was trained for them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from introspect_description import ArmDescription
from introspect_learning.bbrl import make_env
from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.behaviours.teacher import GRASP, RETRACT, Teacher
from introspect_learning.evaluation.statistics import wilson
from introspect_learning.studies.cell import DISTURBED, FINAL, FRESH, HORIZON
from introspect_learning.studies.encoders import Shared
from introspect_sim.envs import PerturbationConfig

Observations = NDArray[np.float32]
NAMES = ("scripted", "constant_sequence", "random_choreographer")


def baseline_rows(shared: Shared, arm: ArmDescription) -> list[dict[str, Any]]:
    """Success and recovery of the script, the constant sequence and chance, in this noise."""
    behaviours, _ = shared.behaviours()
    rows = []
    for name in NAMES:
        started = time.perf_counter()
        row: dict[str, Any] = {"what": name, "metric": "success", "seed": 0, "n": FINAL}
        row["of"] = "episodes"
        for key, episodes, disturbed in (("value", FINAL, False), ("recovered", DISTURBED, True)):
            horizon = HORIZON * (2 if disturbed else 1)
            env = make_env(
                shared.config,
                arm,
                episodes,
                horizon=horizon,
                perturbation=PerturbationConfig(probability=float(disturbed)),
            )
            observation, info = env.reset(seed=FRESH)
            chooser = _Chooser(name, episodes, horizon)
            for _ in range(horizon):
                index = chooser.next(env.truth())
                actions = _actions(name, behaviours, observation)
                observation, _, _, _, info = env.step(actions[np.arange(episodes), index])
            env.close()
            row[key] = float(info["success"].mean())
            if key == "value":
                row["ci95"] = list(wilson(int(info["success"].sum()), episodes))
        rows.append(row | {"seconds": round(time.perf_counter() - started, 1)})
    return rows


@torch.no_grad()
def _actions(name: str, behaviours: BehaviourNet, observation: Observations) -> Observations:
    if name == "scripted":
        return Teacher().actions(observation)
    actions: Observations = behaviours(torch.from_numpy(observation))[2].numpy()
    return actions


class _Chooser:
    """Which behaviour acts next; it sees what is true, as the published phases do."""

    def __init__(self, name: str, n: int, horizon: int) -> None:
        self._name, self._teacher = name, Teacher()
        self._rng = np.random.default_rng(0)
        self._index = np.zeros(n, dtype=np.int64)
        self._patience, self._steps = horizon // 3, np.zeros(n, dtype=np.int64)
        self._step = 0

    def next(self, truth: Observations) -> NDArray[np.int64]:
        """Index (n,) of the behaviour."""
        if self._name == "scripted":
            return self._teacher.reference(truth)
        if self._name == "random_choreographer":
            if self._step % 5 == 0:
                self._index = self._rng.integers(3, size=len(truth))
            self._step += 1
            return self._index
        self._steps += 1
        done = self._steps > self._patience
        done |= (self._index < GRASP) & (self._teacher.reference(truth) == GRASP)
        done |= (self._index < RETRACT) & self._teacher.holds(truth)
        advance = done & (self._index < RETRACT)
        self._index = self._index + advance
        self._steps[advance] = 0
        return self._index
