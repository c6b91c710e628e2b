"""Behaviours learned by reinforcement: each is told its subgoal, none is shown how.

One actor-critic a behaviour, trained by PPO on the same episodes. A rule that tests subgoals says
which behaviour is due; it drives, and is rewarded for how nearly its own subgoal is met. So grasp
begins to learn where approach ends as soon as approach gets there, and retract where grasp ends.
What comes out takes the place of the scripted teacher of the shared network (``imitate``).

Source: Pore and Aragon-Camarasa 2020 (behaviours and subgoal tests; there cloned from a script).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from introspect_learning.behaviours.inputs import INPUT_INDEX, INPUT_SCALE
from introspect_learning.behaviours.networks import BEHAVIOURS
from introspect_learning.behaviours.subgoals import Observations, PhaseRule, SubgoalConfig, Subgoals
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.behaviours.turns import Means, TurnConfig, Turns, drive
from introspect_learning.behaviours.under_rule import rule_success
from introspect_learning.rl import reactive_ppo
from introspect_learning.rl.actor_critic import ActorCritic
from introspect_learning.rl.environment import Episodes, Progress, silent
from introspect_learning.runs.checkpoint import (
    module_tensors,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
)
from introspect_learning.runs.stage import Stage
from introspect_sim.tasks import ACTION_SIZE


@dataclass(frozen=True)
class ReinforcementConfig:
    """Numbers of behaviours learned by reinforcement."""

    iterations: int = 100  # batches of episodes at most
    least_iterations: int = 20  # before stopping for being good enough
    evaluate_every: int = 4  # iterations
    good_enough: float = 0.99  # stop at this success, on two sets of episodes
    steps: int = 20  # policy steps between updates
    hidden: int = 64  # units in each layer of actors and critics
    spread: float = 0.35  # standard deviation of the motions before learning
    turns: TurnConfig = field(default_factory=TurnConfig)
    subgoals: SubgoalConfig = field(default_factory=SubgoalConfig)
    ppo: reactive_ppo.ReactivePPOConfig = field(default_factory=reactive_ppo.ReactivePPOConfig)

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        for name in ("iterations", "evaluate_every", "steps", "hidden"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


class Reinforced:
    """Behaviours learned by reinforcement, as a teacher.

    Args:
        policies: one a behaviour.
        rule: says which is due.
    """

    def __init__(self, policies: Sequence[ActorCritic], rule: PhaseRule) -> None:
        self.policies = tuple(policies)
        self.rule = rule

    @torch.no_grad()
    def actions(self, observation: Observations) -> NDArray[np.float32]:
        """What every behaviour does, (n, behaviours, ACTION_SIZE)."""
        seen = torch.from_numpy(observation)
        actions: NDArray[np.float32] = torch.stack(
            [policy.act(seen) for policy in self.policies], dim=1
        ).numpy()
        return actions

    def reference(self, observation: Observations) -> NDArray[np.int64]:
        """Index (n,) of the behaviour to use now."""
        return self.rule.reference(observation)


def reinforce(
    env: Episodes,
    config: ReinforcementConfig,
    seed: int,
    stage: Stage | None = None,
    progress: Progress = silent,
    rule: PhaseRule | None = None,
) -> Reinforced:
    """Learn the behaviours from their subgoals alone.

    Args:
        env: many episodes side by side.
        config: numbers of the method.
        seed: of weights, episodes, exploration and batches.
        stage: takes metrics and checkpoints, and is gone on from.
        progress: hears of each batch of episodes.
        rule: says which behaviour is due; its actions, if it has any, are never asked for.

    Returns:
        The behaviours with the best success met, the rule driving them.
    """
    rule = rule or Teacher()
    run = _Run(config, seed, rule)
    stage = stage or Stage()
    run.restore(stage)
    while not run.finished:
        env.reset(seed=seed, options={"first_episode": run.iteration})
        metrics = run.learn(env)
        if run.due_for_evaluation:
            metrics["success"] = run.evaluate(env)
        episodes = run.iteration * env.num_envs
        stage.log(episodes, metrics)
        if run.due_for_evaluation:
            run.save(stage, episodes)
        progress(
            "reinforcement",
            1.0 if run.finished else run.iteration / config.iterations,
            f"{episodes:>5} episodes, best {max(run.best_success, 0.0):.3f}",
        )
    return Reinforced(run.best, rule)


class _Run:
    """What training has come to: all that a checkpoint holds."""

    def __init__(self, config: ReinforcementConfig, seed: int, rule: PhaseRule) -> None:
        self.config = config
        self.seed = seed
        self.rule = rule
        self.subgoals = Subgoals(config.subgoals, rule)
        self.generator = torch.Generator().manual_seed(seed)  # of batches
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.policies = [self._policy() for _ in BEHAVIOURS]
        self.best = [self._policy() for _ in BEHAVIOURS]
        self.optimisers = [
            torch.optim.Adam(policy.parameters(), config.ppo.learning_rate)
            for policy in self.policies
        ]
        self.best_success = -1.0
        self.iteration = 0  # batches of episodes learned from
        self.finished = False

    @property
    def due_for_evaluation(self) -> bool:
        done = self.iteration
        return done % self.config.evaluate_every == 0 or done >= self.config.iterations

    def learn(self, env: Episodes) -> dict[str, float]:
        """Learn from the episodes just started, to their end."""
        config = self.config
        rng = np.random.default_rng([self.seed, self.iteration])
        share = self.iteration / max(config.iterations - 1, 1)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = config.ppo.learning_rate * (1.0 - 0.9 * share)
        turns = Turns(self.rule, config.turns, env.num_envs, rng)
        means = Means()
        success = np.zeros(env.num_envs, dtype=bool)
        for first in range(0, env.horizon, config.steps):
            count = min(config.steps, env.horizon - first)
            met, success = drive(env, self.policies, self.subgoals, turns, count, means)
            for k, policy in enumerate(self.policies):
                # So that values are about 1.
                steps = met.of(k, scale=1.0 - config.ppo.discount)
                reactive_ppo.update(policy, self.optimisers[k], steps, config.ppo, self.generator)
        self.iteration += 1
        return {"train_success": float(success.mean())} | means.result()

    def evaluate(self, env: Episodes) -> float:
        """Success without exploration; keeps the best policies and says when to stop."""
        now = Reinforced(self.policies, self.rule)
        success = rule_success(env, now, self.seed)
        if success >= max(self.config.good_enough, self.best_success):
            success = min(success, rule_success(env, now, 100_000 + self.seed))
        if success >= self.best_success:
            self.best_success = success
            for best, policy in zip(self.best, self.policies, strict=True):
                best.load_state_dict(policy.state_dict())
        enough = success >= self.config.good_enough
        enough &= self.iteration >= self.config.least_iterations
        self.finished = enough or self.iteration >= self.config.iterations
        return success

    def save(self, stage: Stage, episodes: int) -> None:
        tensors = {"generator": self.generator.get_state()}
        for k, name in enumerate(BEHAVIOURS):
            tensors |= module_tensors(self.policies[k], f"policy_{name}")
            tensors |= module_tensors(self.best[k], f"best_{name}")
            tensors |= optimiser_tensors(self.optimisers[k], f"optimiser_{name}")
        state = {
            "iteration": self.iteration,
            "best_success": self.best_success,
            "finished": self.finished,
        }
        stage.save(episodes, tensors, state)

    def restore(self, stage: Stage) -> None:
        saved = stage.load()
        if saved is None:
            return
        tensors, state = saved
        self.generator.set_state(tensors["generator"])
        for k, name in enumerate(BEHAVIOURS):
            restore_module(self.policies[k], tensors, f"policy_{name}")
            restore_module(self.best[k], tensors, f"best_{name}")
            restore_optimiser(self.optimisers[k], tensors, f"optimiser_{name}")
        self.iteration, self.best_success = state["iteration"], state["best_success"]
        self.finished = state["finished"]

    def _policy(self) -> ActorCritic:
        config = self.config
        return ActorCritic(
            INPUT_INDEX,
            INPUT_SCALE,
            motions=ACTION_SIZE - 1,
            hidden=config.hidden,
            spread=config.spread,
        )
