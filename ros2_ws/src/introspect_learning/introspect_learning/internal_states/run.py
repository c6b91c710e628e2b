"""A whole training of internal states: activations, model, what is read off it, model folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from introspect_control.atomic import write_folder
from introspect_description import ArmDescription
from introspect_learning.behaviours.networks import LAYERS
from introspect_learning.data.activations import ActivationDataset, joined
from introspect_learning.data.bag import activations_of, extent_of
from introspect_learning.data.collect import collect
from introspect_learning.data.drivers import Choreographed
from introspect_learning.execution import ExecutorConfig
from introspect_learning.internal_states.maps import draw_maps
from introspect_learning.internal_states.metrics import describe, means, phase_silhouette
from introspect_learning.internal_states.model import InternalStateModel
from introspect_learning.internal_states.monitor import InternalStateMonitor
from introspect_learning.internal_states.monitor_training import MonitorConfig, learn_monitor
from introspect_learning.internal_states.training import LearningConfig, learn_internal_states
from introspect_learning.models.contract import ContractError
from introspect_learning.models.export import export_internal_states
from introspect_learning.models.loading import load_behaviours, load_choreographer
from introspect_learning.rl.environment import Progress, silent
from introspect_learning.runs.run_folder import RunFolder
from introspect_sim.envs import PerturbationConfig, PickAndPlaceVectorEnv

SEED = 3_000_000  # added to the user's seed: episodes that neither training nor `eval` sees


@dataclass(frozen=True)
class InternalStatesConfig:
    """Numbers of internal states and of the activations that they are learned from."""

    seed: int = 0
    arm: str = "panda"
    world: str = "mujoco"
    threads: int = 2  # that step the worlds
    timestep: float = 0.005  # of the physics [s]
    envs: int = 128  # episodes side by side
    calm_batches: int = 6  # of undisturbed episodes: model, phases, expectations
    disturbed_batches: int = 6  # of disturbed episodes: what failure looks like
    stray: float = 0.1  # share of the choreographer's decisions that chance takes
    layers: tuple[str, ...] = LAYERS  # whose activations are used
    learning: LearningConfig = field(default_factory=LearningConfig)
    monitor: MonitorConfig = field(default_factory=MonitorConfig)

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        for name in ("threads", "envs", "calm_batches", "disturbed_batches"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.timestep > 0.0:
            raise ValueError(f"timestep must be positive, got {self.timestep}")
        if not 0.0 <= self.stray <= 1.0:
            raise ValueError(f"stray must be in [0, 1], got {self.stray}")
        if not self.layers:
            raise ValueError("layers must name at least one layer")
        if len(set(self.layers)) < len(self.layers):
            raise ValueError(f"layers must name each layer once, got {', '.join(self.layers)}")


@dataclass(frozen=True)
class TrainedStates:
    """What a training of internal states came to."""

    policy: Path  # folder of the policy, internal states included
    maps: Path | None  # picture of the internal states of held-out episodes, if one can be drawn
    figures: dict[str, float]  # on held-out episodes
    steps: int  # learned from
    episodes: int
    finished: bool  # whether training came to its end; else its budget was spent


def train_internal_states(
    config: InternalStatesConfig,
    out: Path,
    policy: Path,
    *,
    bags: Sequence[Path] = (),
    resume: bool = False,
    seconds: float = 0.0,
    progress: Progress = silent,
) -> TrainedStates:
    """Learn the internal states of a policy.

    Args:
        config: numbers of the training.
        out: the run's folder.
        policy: folder of the policy whose activations they are.
        bags: recordings of it; none: activations come straight from simulated worlds.
        resume: go on with the run that is there.
        seconds: end the model's learning after about this long, counted from the start of all; 0:
            when it is done. What is read off the states is learned in any case.
        progress: hears how it goes.

    Returns:
        The policy folder ``out/model``: the policy with its internal states; beside it
        ``out/latent_maps.png``.

    Raises:
        RunError: ``out`` holds another run.
        ContractError: The policy is none, or not for this arm.
        DataError: The bags hold nothing to learn from, or activations of another model.
    """
    started = time.perf_counter()
    torch.set_num_threads(1)  # two of them wait for each other on a busy machine
    arm = ArmDescription.load(config.arm)
    _, contract = load_behaviours(policy, arm)
    if unknown := [name for name in config.layers if name not in contract.layers]:
        raise ContractError(
            f"layers must be of {', '.join(contract.layers)}, got {', '.join(unknown)}"
        )
    recorded = [activations_of(bag, config.layers, contract) for bag in bags]
    what = {"policy": contract.hash, "bags": [f"{bag}: {extent_of(bag)}" for bag in bags]}
    if not bags:
        what["choreographer"] = load_choreographer(policy)[1].hash  # that will drive
    with RunFolder(out, config, resume, what) as folder:
        if recorded:
            data = joined(recorded)
        else:
            data = joined(
                [_collected(config, arm, policy, share, progress) for share in (0.0, 1.0)]
            )
        # 0 would mean as long as it takes: a budget that is spent leaves one epoch.
        spent = time.perf_counter() - started
        left = max(seconds - spent, 1e-3) if seconds > 0.0 else 0.0
        monitor, figures, finished = learn_all(data, config, folder, left, progress)
        sizes = dict(data.layers)
        training = {
            "seed": config.seed,
            "task": "pick_and_place",
            "steps": len(data),
            "from": "bags" if bags else config.world,
            "failed_episodes": figures["failed_episodes"],
            "finished": finished,
        }

        def fill(aside: Path) -> None:
            _copy(policy, aside)
            part = aside / "internal_states"
            export_internal_states(monitor, part, arm, contract, sizes, training)

        write_folder(folder.model, fill)
        progress("latent maps", 0.0, "")
        _, held_out = data.split(config.learning.held_out, config.seed)
        states = means(monitor.model, held_out)
        try:
            maps = draw_maps(states, held_out, config.seed, out / "latent_maps.png")
        except ValueError:  # a picture must not cost a training
            maps = None
        progress("latent maps", 1.0, "")
    return TrainedStates(folder.model, maps, figures, len(data), len(data.episodes), finished)


def learn_all(
    data: ActivationDataset,
    config: InternalStatesConfig,
    folder: RunFolder,
    seconds: float,
    progress: Progress = silent,
) -> tuple[InternalStateMonitor, dict[str, float], bool]:
    """The model from undisturbed steps, and what is read off it from all.

    The same episodes are held out from both.

    Raises:
        DataError: Too few episodes or steps, or too short ones.
    """
    seed = config.seed
    learned, held_out = data.split(config.learning.held_out, seed)
    for part, which in ((learned, "to learn from"), (held_out, "held out")):
        part.take(~part.disturbed).check_lengths(3, which)  # a step is expected after two others
    calm, stage = learned.take(~learned.disturbed), folder.stage("internal states")
    model, finished = learn_internal_states(calm, config.learning, seed, stage, progress, seconds)
    figures = figures_of(model, held_out.take(~held_out.disturbed), seed)
    monitor, found = learn_monitor(model, learned, held_out, config.monitor, seed, progress)
    return monitor, figures | found, finished


def figures_of(
    model: InternalStateModel, held_out: ActivationDataset, seed: int
) -> dict[str, float]:
    """How good the model is on episodes that it has never seen."""
    states = means(model, held_out)
    return describe(model, held_out, seed) | {
        "silhouette": phase_silhouette(states, held_out.phase, seed)
    }


def _collected(
    config: InternalStatesConfig,
    arm: ArmDescription,
    policy: Path,
    disturbed: float,
    progress: Progress,
) -> ActivationDataset:
    behaviours, contract = load_behaviours(policy, arm)
    choreographer, about = load_choreographer(policy)
    env = disturbed_env(config, arm, disturbed)
    seed = SEED + 2 * config.seed + int(disturbed > 0.0)

    def driver(batch: int) -> Choreographed:
        rng = np.random.default_rng([seed, batch])
        period = about.decision_period
        return Choreographed(behaviours, choreographer, period, config.envs, config.stray, rng)

    batches = config.disturbed_batches if disturbed else config.calm_batches
    try:
        return collect(
            env,
            behaviours,
            driver,
            batches,
            seed,
            contract.hash,
            config.layers,
            progress,
            ExecutorConfig().success_periods,
        )
    finally:
        env.close()


def disturbed_env(
    config: InternalStatesConfig, arm: ArmDescription, probability: float
) -> PickAndPlaceVectorEnv:
    """Episodes disturbed with a probability, at the latest a second before their end."""
    env = PickAndPlaceVectorEnv(
        config.envs, config.world, arm=arm, threads=config.threads, timestep=config.timestep
    )
    latest = max(env.horizon - 25, PerturbationConfig().earliest)
    env.perturbation = PerturbationConfig(probability=probability, latest=latest)
    return env


def _copy(policy: Path, target: Path) -> None:
    for part in ("behaviours", "choreographer"):
        if (policy / part).is_dir():
            shutil.copytree(policy / part, target / part)
