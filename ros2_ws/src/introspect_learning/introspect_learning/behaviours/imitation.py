"""Behaviours learned from a teacher, by DAgger over batches of episodes.

The learner drives, the teacher says what it would have done in every state met, for every
behaviour that is due there; the data of all rounds are kept and fitted together.

Source: Ross, Gordon and Bagnell 2011, "A Reduction of Imitation Learning and Structured Prediction
to No-Regret Online Learning" (algorithm 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.behaviours.under_rule import Demonstrator, UnderRule, rule_success
from introspect_learning.rl.environment import Episodes, Progress, silent
from introspect_learning.runs.checkpoint import module_tensors, restore_module
from introspect_learning.runs.stage import Stage
from introspect_sim.tasks import ACTION_SIZE


@dataclass(frozen=True)
class ImitationConfig:
    """Numbers of imitation learning."""

    rounds: tuple[float, ...] = (1.0, 0.3, 0.0)  # share of steps that the teacher drives, a round
    updates: tuple[int, ...] = (400, 400, 1600)  # optimiser steps after each round
    batch: int = 256  # states in an update
    learning_rate: float = 2e-3  # at the start of each round; falls to zero along a cosine
    noise: float = 0.2  # standard deviation of what is added to some actions while collecting
    noise_share: float = 0.3  # of the steps
    mixed_share: float = 0.15  # of the steps where a behaviour other than the due one drives

    def __post_init__(self) -> None:
        """Refuse numbers that do not fit together."""
        if len(self.rounds) != len(self.updates) or not self.rounds:
            raise ValueError(
                f"rounds and updates must have one entry a round, got {self.rounds}, {self.updates}"
            )
        if not all(0.0 <= share <= 1.0 for share in (*self.rounds, self.noise_share)):
            raise ValueError(f"shares must be in [0, 1], got {self.rounds}, {self.noise_share}")


@dataclass
class Demonstrations:
    """States met so far, with what each behaviour's teacher does in them."""

    observations: Tensor  # (N, OBSERVATION.size)
    actions: Tensor  # (N, behaviours, ACTION_SIZE)
    due: Tensor  # (N, behaviours) weight of each behaviour's error in each state

    def append(self, other: Demonstrations) -> Demonstrations:
        """All of both."""
        return Demonstrations(
            torch.cat([self.observations, other.observations]),
            torch.cat([self.actions, other.actions]),
            torch.cat([self.due, other.due]),
        )


def imitate(
    env: Episodes,
    config: ImitationConfig,
    seed: int,
    stage: Stage | None = None,
    progress: Progress = silent,
    teacher: Demonstrator | None = None,
) -> BehaviourNet:
    """Learn the behaviours.

    Args:
        env: many episodes side by side.
        config: numbers of the method.
        seed: of weights, episodes, exploration and batches.
        stage: takes metrics and a checkpoint after each round, and is gone on from.
        progress: hears of each round.
        teacher: whom to learn from; default the script.

    Returns:
        The behaviours of the round after which they succeeded most often under the teacher's rule.
    """
    teacher = teacher or Teacher()
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = BehaviourNet(ACTION_SIZE)
    best, best_success = BehaviourNet(ACTION_SIZE), -1.0
    data: Demonstrations | None = None
    first = 0
    stage = stage or Stage()
    if (saved := stage.load()) is not None:
        tensors, state = saved
        restore_module(net, tensors, "net")
        restore_module(best, tensors, "best")
        best_success = state["best_success"]
        data = Demonstrations(tensors["observations"], tensors["actions"], tensors["due"])
        generator.set_state(tensors["generator"])
        first = int(state["round"]) + 1
    for k in range(first, len(config.rounds)):
        rng = np.random.default_rng([seed, k])
        env.reset(seed=seed, options={"first_episode": k})
        met, train_success = collect(env, net, teacher, config, config.rounds[k], rng)
        data = met if data is None else data.append(met)
        loss = fit(net, data, config, config.updates[k], generator)
        success = rule_success(env, UnderRule(net, teacher), seed)
        if success >= best_success:
            best.load_state_dict(net.state_dict())
            best_success = success
        episodes = (k + 1) * env.num_envs
        stage.log(episodes, {"train_success": train_success, "success": success, "loss": loss})
        progress(
            "behaviours",
            (k + 1) / len(config.rounds),
            f"round {k + 1}, success {success:.3f}",
        )
        tensors = module_tensors(net, "net") | module_tensors(best, "best")
        tensors |= {
            "observations": data.observations,
            "actions": data.actions,
            "due": data.due,
            "generator": generator.get_state(),
        }
        stage.save(episodes, tensors, {"round": k, "best_success": best_success})
    return best


def collect(
    env: Episodes,
    net: BehaviourNet,
    teacher: Demonstrator,
    config: ImitationConfig,
    teacher_share: float,
    rng: np.random.Generator,
) -> tuple[Demonstrations, float]:
    """Drive the started episodes to their end and write down what the teacher would do.

    Returns:
        The states met with the teacher's actions, and the share of successes.
    """
    observation = env.observe()
    info: dict[str, NDArray[np.bool_]] = {}
    observations, actions, due = [], [], []
    rows = np.arange(env.num_envs)
    stray = np.full(env.num_envs, -1)  # behaviour that drives out of turn; -1: none
    for step in range(env.horizon):
        truth = env.truth()  # a learner whose sensors have faults is taught what is right
        taught = teacher.actions(truth)
        reference = teacher.reference(truth)
        observations.append(observation)
        actions.append(taught)
        weight = np.full((env.num_envs, taught.shape[1]), 0.15, dtype=np.float32)
        weight[rows, reference] = 1.0
        due.append(weight)
        if step % 5 == 0:
            astray = rng.random(env.num_envs) < config.mixed_share
            stray = np.where(astray, rng.integers(taught.shape[1], size=env.num_envs), -1)
        driving = np.where(stray >= 0, stray, reference)
        action = taught[rows, driving]
        if teacher_share < 1.0:
            learned = UnderRule(net, teacher).actions(observation)[rows, driving]
            teach = rng.random((env.num_envs, 1)) < teacher_share
            action = np.where(teach, action, learned)
        noise = rng.normal(0.0, config.noise, action.shape)
        noise *= rng.random((env.num_envs, 1)) < config.noise_share
        noise[:, -1] = 0.0  # the gripper stays decided
        observation, _, _, _, info = env.step((action + noise).astype(np.float32))
    data = Demonstrations(
        torch.from_numpy(np.concatenate(observations)),
        torch.from_numpy(np.concatenate(actions)),
        torch.from_numpy(np.concatenate(due)),
    )
    return data, float(np.mean(info["success"]))


def fit(
    net: BehaviourNet,
    data: Demonstrations,
    config: ImitationConfig,
    updates: int,
    generator: torch.Generator,
) -> float:
    """Fit all behaviours to all data; returns the mean loss of the last tenth."""
    optimiser = torch.optim.Adam(net.parameters(), config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, updates)
    tail: list[float] = []
    for update in range(updates):
        index = torch.randint(len(data.observations), (config.batch,), generator=generator)
        _, _, predicted = net(data.observations[index])
        error = (predicted - data.actions[index]).square().mean(dim=-1)
        loss = (error * data.due[index]).sum() / data.due[index].sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if update >= 0.9 * updates:
            tail.append(float(loss.detach()))
    return float(np.mean(tail))
