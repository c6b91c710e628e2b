"""Episodes of three phases in a fixed order, with one decision at the start of each.

A phase ends when its subgoal is met or the episode is over; the behaviour decided on drives to its
end, right or wrong. After the last phase the arm waits.

Source: Pore and Aragon-Camarasa 2020, and the code published with it; distances are this task's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.behaviours.teacher import PHASES, Teacher
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.choreographer.rollout import true_phase
from introspect_learning.rl.environment import Episodes
from introspect_sim.tasks import ACTION_SIZE, OBSERVATION

Observations = NDArray[np.float32]  # (n, OBSERVATION.size)


@dataclass(frozen=True)
class PhaseConfig:
    """Where phases end."""

    offset_bug: bool = True  # published: the second decision reads a height that is off by `hover`
    hover: float = 0.06  # height over the object that approach ends at [m]
    approach_distance: float = 0.015  # of the tool to that point, where approach is over [m]
    retract_distance: float = 0.02  # of object and goal, where retract is over [m]

    def __post_init__(self) -> None:
        """Refuse phases that never end."""
        if not 0.0 <= self.hover < math.inf:
            raise ValueError(f"hover must be finite and not negative, got {self.hover}")
        for name in ("approach_distance", "retract_distance"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {getattr(self, name)}")


class Decided(NamedTuple):
    """n episodes, by their decisions."""

    inputs: Tensor  # (3, n, ·) that each decision took, as ``Choreographer.inputs`` gives them
    choices: Tensor  # (3, n)
    values: Tensor  # (3, n) as foreseen by the critic
    finished: NDArray[np.bool_]  # (3, n) the phase's subgoal was met in time
    success: NDArray[np.bool_]  # (n,) the object was at its goal at the end

    def rewards(self) -> Tensor:
        """(3, n): 1 or -1 for finishing approach, for finishing grasp, for success."""
        won = np.concatenate([self.finished[:2], self.success[None]])
        return torch.from_numpy(np.where(won, 1.0, -1.0)).float()

    def metrics(self) -> dict[str, float]:
        """Shares of episodes, and the mean foreseen values."""
        result = {"success": float(self.success.mean())}
        for k, name in enumerate(PHASES):
            result[f"{name}_finished"] = float(self.finished[k].mean())
            result[f"{name}_value"] = float(self.values[k].mean())
        return result


@torch.no_grad()
def roll_out(
    env: Episodes,
    behaviours: BehaviourNet,
    net: Choreographer,
    config: PhaseConfig,
    coins: Tensor | None = None,
    noise: Tensor | None = None,
) -> Decided:
    """Run the started episodes to their end.

    Args:
        env: just reset.
        behaviours: that act.
        net: that chooses.
        config: where phases end.
        coins: (3, n) uniform in [0, 1) that sampled choices come from; None takes the most
            probable.
        noise: (3, n, ·) of sampled internal states, a row a decision; None takes their means.
    """
    n, observation = env.num_envs, env.observe()
    truth = env.truth()
    inputs: Tensor | None = None
    choices = torch.zeros(len(PHASES), n, dtype=torch.int64)
    values = torch.zeros(len(PHASES), n)
    finished = np.zeros((len(PHASES), n), dtype=bool)
    success = np.zeros(n, dtype=bool)
    memory, cell = net.start(n)
    phase = np.zeros(n, dtype=np.int64)  # len(PHASES): the arm waits for the end
    everyone = np.arange(n)

    def decide(rows: NDArray[np.int64]) -> None:
        which = torch.from_numpy(phase[rows])
        nonlocal inputs
        seen = _seen(observation[rows], phase[rows], config)
        layers = behaviours.senses(torch.from_numpy(seen))[0]
        if "phase" in net.listener.sources:
            layers["phase"] = true_phase(truth[rows])
        taken = net.inputs(
            net.listener.hear(layers, None if noise is None else noise[phase[rows], rows])
        )
        if inputs is None:
            inputs = torch.zeros(len(PHASES), n, taken.shape[-1])
        state = memory[:, rows], cell[:, rows]
        logits, value, (memory[:, rows], cell[:, rows]) = net(taken[None], state)
        inputs[which, rows], values[which, rows] = taken, value[0]
        choices[which, rows] = choose(logits[0], None if coins is None else coins[which, rows])

    decide(everyone)
    for _ in range(env.horizon):
        for _ in PHASES:  # a phase may be over as soon as it begins
            over = np.flatnonzero(_subgoals(truth, config)[phase, everyone])
            finished[phase[over], over] = True
            phase[over] += 1
            going = over[phase[over] < len(PHASES)]
            if not len(going):
                break
            decide(going)
        action = np.zeros((n, ACTION_SIZE), dtype=np.float32)
        action[:, -1] = -1.0  # waits with the gripper closed
        acting = np.flatnonzero(phase < len(PHASES))
        if len(acting):
            offered = behaviours(torch.from_numpy(observation[acting]))[2].numpy()
            chosen = choices.numpy()[phase[acting], acting]
            action[acting] = offered[np.arange(len(acting)), chosen]
        observation, _, _, _, info = env.step(action)
        truth = env.truth()
        success = info["success"]
    for _ in PHASES[1:]:  # what was not begun in time is decided all the same
        late = np.flatnonzero(phase < len(PHASES) - 1)
        phase[late] += 1
        if len(late):
            decide(late)
    assert inputs is not None
    return Decided(inputs, choices, values, finished, success)


def choose(logits: Tensor, coins: Tensor | None) -> Tensor:
    """Choices (n,): the most probable for logits (n, behaviours), or drawn by coins (n,)."""
    if coins is None:
        return logits.argmax(dim=-1)
    passed = logits.softmax(dim=-1).cumsum(dim=-1) <= coins[:, None]
    return passed.sum(dim=-1).clamp(max=logits.shape[-1] - 1)


def _seen(observation: Observations, phase: NDArray[np.int64], config: PhaseConfig) -> Observations:
    """What the choreographer reads.

    The published subgoal test of approach adds the hover height to the observation in place, so
    the decision after it reads the shifted one. Its behaviours had been learned under the same
    fault, ours have not: they act on what is true.
    """
    if not config.offset_bug:
        return observation
    seen = observation.copy()
    seen[phase == 1, OBSERVATION.slice("object_minus_tool").stop - 1] += config.hover
    return seen


def _subgoals(truth: Observations, config: PhaseConfig) -> NDArray[np.bool_]:
    """(4, n): approach is over, grasp is over, retract is over; waiting never is."""
    offset = truth[:, OBSERVATION.slice("object_minus_tool")] + [0.0, 0.0, config.hover]
    to_goal = truth[:, OBSERVATION.slice("goal_minus_object")]
    approached = np.linalg.norm(offset, axis=1) < config.approach_distance
    placed = np.linalg.norm(to_goal, axis=1) < config.retract_distance
    held = Teacher().holds(truth)
    return np.stack([approached, held, placed, np.zeros_like(held)])
