"""One training of a study: a choreographer learns, and is scored on fresh episodes."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from introspect_description import ArmDescription
from introspect_learning.bbrl import BBRLConfig, make_env
from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.behaviours.teacher import PHASES
from introspect_learning.choreographer import phases, rollout
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.choreographer.seed_mode import SeedModeConfig, noise_of, train_seed_mode
from introspect_learning.choreographer.training import ChoreographerConfig, train_choreographer
from introspect_learning.internal_states.model import InternalStateModel
from introspect_learning.rl.ppo import PPOConfig
from introspect_learning.runs.stage import Stage
from introspect_learning.studies.digest import digest_of
from introspect_learning.studies.encoders import Shared, shared_settings
from introspect_learning.studies.variant import MODES, VARIANTS
from introspect_sim.envs import SENSORS, PerturbationConfig, SensorFaultConfig
from introspect_sim.tasks import POLICY_PERIOD

VERSION = 1  # of what a cell measures; results of another one are not gone on with
BATCH = 25  # episodes between two updates of ours: few, as episodes are what is counted here
FINAL, DISTURBED, FAULTY = 200, 150, 100  # fresh episodes
ON_THE_WAY = 60  # episodes of each point of a learning curve
FRESH = 6_000_000  # added to the seed of the episodes that finished choreographers are scored on
HORIZON = 100
FAULTS: dict[str, SensorFaultConfig] = {
    **{f"noise_{name}": SensorFaultConfig(noise=0.01, sensors=(name,)) for name in SENSORS},
    "dropout_20": SensorFaultConfig(dropout=0.2),
    "latency_1": SensorFaultConfig(latency=1),
    "latency_2": SensorFaultConfig(latency=2),
}
"""Faults that come alone, without the noise of training."""


@dataclass(frozen=True)
class Cell:
    """One training: which variant, in which mode, from which seed, in how much noise."""

    variant: str
    mode: str = "ours"
    seed: int = 0
    noise: float = 0.0  # standard deviation added to every number of the observation
    arm: str = "panda"

    def __post_init__(self) -> None:
        """Refuse what is no training."""
        if self.variant not in VARIANTS:
            raise ValueError(f"variant must be of {', '.join(VARIANTS)}, got {self.variant!r}")
        if self.mode not in MODES:
            raise ValueError(f"mode must be of {', '.join(MODES)}, got {self.mode!r}")
        if self.seed < 0 or not self.noise >= 0.0:
            raise ValueError(
                f"seed and noise must not be negative, got {self.seed} and {self.noise}"
            )

    @property
    def episodes(self) -> int:
        """Of training: as many as were published, but half of them suffice ours without noise."""
        return 1000 if self.mode == "ours" and not self.noise else 2000

    @property
    def settings(self) -> ChoreographerConfig | SeedModeConfig:
        """Of the training."""
        variant = VARIANTS[self.variant]
        if self.mode == "ours":
            return ChoreographerConfig(
                listens_to=variant.listens_to,
                tuned=variant.tuned,
                hidden=ChoreographerConfig.hidden * (2 if variant.wide else 1),
                iterations=self.episodes // BATCH,
                first_evaluation=100 // BATCH,
                evaluate_every=100 // BATCH,
                good_enough=1.1,  # goes on to the end
                ppo=PPOConfig(minibatches=2),
            )
        return SeedModeConfig(
            listens_to=variant.listens_to,
            tuned=variant.tuned,
            hidden=SeedModeConfig.hidden * (2 if variant.wide else 1),
            episodes=self.episodes,
        )

    @property
    def key(self) -> str:
        """Names the cell's result among others, with a digest of everything it depends on."""
        numbers = [BATCH, FINAL, DISTURBED, FAULTY, ON_THE_WAY, FRESH, HORIZON]
        faults = {name: asdict(fault) for name, fault in FAULTS.items()}
        digest = digest_of(
            [VERSION, asdict(self), asdict(self.settings), numbers, faults],
            shared_settings(self.noise, self.arm),
        )
        return f"{self.mode}-{self.variant}-noise{self.noise:g}-seed{self.seed}-{digest}"


class _Curve(Stage):
    """Keeps the greedy success met on the way."""

    def __init__(self) -> None:
        self.points: list[tuple[int, dict[str, float]]] = []

    def log(self, step: int, values: dict[str, float], unit: str = "episodes") -> None:
        if "success" in values:
            self.points.append((step, values))


def run_cell(cell: Cell, shared_folder: Path) -> dict[str, Any]:
    """Train and score one choreographer.

    Returns:
        What JSON can hold: the cell, its learning curve, its scores, and what it cost.
    """
    torch.set_num_threads(1)
    started, spent = time.perf_counter(), time.process_time()
    arm = ArmDescription.load(cell.arm)
    shared, variant = Shared(shared_folder, cell.noise, arm), VARIANTS[cell.variant]
    behaviours, digest = shared.behaviours()
    encoder = shared.encoder(variant.encoder, cell.seed) if variant.encoder else None
    train = _train_ours if cell.mode == "ours" else _train_seed_mode
    net, curve, horizon = train(cell, shared.config, arm, behaviours, encoder)
    score = _Score(cell, shared.config, arm, behaviours, net)
    success, told = score.run(FINAL)
    result: dict[str, Any] = {
        "cell": asdict(cell),
        "behaviours": digest,
        "curve": [[step, round(values["success"], 4)] for step, values in curve],
        "env_steps_an_episode": horizon,  # of training
        "success": success,
        "recovered": score.run(DISTURBED, disturbed=True)[0],
        **told,
        "parameters": sum(p.numel() for p in net.parameters() if p.requires_grad),
    }
    if cell.mode == "seed_mode":
        names = [f"{phase}_value" for phase in PHASES]
        result["value_curve"] = [
            [step, *(round(values[name], 4) for name in names)] for step, values in curve
        ]
    if cell.mode == "ours" and cell.noise:
        result["faults"] = {name: score.run(FAULTY, faults=f)[0] for name, f in FAULTS.items()}
    result["seconds"] = round(time.perf_counter() - started, 1)
    result["cpu_seconds"] = round(time.process_time() - spent, 1)
    return result


_Trained = tuple[Choreographer, list[tuple[int, dict[str, float]]], int]
"""A choreographer, its curve, and the policy steps of a training episode."""


def _train_ours(
    cell: Cell,
    config: BBRLConfig,
    arm: ArmDescription,
    behaviours: BehaviourNet,
    encoder: InternalStateModel | None,
) -> _Trained:
    disturbed = PerturbationConfig(probability=config.perturbed, latest=30)
    env = make_env(config, arm, BATCH, perturbation=disturbed)
    evaluation = make_env(config, arm, ON_THE_WAY, horizon=HORIZON)
    curve = _Curve()
    settings = cell.settings
    assert isinstance(settings, ChoreographerConfig)
    net, _ = train_choreographer(
        env, evaluation, behaviours, settings, cell.seed, curve, internal_states=encoder
    )
    env.close()
    evaluation.close()
    return net, curve.points, env.horizon


def _train_seed_mode(
    cell: Cell,
    config: BBRLConfig,
    arm: ArmDescription,
    behaviours: BehaviourNet,
    encoder: InternalStateModel | None,
) -> _Trained:
    env = make_env(config, arm, BATCH, horizon=HORIZON)
    evaluation = make_env(config, arm, ON_THE_WAY, horizon=HORIZON)
    curve = _Curve()
    settings = cell.settings
    assert isinstance(settings, SeedModeConfig)
    net = train_seed_mode(
        env, evaluation, behaviours, settings, cell.seed, curve, internal_states=encoder
    )
    env.close()
    evaluation.close()
    return net, curve.points, env.horizon


class _Score:
    """Fresh episodes for a finished choreographer."""

    def __init__(
        self,
        cell: Cell,
        config: BBRLConfig,
        arm: ArmDescription,
        behaviours: BehaviourNet,
        net: Choreographer,
    ) -> None:
        self._cell, self._config, self._arm = cell, config, arm
        self._behaviours, self._net = behaviours, net

    def run(
        self, episodes: int, disturbed: bool = False, faults: SensorFaultConfig | None = None
    ) -> tuple[float, dict[str, Any]]:
        """Share of episodes that succeed, and what was chosen and foreseen on the way."""
        config = replace(self._config, faults=faults) if faults is not None else self._config
        disturbance = PerturbationConfig(probability=float(disturbed))
        horizon = HORIZON * (2 if disturbed else 1)
        env = make_env(config, self._arm, episodes, horizon=horizon, perturbation=disturbance)
        env.reset(seed=FRESH + self._cell.seed)
        if self._cell.mode == "ours":
            noise = torch.Generator().manual_seed(self._cell.seed)
            decisions = ChoreographerConfig().decisions
            found, success = rollout.roll_out(
                env, self._behaviours, self._net, decisions, 1.0, None, noise
            )
            values, choices = found.values, found.choices
            seconds = decisions.period * POLICY_PERIOD
        else:
            settings = SeedModeConfig().phases
            drawn = noise_of(self._net, FRESH + self._cell.seed, 0, episodes)
            decided = phases.roll_out(env, self._behaviours, self._net, settings, noise=drawn)
            values, choices = decided.values, decided.choices
            success, seconds = float(decided.success.mean()), 0.0
        env.close()
        return success, {
            "values": _short(values.mean(dim=1)),
            "choices": [_short(row) for row in _shares(choices, len(self._behaviours.names))],
            "decision_seconds": seconds,  # between two; 0: one a phase
        }


def _shares(choices: Tensor, behaviours: int) -> Tensor:
    """(decisions, behaviours) share of the episodes that chose each."""
    return torch.nn.functional.one_hot(choices, behaviours).float().mean(dim=1)


def _short(values: Tensor) -> list[float]:
    return [round(float(value), 4) for value in np.asarray(values)]
