"""The choreographer learns which behaviour to run, by PPO with sampled choices and entropy.

It decides anew every few policy steps: it can go back, try again, recover.
"""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field

import torch
from torch import Tensor

from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.choreographer.listening import Listener, check_listening
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.choreographer.rollout import DecisionConfig, greedy_success, roll_out
from introspect_learning.internal_states.model import InternalStateModel
from introspect_learning.rl import ppo
from introspect_learning.rl.environment import Episodes, Progress, silent
from introspect_learning.runs.checkpoint import (
    module_tensors,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
)
from introspect_learning.runs.stage import Stage


@dataclass(frozen=True)
class ChoreographerConfig:
    """Numbers of the choreographer and its training."""

    listens_to: str = "features"  # see ``listening``; other ways need an internal-state model
    tuned: bool = False  # whether the encoder of the internal states learns with the choreographer
    hidden: int = 64  # size of the LSTM's state
    iterations: int = 60  # batches of episodes at most
    first_evaluation: int = 8  # after this many iterations
    evaluate_every: int = 2  # iterations from then on
    save_every: int = 5  # iterations
    good_enough: float = 0.99  # stop at this greedy success, on two sets of episodes
    decisions: DecisionConfig = field(default_factory=DecisionConfig)
    ppo: ppo.PPOConfig = field(default_factory=ppo.PPOConfig)

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        check_listening(self.listens_to, self.tuned)
        for name in ("hidden", "iterations", "first_evaluation", "evaluate_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


def train_choreographer(
    env: Episodes,
    evaluation_env: Episodes,
    behaviours: BehaviourNet,
    config: ChoreographerConfig,
    seed: int,
    stage: Stage | None = None,
    seconds: float = 0.0,
    progress: Progress = silent,
    internal_states: InternalStateModel | None = None,
) -> tuple[Choreographer, bool]:
    """Learn to choose among given behaviours.

    Args:
        env: many episodes side by side, to learn on.
        evaluation_env: as many again, on seeds that learning never sees.
        behaviours: to choose from; they stay as they are.
        config: numbers of the method.
        seed: of weights, episodes, sampling and batches.
        stage: takes metrics and checkpoints, and is gone on from.
        seconds: stop after this long, 0: never; a run stopped so can be gone on with.
        progress: hears of each iteration.
        internal_states: the model whose states are listened to, for those ways that need one.

    Returns:
        The choreographer with the best greedy success met, and whether learning had come to its
        end, not only the time for it.
    """
    stage = stage or Stage()
    run = _Run(config, len(behaviours.names), seed, internal_states)
    run.restore(stage)
    started = time.perf_counter()
    while not run.finished:
        spent = (time.perf_counter() - started) / seconds if seconds > 0.0 else 0.0
        env.reset(seed=seed, options={"first_episode": 1000 + run.iteration})
        metrics = run.learn(env, behaviours, spent)
        out_of_time = spent >= 1.0
        if out_of_time or run.due_for_evaluation:
            metrics["success"] = run.evaluate(evaluation_env, behaviours)
        episodes = run.iteration * env.num_envs
        stage.log(episodes, metrics)
        if run.finished or out_of_time or run.iteration % config.save_every == 0:
            run.save(stage, episodes)
        progress(
            "choreographer",
            1.0 if run.finished else min(1.0, max(spent, run.iteration / config.iterations)),
            f"{episodes:>5} episodes, best {run.best_success:.3f}",
        )
        if out_of_time:
            break
    return run.best, run.finished


class _Run:
    """What training has come to: all that a checkpoint holds."""

    def __init__(
        self,
        config: ChoreographerConfig,
        behaviours: int,
        seed: int,
        internal_states: InternalStateModel | None,
    ) -> None:
        self.config = config
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)  # of choices and batches
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            own = copy.deepcopy(internal_states)  # a tuned encoder must not change anybody else's
            listener = Listener(config.listens_to, own, tuned=config.tuned)
            self.net = Choreographer(listener, behaviours, config.hidden)
        self.best = copy.deepcopy(self.net)
        self.best_success = 0.0
        self.learned = [weight for weight in self.net.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.Adam(self.learned, config.ppo.learning_rate)
        self.iteration = 0  # batches of episodes learned from
        self.finished = False

    @property
    def due_for_evaluation(self) -> bool:
        since = self.iteration - self.config.first_evaluation
        last = self.iteration >= self.config.iterations
        return last or (since >= 0 and since % self.config.evaluate_every == 0)

    def learn(self, env: Episodes, behaviours: BehaviourNet, spent: float) -> dict[str, float]:
        """Learn from the episodes just started; ``spent`` is the share of the time allowed."""
        config = self.config
        share = min(1.0, max(spent, self.iteration / max(config.iterations - 1, 1)))
        for group in self.optimiser.param_groups:
            group["lr"] = config.ppo.learning_rate * (1.0 - 0.9 * share)
        entropy = config.ppo.entropy_start + share * (
            config.ppo.entropy_end - config.ppo.entropy_start
        )
        rollout, success = roll_out(
            env, behaviours, self.net, config.decisions, config.ppo.discount, self.generator
        )
        losses = ppo.update(
            _Policy(self.net),
            self.learned,
            self.optimiser,
            rollout,
            config.ppo,
            entropy,
            self.generator,
        )
        self.iteration += 1
        return {"train_success": success, **losses}

    def evaluate(self, env: Episodes, behaviours: BehaviourNet) -> float:
        """Greedy success; keeps the best weights and says when to stop."""

        def success(seed: int) -> float:
            return greedy_success(env, behaviours, self.net, self.config.decisions, seed)

        first = value = success(self.seed + 1)
        if first >= self.config.good_enough:
            value = min(first, success(self.seed + 2))
        if value >= self.best_success:
            self.best.load_state_dict(self.net.state_dict())
            self.best_success = value
        enough = value >= self.config.good_enough
        self.finished = enough or self.iteration >= self.config.iterations
        return value

    def save(self, stage: Stage, episodes: int) -> None:
        tensors = module_tensors(self.net, "net") | module_tensors(self.best, "best")
        tensors |= optimiser_tensors(self.optimiser, "optimiser")
        tensors["generator"] = self.generator.get_state()
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
        restore_module(self.net, tensors, "net")
        restore_module(self.best, tensors, "best")
        restore_optimiser(self.optimiser, tensors, "optimiser")
        self.generator.set_state(tensors["generator"])
        self.iteration, self.finished = state["iteration"], state["finished"]
        self.best_success = state["best_success"]


class _Policy:
    """The network as PPO sees it: from the start of episodes, over all their decisions."""

    def __init__(self, net: Choreographer) -> None:
        self._net = net

    def evaluate(self, inputs: Tensor, choices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits, values, _ = self._net(inputs, self._net.start(inputs.shape[1]))
        logs = torch.log_softmax(logits, dim=-1)
        taken = logs.gather(-1, choices[..., None])[..., 0]
        return taken, -(logs.exp() * logs).sum(dim=-1), values
