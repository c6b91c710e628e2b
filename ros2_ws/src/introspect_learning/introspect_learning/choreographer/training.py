"""The choreographer learns which behaviour to run, by PPO with sampled choices and entropy.

It decides anew every few policy steps, whatever came before: it can go back, try again, recover.
Rewards: being at the goal, plus how much nearer a decision brought tool to object and object to
goal. That is the change of a potential without its discount, so it may shift a little which policy
is best, unlike the shaping of Ng, Harada and Russell 1999.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from introspect_learning.behaviours.networks import FEATURE_SIZE, BehaviourNet
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.rl import ppo
from introspect_learning.rl.environment import Episodes, Progress, silent
from introspect_learning.runs.checkpoint import (
    Checkpoints,
    module_tensors,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
)
from introspect_learning.runs.run_folder import RunFolder
from introspect_sim.tasks import OBSERVATION


@dataclass(frozen=True)
class ChoreographerConfig:
    """Numbers of the choreographer and its training."""

    period: int = 5  # policy steps between decisions
    hidden: int = 64  # size of the LSTM's state
    iterations: int = 60  # batches of episodes at most
    first_evaluation: int = 8  # after this many iterations
    evaluate_every: int = 2  # iterations from then on
    good_enough: float = 0.99  # stop at this greedy success, on two sets of episodes
    object_goal_weight: float = 3.0  # of the potential [1/m]
    tool_object_weight: float = 2.0  # of the potential [1/m]
    ppo: ppo.PPOConfig = field(default_factory=ppo.PPOConfig)

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        for name in ("period", "hidden", "iterations", "first_evaluation", "evaluate_every"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


class _Policy:
    """The network as PPO sees it: from the start of episodes, over all their decisions."""

    def __init__(self, net: Choreographer) -> None:
        self._net = net

    def evaluate(self, inputs: Tensor, choices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, values, _ = self._net(inputs, self._net.start(inputs.shape[1]))
        logs = torch.log_softmax(logits, dim=-1)
        taken = logs.gather(-1, choices[..., None])[..., 0]
        return taken, -(logs.exp() * logs).sum(dim=-1), values


def train_choreographer(
    env: Episodes,
    evaluation_env: Episodes,
    behaviours: BehaviourNet,
    config: ChoreographerConfig,
    seed: int,
    folder: RunFolder | None = None,
    seconds: float = 0.0,
    progress: Progress = silent,
) -> Choreographer:
    """Learn to choose among given behaviours.

    Args:
        env: many episodes side by side, to learn on.
        evaluation_env: as many again, on seeds that learning never sees.
        behaviours: to choose from; they stay as they are.
        config: numbers of the method.
        seed: of weights, episodes, sampling and batches.
        folder: takes metrics and checkpoints, and is gone on from.
        seconds: stop after this long, 0: never.
        progress: hears of each iteration.

    Returns:
        The choreographer with the best greedy success met.
    """
    started = time.perf_counter()
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Choreographer(FEATURE_SIZE, len(behaviours.names), config.hidden)
    parameters = list(net.parameters())
    optimiser = torch.optim.Adam(parameters, config.ppo.learning_rate)
    best = _Best(net)
    first, finished = 0, False
    checkpoints = Checkpoints(folder.path / "checkpoint" / "choreographer") if folder else None
    if checkpoints is not None and (saved := checkpoints.load()) is not None:
        tensors, state = saved
        restore_module(net, tensors, "net")
        restore_module(best.net, tensors, "best")
        restore_optimiser(optimiser, tensors, "optimiser")
        generator.set_state(tensors["generator"])
        best.success, first, finished = state["best"], state["iteration"] + 1, state["finished"]
    for iteration in range(first, config.iterations):
        if finished:
            break
        share = _share_done(iteration, config.iterations, started, seconds)
        for group in optimiser.param_groups:
            group["lr"] = config.ppo.learning_rate * (1.0 - 0.9 * share)
        env.reset(seed=seed, options={"first_episode": 1000 + iteration})
        rollout, success = roll_out(env, behaviours, net, config, generator)
        entropy = config.ppo.entropy_start + share * (
            config.ppo.entropy_end - config.ppo.entropy_start
        )
        losses = ppo.update(
            _Policy(net), parameters, optimiser, rollout, config.ppo, entropy, generator
        )
        metrics = {"train_success": success, **losses}
        last = iteration == config.iterations - 1 or share >= 1.0
        since = iteration + 1 - config.first_evaluation
        if last or (since >= 0 and since % config.evaluate_every == 0):
            greedy = greedy_success(evaluation_env, behaviours, net, config, seed + 1)
            metrics["success"] = greedy
            if greedy >= config.good_enough:
                again = greedy_success(evaluation_env, behaviours, net, config, seed + 2)
                greedy = min(greedy, again)
            finished = greedy >= config.good_enough
            best.offer(net, greedy)
        episodes = (iteration + 1) * env.num_envs
        if folder is not None:
            folder.log(episodes, metrics)
        if checkpoints is not None and (finished or last or iteration % 5 == 4):
            tensors = module_tensors(net, "net") | module_tensors(best.net, "best")
            tensors |= optimiser_tensors(optimiser, "optimiser")
            tensors["generator"] = generator.get_state()
            state = {"iteration": iteration, "best": best.success, "finished": finished or last}
            checkpoints.save(iteration, tensors, state)
        progress(
            "choreographer",
            1.0 if finished else min(1.0, max(share, (iteration + 1) / config.iterations)),
            f"{episodes} episodes, success {success:.3f} while learning, best {best.success:.3f}",
        )
        if last:
            break
    return best.net


class _Best:
    """Keeps the weights that succeeded most often."""

    def __init__(self, net: Choreographer) -> None:
        self.net = Choreographer(net.encoder.in_features, net.actor.out_features, net.hidden)
        self.net.load_state_dict(net.state_dict())
        self.success = 0.0

    def offer(self, net: Choreographer, success: float) -> None:
        if success >= self.success:
            self.net.load_state_dict(net.state_dict())
            self.success = success


def _share_done(iteration: int, iterations: int, started: float, seconds: float) -> float:
    by_count = iteration / max(iterations - 1, 1)
    if seconds <= 0.0:
        return by_count
    return min(1.0, max(by_count, (time.perf_counter() - started) / seconds))


@torch.no_grad()
def roll_out(
    env: Episodes,
    behaviours: BehaviourNet,
    net: Choreographer,
    config: ChoreographerConfig,
    generator: torch.Generator | None,
) -> tuple[ppo.Rollout, float]:
    """Run the started episodes to their end.

    Args:
        env: just reset.
        behaviours: that act.
        net: that chooses.
        config: period and potential.
        generator: of sampled choices; None takes the most probable.

    Returns:
        The episodes by decision, and the share that ended at the goal.
    """
    observation = env.observe()
    rows = np.arange(env.num_envs)
    state = net.start(env.num_envs)
    columns: list[list[Tensor]] = [[], [], [], [], []]
    success: NDArray[np.bool_] = np.zeros(env.num_envs, dtype=bool)
    for _ in range(env.horizon // config.period):
        _, features, actions = behaviours(torch.from_numpy(observation))
        logits, value, state = net(features[None], state)
        if generator is None:
            choice = logits[0].argmax(dim=-1)
        else:
            choice = torch.multinomial(logits[0].softmax(-1), 1, generator=generator)[:, 0]
        log_probability = torch.log_softmax(logits[0], -1).gather(-1, choice[:, None])[:, 0]
        before = _potential(observation, config)
        reached = np.zeros(env.num_envs)
        chosen = choice.numpy()
        for step in range(config.period):
            if step:
                actions = behaviours(torch.from_numpy(observation))[2]
            observation, _, _, _, info = env.step(actions.numpy()[rows, chosen])
            success = info["success"]
            reached += success / config.period
        reward = reached + _potential(observation, config) - before
        row = (features, choice, log_probability, value[0], torch.from_numpy(reward).float())
        for column, entry in zip(columns, row, strict=True):
            column.append(entry)
    return ppo.Rollout(*(torch.stack(column) for column in columns)), float(success.mean())


def greedy_success(
    env: Episodes,
    behaviours: BehaviourNet,
    net: Choreographer,
    config: ChoreographerConfig,
    seed: int,
) -> float:
    """Share of episodes that end at the goal when the most probable choice is always taken."""
    # Far from the seeds that training uses, and from those that `introspect eval` does.
    env.reset(seed=1_000_000 + seed)
    return roll_out(env, behaviours, net, config, None)[1]


def _potential(
    observation: NDArray[np.float32], config: ChoreographerConfig
) -> NDArray[np.float64]:
    to_goal = np.linalg.norm(observation[:, OBSERVATION.slice("goal_minus_object")], axis=1)
    to_object = np.linalg.norm(observation[:, OBSERVATION.slice("object_minus_tool")], axis=1)
    potential: NDArray[np.float64] = -(
        config.object_goal_weight * to_goal + config.tool_object_weight * to_object
    )
    return potential
