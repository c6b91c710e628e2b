"""Episodes in which a choreographer decides every few policy steps, whatever came before.

Rewards: being at the goal, plus γ Φ(after) - Φ(before) for a potential Φ that says how near tool
and object, and object and goal, are. Such shaping leaves alone which policy is best among those
that end an episode equally near (Ng, Harada and Russell 1999); the potential at the end of an
episode is kept, so that one that time cut off is paid for how far it came.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from introspect_learning.behaviours.networks import BEHAVIOURS, BehaviourNet
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.rl import ppo
from introspect_learning.rl.environment import Episodes
from introspect_sim.tasks import OBSERVATION


@dataclass(frozen=True)
class DecisionConfig:
    """When a choreographer decides, and what for."""

    period: int = 5  # policy steps between decisions
    object_goal_weight: float = 3.0  # of the potential [1/m]
    tool_object_weight: float = 2.0  # of the potential [1/m]

    def __post_init__(self) -> None:
        """Refuse a period that is none, and a potential that leads away from the goal."""
        if self.period < 1:
            raise ValueError(f"period must be at least 1, got {self.period}")
        for name in ("object_goal_weight", "tool_object_weight"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(
                    f"{name} must be finite and not negative, got {getattr(self, name)}"
                )


@torch.no_grad()
def roll_out(
    env: Episodes,
    behaviours: BehaviourNet,
    net: Choreographer,
    config: DecisionConfig,
    discount: float,
    generator: torch.Generator | None,
    noise: torch.Generator | None = None,
) -> tuple[ppo.Rollout, float]:
    """Run the started episodes to their end.

    Args:
        env: just reset.
        behaviours: that act.
        net: that chooses.
        config: period and potential.
        discount: of what follows a decision.
        generator: of sampled choices; None takes the most probable.
        noise: of sampled internal states; None: as ``generator``.

    Returns:
        The episodes by decision, and the share that ended at the goal.
    """
    observation = env.observe()
    rows = np.arange(env.num_envs)
    state = net.start(env.num_envs)
    columns: list[list[Tensor]] = [[], [], [], [], []]
    success: NDArray[np.bool_] = np.zeros(env.num_envs, dtype=bool)
    for _ in range(env.horizon // config.period):
        seen = torch.from_numpy(observation)
        layers, actions = behaviours.senses(seen)
        if "phase" in net.listener.sources:
            layers["phase"] = true_phase(env.truth())
        inputs = net.inputs(
            net.listener.hear(layers, net.listener.draw(len(seen), noise or generator))
        )
        logits, value, state = net(inputs[None], state)
        if generator is None:
            choice = logits[0].argmax(dim=-1)
        else:
            choice = torch.multinomial(logits[0].softmax(-1), 1, generator=generator)[:, 0]
        log_probability = torch.log_softmax(logits[0], -1).gather(-1, choice[:, None])[:, 0]
        before = potential(observation, config)
        reached = np.zeros(env.num_envs)
        chosen = choice.numpy()
        for step in range(config.period):
            if step:
                actions = behaviours(torch.from_numpy(observation))[2]
            observation, _, _, _, info = env.step(actions.numpy()[rows, chosen])
            success = info["success"]
            reached += success / config.period
        reward = reached + discount * potential(observation, config) - before
        row = (inputs, choice, log_probability, value[0], torch.from_numpy(reward).float())
        for column, entry in zip(columns, row, strict=True):
            column.append(entry)
    return ppo.Rollout(*(torch.stack(column) for column in columns)), float(success.mean())


def greedy_success(
    env: Episodes,
    behaviours: BehaviourNet,
    net: Choreographer,
    config: DecisionConfig,
    seed: int,
) -> float:
    """Share of episodes that end at the goal when the most probable choice is always taken."""
    # Far from the seeds that training uses, and from those that `introspect eval` does.
    env.reset(seed=1_000_000 + seed)
    noise = torch.Generator().manual_seed(seed)
    return roll_out(env, behaviours, net, config, 1.0, None, noise)[1]


def true_phase(observation: NDArray[np.float32]) -> Tensor:
    """(n, behaviours): 1 for the behaviour that the script would use now, 0 for the others."""
    due = torch.from_numpy(Teacher().reference(observation))
    return nn.functional.one_hot(due, len(BEHAVIOURS)).float()


def potential(observation: NDArray[np.float32], config: DecisionConfig) -> NDArray[np.float64]:
    """Φ (n,): the nearer tool and object, object and goal, the greater; 0 at best."""
    to_goal = np.linalg.norm(observation[:, OBSERVATION.slice("goal_minus_object")], axis=1)
    to_object = np.linalg.norm(observation[:, OBSERVATION.slice("object_minus_tool")], axis=1)
    value: NDArray[np.float64] = -(
        config.object_goal_weight * to_goal + config.tool_object_weight * to_object
    )
    return value
