"""The whole policy from nothing: behaviours first, then the choreographer among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from introspect_description import ArmDescription
from introspect_learning.behaviours.imitation import ImitationConfig, imitate
from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.choreographer.training import ChoreographerConfig, train_choreographer
from introspect_learning.models.contract import Contract
from introspect_learning.models.export import export_behaviours, export_choreographer
from introspect_learning.rl.environment import Progress, silent
from introspect_learning.runs.checkpoint import Checkpoints
from introspect_learning.runs.run_folder import RunFolder
from introspect_sim.envs import PerturbationConfig, PickAndPlaceVectorEnv


@dataclass(frozen=True)
class BBRLConfig:
    """Numbers of behaviour-based learning of pick and place."""

    seed: int = 0
    arm: str = "panda"
    world: str = "mujoco"
    threads: int = 2  # that step the worlds
    timestep: float = 0.005  # of the physics while learning [s]; evaluation runs at 0.002
    imitation_envs: int = 64  # episodes a round of imitation
    choreographer_envs: int = 128  # episodes a batch
    horizon: int = 60  # policy steps of an episode while learning
    perturbed: float = 0.3  # share of the choreographer's episodes with a disturbance
    imitation: ImitationConfig = field(default_factory=ImitationConfig)
    choreographer: ChoreographerConfig = field(default_factory=ChoreographerConfig)


def train_bbrl(
    config: BBRLConfig, out: Path, resume: bool = False, progress: Progress = silent
) -> Path:
    """Learn behaviours and choreographer.

    Args:
        config: numbers of both.
        out: the run's folder.
        resume: go on with the run that is there.
        progress: hears how it goes.

    Returns:
        The policy folder, ``out/model``.

    Raises:
        RunError: ``out`` holds another run.
    """
    torch.set_num_threads(1)
    arm = ArmDescription.load(config.arm)
    with RunFolder(out, config, resume) as folder:
        behaviours = _behaviours(config, arm, folder, progress)
        training = {"seed": config.seed, "task": "pick_and_place"}
        contract = export_behaviours(behaviours, folder.model / "behaviours", arm, training)
        choreographer = _choreographer(config, arm, behaviours, folder, progress)
        save_choreographer(choreographer, folder.model, arm, contract, config, training)
        return folder.model


def save_choreographer(
    net: Choreographer,
    policy: Path,
    arm: ArmDescription,
    behaviours: Contract,
    config: BBRLConfig,
    training: dict[str, object],
) -> None:
    """Add the choreographer to a policy folder that has its behaviours."""
    period = config.choreographer.period
    export_choreographer(net, policy / "choreographer", arm, behaviours, period, training)


def make_env(config: BBRLConfig, arm: ArmDescription, n: int, **changes: object) -> PickAndPlaceVectorEnv:
    """Episodes to learn on."""
    arguments: dict[str, object] = {
        "arm": arm,
        "threads": config.threads,
        "timestep": config.timestep,
        "horizon": config.horizon,
    }
    return PickAndPlaceVectorEnv(n, config.world, **(arguments | changes))  # type: ignore[arg-type]


def _behaviours(
    config: BBRLConfig, arm: ArmDescription, folder: RunFolder, progress: Progress
) -> BehaviourNet:
    env = make_env(config, arm, config.imitation_envs)
    checkpoints = Checkpoints(folder.path / "checkpoint" / "behaviours")
    try:
        return imitate(env, config.imitation, config.seed, checkpoints, progress)
    finally:
        env.close()


def _choreographer(
    config: BBRLConfig,
    arm: ArmDescription,
    behaviours: BehaviourNet,
    folder: RunFolder,
    progress: Progress,
) -> Choreographer:
    disturbed = PerturbationConfig(probability=config.perturbed, latest=30)
    env = make_env(config, arm, config.choreographer_envs, perturbation=disturbed)
    evaluation = make_env(config, arm, config.choreographer_envs, horizon=100)
    try:
        return train_choreographer(
            env, evaluation, behaviours, config.choreographer, config.seed, folder, progress
        )
    finally:
        env.close()
        evaluation.close()
