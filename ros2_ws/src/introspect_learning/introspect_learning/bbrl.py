"""The whole policy from nothing: behaviours first, then the choreographer among them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch

from introspect_control.atomic import write_folder
from introspect_description import ArmDescription
from introspect_learning.behaviours.imitation import ImitationConfig, imitate
from introspect_learning.behaviours.networks import LAYERS, BehaviourNet
from introspect_learning.behaviours.reinforcement import ReinforcementConfig, reinforce
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.behaviours.under_rule import Demonstrator, UnderRule, rule_success
from introspect_learning.choreographer.listening import INTERNAL
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.choreographer.rollout import greedy_success
from introspect_learning.choreographer.training import ChoreographerConfig, train_choreographer
from introspect_learning.internal_states.model import InternalStateModel
from introspect_learning.models.contract import Contract, ContractError
from introspect_learning.models.export import export_behaviours, export_choreographer
from introspect_learning.models.loading import load_behaviours, load_internal_states
from introspect_learning.models.policy import policy_part
from introspect_learning.rl.environment import Progress, silent
from introspect_learning.runs.run_folder import RunFolder
from introspect_sim.envs import (
    FaultySensors,
    PerturbationConfig,
    PickAndPlaceVectorEnv,
    SensorFaultConfig,
)

PARTS = ("behaviours", "choreographer")
FRESH = 500_000  # added to the seed of the episodes that a finished policy is scored on


@dataclass(frozen=True)
class BBRLConfig:
    """Numbers of behaviour-based learning of pick and place."""

    seed: int = 0
    teacher: Literal["script", "none"] = "script"  # none: behaviours by reinforcement alone
    arm: str = "panda"
    world: str = "mujoco"
    threads: int = 2  # that step the worlds
    timestep: float = 0.005  # of the physics while learning [s]; evaluation runs at 0.002
    reinforcement_envs: int = 128  # episodes a batch of reinforcement
    imitation_envs: int = 96  # episodes a round of imitation
    choreographer_envs: int = 128  # episodes a batch
    imitation_horizon: int = 75  # policy steps of an episode of imitation
    horizon: int = 90  # policy steps of an episode while the choreographer learns
    faults: SensorFaultConfig = field(default_factory=SensorFaultConfig)  # to learn with
    perturbed: float = 0.5  # share of the choreographer's episodes with a disturbance
    reinforcement: ReinforcementConfig = field(default_factory=ReinforcementConfig)
    imitation: ImitationConfig = field(default_factory=ImitationConfig)
    choreographer: ChoreographerConfig = field(default_factory=ChoreographerConfig)

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        for name in ("threads", "reinforcement_envs", "imitation_envs", "choreographer_envs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("imitation_horizon", "horizon"):
            if getattr(self, name) < self.choreographer.decisions.period:
                raise ValueError(
                    f"{name} must be at least a decision's period, "
                    f"{self.choreographer.decisions.period}, got {getattr(self, name)}"
                )
        if not 0.0 <= self.perturbed <= 1.0:
            raise ValueError(f"perturbed must be in [0, 1], got {self.perturbed}")


@dataclass(frozen=True)
class Trained:
    """What a training came to."""

    policy: Path  # folder of the policy
    successes: int  # of the finished policy, among fresh episodes of the training's own world
    episodes: int  # fresh ones
    finished: bool  # False if the time allowed was over before


def train_bbrl(
    config: BBRLConfig,
    out: Path,
    *,
    resume: bool = False,
    parts: Sequence[str] = PARTS,
    behaviours: Path | None = None,
    seconds: float = 0.0,
    progress: Progress = silent,
) -> Trained:
    """Learn behaviours, a choreographer among them, or both.

    Args:
        config: numbers of both.
        out: the run's folder.
        resume: go on with the run that is there.
        parts: what to learn, of ``PARTS``.
        behaviours: policy folder whose behaviours a choreographer alone is learned for.
        seconds: end the choreographer's learning after about this long, counted from the start of
            all; 0: take the time it takes. Behaviours always take the time they take.
        progress: hears how it goes.

    Returns:
        The policy folder, ``out/model``, and how well it does: driven by its choreographer, or by
        the script's rule where behaviours alone are learned.

    Raises:
        RunError: ``out`` holds another run.
        CheckpointError: Nothing of what ``out`` holds can be gone on from.
        ContractError: ``behaviours`` holds no behaviours for this arm.
        ValueError: A choreographer alone without behaviours, or behaviours given to be learned.
    """
    if ("behaviours" in parts) == (behaviours is not None):
        raise ValueError(
            "a choreographer alone needs --behaviours, a policy folder with behaviours to choose "
            "from; whoever learns behaviours must not give it"
        )
    started = time.perf_counter()
    torch.set_num_threads(1)
    arm = ArmDescription.load(config.arm)
    training = {"seed": config.seed, "task": "pick_and_place"}
    given = load_behaviours(behaviours, arm) if behaviours is not None else None
    model, heard = _internal_states(config, behaviours, given[1] if given else None)
    what = {"parts": list(parts), "behaviours": given[1].hash if given else ""}
    what |= {"internal_states": heard} if model else {}
    with RunFolder(out, config, resume, what) as folder:
        home = folder.model / "behaviours"
        if behaviours is not None and given is not None:
            net, contract = given
            write_folder(home, lambda aside: _copy(behaviours / "behaviours", aside))
        else:
            net = _behaviours(config, arm, folder, progress)
            contract = export_behaviours(net, home, arm, training)
        choreographer, finished = None, True
        if "choreographer" in parts:
            # 0 would mean as long as it takes: a budget that is spent leaves one iteration.
            spent = time.perf_counter() - started
            left = max(seconds - spent, 1e-3) if seconds > 0.0 else 0.0
            choreographer, finished = _choreographer(
                config, arm, net, folder, left, progress, model
            )
            if behaviours is not None and (behaviours / "internal_states").is_dir():
                source = behaviours / "internal_states"
                write_folder(folder.model / source.name, lambda aside: _copy(source, aside))
            export_choreographer(
                choreographer,
                folder.model / "choreographer",
                arm,
                contract,
                config.choreographer.decisions.period,
                training,
            )
        return _score(config, arm, net, choreographer, folder.model, finished)


def make_env(
    config: BBRLConfig, arm: ArmDescription, n: int, **changes: object
) -> PickAndPlaceVectorEnv | FaultySensors:
    """Episodes to learn on."""
    arguments: dict[str, object] = {
        "arm": arm,
        "threads": config.threads,
        "timestep": config.timestep,
        "horizon": config.horizon,
    }
    env = PickAndPlaceVectorEnv(n, config.world, **(arguments | changes))  # type: ignore[arg-type]
    return FaultySensors(env, config.faults) if config.faults.any else env


def _behaviours(
    config: BBRLConfig, arm: ArmDescription, folder: RunFolder, progress: Progress
) -> BehaviourNet:
    teacher = _teacher(config, arm, folder, progress)
    env = make_env(config, arm, config.imitation_envs, horizon=config.imitation_horizon)
    stage = folder.stage("behaviours")
    try:
        return imitate(env, config.imitation, config.seed, stage, progress, teacher)
    finally:
        env.close()


def _teacher(
    config: BBRLConfig, arm: ArmDescription, folder: RunFolder, progress: Progress
) -> Demonstrator:
    if config.teacher == "script":
        return Teacher()
    env = make_env(config, arm, config.reinforcement_envs, horizon=config.imitation_horizon)
    stage = folder.stage("reinforcement")
    try:
        return reinforce(env, config.reinforcement, config.seed, stage, progress)
    finally:
        env.close()


def _choreographer(
    config: BBRLConfig,
    arm: ArmDescription,
    behaviours: BehaviourNet,
    folder: RunFolder,
    seconds: float,
    progress: Progress,
    internal_states: InternalStateModel | None,
) -> tuple[Choreographer, bool]:
    disturbed = PerturbationConfig(probability=config.perturbed, latest=30)
    env = make_env(config, arm, config.choreographer_envs, perturbation=disturbed)
    evaluation = make_env(config, arm, config.choreographer_envs, horizon=100)
    try:
        return train_choreographer(
            env,
            evaluation,
            behaviours,
            config.choreographer,
            config.seed,
            stage=folder.stage("choreographer"),
            seconds=seconds,
            progress=progress,
            internal_states=internal_states,
        )
    finally:
        env.close()
        evaluation.close()


def _internal_states(
    config: BBRLConfig, policy: Path | None, behaviours: Contract | None
) -> tuple[InternalStateModel | None, str]:
    """The internal states that the choreographer is to listen to, if it is to, and their hash."""
    if config.choreographer.listens_to == "phase":
        raise ContractError(
            "a choreographer that listens to the true phase cannot be deployed; "
            "`introspect reproduce internal-states` compares with one"
        )
    if config.choreographer.listens_to not in INTERNAL:
        return None, ""
    if policy is None or behaviours is None:
        raise ContractError(
            f"listens_to {config.choreographer.listens_to!r} needs behaviours with internal "
            "states: `introspect train internal-states`, then `introspect train choreographer "
            "--behaviours DIR`"
        )
    folder = policy_part(policy, "internal_states")
    contract = Contract.read(folder, "internal_states")
    layers = tuple(contract.layers)
    if layers != LAYERS:
        raise ContractError(
            f"a choreographer hears the layers {', '.join(LAYERS)}, but {folder} was trained on "
            f"{', '.join(layers)}"
        )
    return load_internal_states(folder, behaviours.hash).model, contract.hash


def _score(
    config: BBRLConfig,
    arm: ArmDescription,
    behaviours: BehaviourNet,
    choreographer: Choreographer | None,
    policy: Path,
    finished: bool,
) -> Trained:
    env = make_env(config, arm, config.choreographer_envs, horizon=100)
    seed = FRESH + config.seed
    try:
        if choreographer is None:
            success = rule_success(env, UnderRule(behaviours, Teacher()), seed)
        else:
            decisions = config.choreographer.decisions
            success = greedy_success(env, behaviours, choreographer, decisions, seed)
    finally:
        env.close()
    return Trained(policy, round(success * env.num_envs), env.num_envs, finished)


def _copy(source: Path, target: Path) -> None:
    for file in source.iterdir():
        shutil.copy2(file, target / file.name)
