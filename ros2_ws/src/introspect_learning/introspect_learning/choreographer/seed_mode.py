"""The published training of the choreographer, kept to compare with: three forced decisions.

An episode has three phases in a fixed order; each ends when its subgoal is met or the episode is
over. At the start of each the choreographer must pick a behaviour, which then drives to the end of
the phase: there is no going back. Decisions earn 1 or -1, the most probable one is always taken,
and every episode is followed by one optimiser step. ``choreographer.training`` does none of this.

Episodes are rolled out many at a time, ahead of the updates, without changing the method: one is
used only if the choreographer, as it is by then, would decide just the same in it.

Source: Pore and Aragon-Camarasa 2020, and the code published with it.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.behaviours.teacher import PHASES
from introspect_learning.choreographer.listening import Listener, check_listening
from introspect_learning.choreographer.network import Choreographer, State
from introspect_learning.choreographer.phases import (
    Decided,
    PhaseConfig,
    choose,
    roll_out,
)
from introspect_learning.internal_states.model import InternalStateModel
from introspect_learning.rl.environment import Episodes, Progress, silent
from introspect_learning.runs.checkpoint import (
    module_tensors,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
)
from introspect_learning.runs.stage import Stage


@dataclass(frozen=True)
class SeedModeConfig:
    """Numbers of the published scheme."""

    listens_to: str = "features"  # see ``listening``; other ways need an internal-state model
    tuned: bool = False  # published: the encoder learns with the choreographer (and is lost)
    episodes: int = 2000  # of training
    evaluate_every: int = 100  # training episodes
    hidden: int = 32  # size of the LSTM's state
    learning_rate: float = 1e-4
    discount: float = 0.9  # γ, a decision
    trace: float = 1.0  # λ of the advantages
    value_weight: float = 0.5
    gradient_norm: float = 250.0  # clipped to
    entropy_weight: float = 0.0  # published: computed and never used
    sample: bool = False  # published: the most probable decision, in training too
    phases: PhaseConfig = field(default_factory=PhaseConfig)

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        check_listening(self.listens_to, self.tuned)
        for name in ("episodes", "evaluate_every", "hidden"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0.0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be positive and finite, got {self.learning_rate}")
        if not self.gradient_norm > 0.0:  # infinite: nothing is clipped
            raise ValueError(f"gradient_norm must be positive, got {self.gradient_norm}")
        for name in ("discount", "trace"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        for name in ("value_weight", "entropy_weight"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(
                    f"{name} must be finite and not negative, got {getattr(self, name)}"
                )


class SeedChoreographer(Choreographer):
    """The published network: an LSTM right on what is read, actor and critic on it.

    Args:
        listener: turns what is heard of the behaviours into what is read.
        behaviours: how many it picks from.
        hidden: size of the LSTM's state.
    """

    def __init__(self, listener: Listener, behaviours: int, hidden: int = 32) -> None:
        super().__init__(listener, behaviours, hidden)
        del self.encoder
        self.lstm = nn.LSTM(listener.size, hidden)
        for layer in (self.actor, self.critic):
            nn.init.xavier_normal_(layer.weight)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """A run of decisions (see ``Choreographer.forward``)."""
        memory, state = self.lstm(self.read(inputs), state)
        return self.actor(memory), self.critic(memory)[..., 0], state


def train_seed_mode(
    env: Episodes,
    evaluation_env: Episodes,
    behaviours: BehaviourNet,
    config: SeedModeConfig,
    seed: int,
    stage: Stage | None = None,
    progress: Progress = silent,
    internal_states: InternalStateModel | None = None,
) -> Choreographer:
    """Learn to choose among given behaviours as the published system does.

    Args:
        env: episodes to learn on; any number of copies, more only make it faster.
        evaluation_env: as many as an evaluation has, on seeds that learning never sees.
        behaviours: to choose from; they stay as they are.
        config: numbers of the method.
        seed: of weights, episodes and sampling.
        stage: takes metrics against training episodes and checkpoints, and is gone on from.
        progress: hears of each evaluation.
        internal_states: the model whose states are listened to, for those ways that need one.

    Returns:
        The choreographer after the last episode, good or bad.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        own = copy.deepcopy(internal_states)  # a tuned encoder must not change anybody else's
        listener = Listener(config.listens_to, own, tuned=config.tuned)
        net = SeedChoreographer(listener, len(behaviours.names), config.hidden)
    learned = [weight for weight in net.parameters() if weight.requires_grad]
    optimiser = torch.optim.Adam(learned, config.learning_rate)
    stage = stage or Stage()
    episode = 0
    if (saved := stage.load()) is not None:
        tensors, state = saved
        restore_module(net, tensors, "net")
        restore_optimiser(optimiser, tensors, "optimiser")
        episode = state["episode"]
    while episode < config.episodes:
        block, first = divmod(episode, env.num_envs)
        env.reset(seed=seed, options={"first_episode": block})
        coins = _coins(config, seed, block * env.num_envs, env.num_envs)
        noise = noise_of(net, seed, block * env.num_envs, env.num_envs)
        ahead = roll_out(env, behaviours, net, config.phases, coins, noise)
        for row in range(first, env.num_envs):
            stale = row > first and not _decides_the_same(net, ahead, row, coins)
            if stale or episode == config.episodes:
                break
            learn(net, optimiser, ahead, row, config)
            episode += 1
            if episode % config.evaluate_every and episode != config.episodes:
                continue
            # Far from the seeds that training uses, and from those that `introspect eval` does.
            evaluation_env.reset(seed=1_000_001 + seed)
            noise = noise_of(net, 1_000_001 + seed, 0, evaluation_env.num_envs)
            decided = roll_out(evaluation_env, behaviours, net, config.phases, noise=noise)
            metrics = decided.metrics()
            stage.log(episode, metrics)
            tensors = module_tensors(net, "net") | optimiser_tensors(optimiser, "optimiser")
            stage.save(episode, tensors, {"episode": episode})
            text = f"{episode:>5} episodes, success {metrics['success']:.3f}"
            progress("choreographer", episode / config.episodes, text)
    return net


def learn(
    net: Choreographer,
    optimiser: torch.optim.Optimizer,
    episodes: Decided,
    row: int,
    config: SeedModeConfig,
) -> None:
    """One optimiser step on one episode's three decisions.

    L = Σ -log p A - c H + w Σ (R - V)² / 2
    """
    logits, values, _ = net(episodes.inputs[:, row : row + 1], net.start(1))
    logs = torch.log_softmax(logits[:, 0], dim=-1)
    taken = logs.gather(-1, episodes.choices[:, row, None])[:, 0]
    values, rewards = values[:, 0], episodes.rewards()[:, row]
    known = [*values.detach().tolist(), 0.0]
    gain, worth = 0.0, 0.0
    gains, returns = torch.zeros(len(rewards)), torch.zeros(len(rewards))
    for t in range(len(rewards) - 1, -1, -1):
        reward = float(rewards[t])
        delta = reward + config.discount * known[t + 1] - known[t]
        gain = delta + config.discount * config.trace * gain
        worth = reward + config.discount * worth
        gains[t], returns[t] = gain, worth
    entropy = -(logs.exp() * logs).sum()
    policy_loss = -(taken * gains).sum() - config.entropy_weight * entropy
    value_loss = 0.5 * (returns - values).square().sum()
    optimiser.zero_grad(set_to_none=True)
    (policy_loss + config.value_weight * value_loss).backward()
    nn.utils.clip_grad_norm_(net.parameters(), config.gradient_norm)
    optimiser.step()


@torch.no_grad()
def _decides_the_same(net: Choreographer, ahead: Decided, row: int, coins: Tensor | None) -> bool:
    logits = net(ahead.inputs[:, row : row + 1], net.start(1))[0][:, 0]
    now = choose(logits, None if coins is None else coins[:, row])
    return bool((now == ahead.choices[:, row]).all())


def noise_of(net: Choreographer, seed: int, first: int, n: int) -> Tensor | None:
    """Noise (3, n, ·) of n episodes from the ``first`` on, the same whatever runs beside them."""
    size = net.listener.noise
    if not size:
        return None
    draws = [
        np.random.default_rng([seed, first + row, 3]).standard_normal((len(PHASES), size))
        for row in range(n)
    ]
    return torch.from_numpy(np.stack(draws, axis=1)).float()


def _coins(config: SeedModeConfig, seed: int, first: int, n: int) -> Tensor | None:
    if not config.sample:
        return None
    draws = [np.random.default_rng([seed, first + row, 2]).random(len(PHASES)) for row in range(n)]
    return torch.from_numpy(np.stack(draws, axis=1)).float()
