"""The published training of the choreographer: three decisions, argmax, a step an episode."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.choreographer.listening import Listener
from introspect_learning.choreographer.phases import Decided, PhaseConfig, roll_out
from introspect_learning.choreographer.rollout import DecisionConfig
from introspect_learning.choreographer.seed_mode import (
    SeedChoreographer,
    SeedModeConfig,
    learn,
    train_seed_mode,
)
from introspect_learning.runs.run_folder import RunFolder
from introspect_sim.tasks import ACTION_SIZE

PHASES = PhaseConfig()
CONFIG = SeedModeConfig(episodes=24, evaluate_every=12, learning_rate=3e-3)


class ScriptedBehaviours(BehaviourNet):
    """Features of a random network, actions of the script."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(ACTION_SIZE)

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        first, features = self.feature_net(observation)
        return first, features, torch.from_numpy(Teacher().actions(observation.numpy()))


class Sequence(SeedChoreographer):
    """Picks given behaviours in turn, and counts its decisions in its memory."""

    def __init__(self, *behaviours: int) -> None:
        super().__init__(Listener(), 3, hidden=1)
        self.behaviours = torch.tensor([*behaviours, *behaviours])
        self.most = 0

    def forward(self, features: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        count = state[0][0, :, 0].long()
        self.most = max(self.most, int(count.max()) + 1)
        logits = torch.nn.functional.one_hot(self.behaviours[count], 3).float()
        return logits[None], torch.zeros(1, len(count)), (state[0] + 1.0, state[1])


def train(env: Any, config: SeedModeConfig = CONFIG, **changes: Any) -> Any:
    return train_seed_mode(env, type(env)(8), ScriptedBehaviours(), config, 0, **changes)


def same(net: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(net.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("behaviours", [(0, 1, 2), (0, 0, 0), (2, 2, 1)])
def test_an_episode_has_exactly_three_decisions(
    kinematic_arm: Any, behaviours: tuple[int, ...]
) -> None:
    choreographer = Sequence(*behaviours)
    episodes = roll_out(kinematic_arm(8), ScriptedBehaviours(), choreographer, PHASES)
    assert episodes.choices.T.tolist() == [list(behaviours)] * 8
    assert choreographer.most == 3


def test_the_right_order_meets_all_subgoals_and_earns_every_reward(kinematic_arm: Any) -> None:
    episodes = roll_out(kinematic_arm(32), ScriptedBehaviours(), Sequence(0, 1, 2), PHASES)
    assert episodes.finished.all()
    assert (episodes.rewards() == 1.0).all()
    assert episodes.metrics()["success"] == 1.0


def test_a_wrong_first_decision_costs_the_whole_episode(kinematic_arm: Any) -> None:
    episodes = roll_out(kinematic_arm(32), ScriptedBehaviours(), Sequence(2, 1, 2), PHASES)
    assert not episodes.finished.any()
    assert (episodes.rewards() == -1.0).all()


def test_without_sampling_the_same_episode_is_always_decided_the_same(kinematic_arm: Any) -> None:
    torch.manual_seed(1)
    env, net = kinematic_arm(8), SeedChoreographer(Listener(), 3)
    first, again = (
        (env.reset(seed=4), roll_out(env, ScriptedBehaviours(), net, PHASES))[1] for _ in range(2)
    )
    assert torch.equal(first.choices, again.choices)


def test_sampled_decisions_follow_their_coins(kinematic_arm: Any) -> None:
    torch.manual_seed(1)
    env, net = kinematic_arm(3), SeedChoreographer(Listener(), 3)
    coins = torch.tensor([[0.0, 0.999, 0.0], [0.999, 0.0, 0.0], [0.0, 0.0, 0.999]])
    episodes = roll_out(env, ScriptedBehaviours(), net, PHASES, coins)
    assert torch.equal(episodes.choices, torch.where(coins > 0.5, 2, 0))


def test_an_episode_is_one_optimiser_step(
    kinematic_arm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: taken.append(step(self)))
    train(kinematic_arm(8))
    assert len(taken) == CONFIG.episodes


@pytest.mark.parametrize("sample", [False, True])
def test_rolling_out_ahead_changes_nothing(kinematic_arm: Any, sample: bool) -> None:
    config = dataclasses.replace(CONFIG, sample=sample)
    ahead, one_by_one = (train(kinematic_arm(n, horizon=60), config) for n in (8, 1))
    pairs = zip(ahead.state_dict().values(), one_by_one.state_dict().values(), strict=True)
    # Batches round differently, and Adam makes a step of a gradient however small; one decision
    # that differed would move nearly every weight by a step.
    assert all((a - b).abs().mean() < 0.01 * CONFIG.learning_rate for a, b in pairs)


def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(
    kinematic_arm: Any, tmp_path: Any
) -> None:
    class Cut(Exception):
        pass

    def cut(stage: str, done: float, text: str) -> None:
        raise Cut

    whole = train(kinematic_arm(8))
    with RunFolder(tmp_path, CONFIG) as folder, pytest.raises(Cut):
        train(kinematic_arm(8), stage=folder.stage("seed_mode"), progress=cut)
    with RunFolder(tmp_path, CONFIG, resume=True) as folder:
        resumed = train(kinematic_arm(8), stage=folder.stage("seed_mode"))
    assert same(whole, resumed)


def test_success_is_logged_against_training_episodes(kinematic_arm: Any, tmp_path: Any) -> None:
    with RunFolder(tmp_path, CONFIG) as folder:
        train(kinematic_arm(8), stage=folder.stage("seed_mode"))
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["episodes"] for row in rows] == [12, 24]
    assert {"success", "approach_finished", "grasp_finished", "approach_value"} <= set(rows[0])


def right_episode() -> Decided:
    """Three decisions, all of them rewarded."""
    torch.manual_seed(0)
    everything = np.ones((3, 1), dtype=bool)
    choices = torch.tensor([[0], [1], [2]])
    return Decided(torch.randn(3, 1, 128), choices, torch.zeros(3, 1), everything, everything[0])


def test_what_was_rewarded_becomes_more_probable() -> None:
    episode, net = right_episode(), SeedChoreographer(Listener(), 3)
    optimiser = torch.optim.Adam(net.parameters(), 1e-4)

    def probability() -> float:
        logits, _, _ = net(episode.inputs, net.start(1))
        chosen = logits.softmax(-1).gather(-1, episode.choices[..., None])
        return float(chosen.detach().prod())

    before = probability()
    for _ in range(10):
        learn(net, optimiser, episode, 0, SeedModeConfig())
    assert probability() > before


def test_values_become_the_discounted_rewards_to_come() -> None:
    episode, net = right_episode(), SeedChoreographer(Listener(), 3)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(150):
        learn(net, optimiser, episode, 0, SeedModeConfig())
    values = net(episode.inputs, net.start(1))[1].detach()[:, 0]
    # γ = 0.9, λ = 1: 1 + 0.9 + 0.81, 1 + 0.9, 1
    assert torch.allclose(values, torch.tensor([2.71, 1.90, 1.00]), atol=0.1)


def test_the_network_is_as_large_as_the_published_one() -> None:
    assert sum(value.numel() for value in SeedChoreographer(Listener(), 3).parameters()) == 20_868


def test_the_in_place_fault_shifts_what_the_second_decision_reads_and_no_other(
    kinematic_arm: Any,
) -> None:
    def inputs(bug: bool) -> Tensor:
        config = PhaseConfig(offset_bug=bug)
        env, net = kinematic_arm(4), Sequence(0, 1, 2)
        return roll_out(env, ScriptedBehaviours(), net, config).inputs

    changed = (inputs(True) != inputs(False)).flatten(1).any(dim=1)
    assert changed.tolist() == [False, True, False]


@pytest.mark.slow
def test_with_sampling_the_right_order_is_found(kinematic_arm: Any) -> None:
    config = SeedModeConfig(episodes=600, evaluate_every=200, learning_rate=2e-3, sample=True)
    net = train(kinematic_arm(32), config)
    episodes = roll_out(kinematic_arm(32), ScriptedBehaviours(), net, PHASES)
    assert episodes.success.mean() > 0.9


@pytest.mark.parametrize(
    ("config", "name", "value", "text"),
    [
        (SeedModeConfig, "episodes", 0, "must be at least 1, got 0"),
        (SeedModeConfig, "evaluate_every", 0, "must be at least 1, got 0"),
        (SeedModeConfig, "hidden", 0, "must be at least 1, got 0"),
        (SeedModeConfig, "learning_rate", 0.0, "must be positive and finite, got 0.0"),
        (SeedModeConfig, "learning_rate", np.inf, "must be positive and finite, got inf"),
        (SeedModeConfig, "gradient_norm", -1.0, "must be positive, got -1.0"),
        (SeedModeConfig, "discount", 1.5, "must be in [0, 1], got 1.5"),
        (SeedModeConfig, "trace", np.nan, "must be in [0, 1], got nan"),
        (SeedModeConfig, "value_weight", -0.5, "must be finite and not negative, got -0.5"),
        (SeedModeConfig, "entropy_weight", np.inf, "must be finite and not negative, got inf"),
        (PhaseConfig, "hover", -0.1, "must be finite and not negative, got -0.1"),
        (PhaseConfig, "approach_distance", 0.0, "must be positive and finite, got 0.0"),
        (PhaseConfig, "retract_distance", np.inf, "must be positive and finite, got inf"),
        (DecisionConfig, "period", 0, "must be at least 1, got 0"),
        (DecisionConfig, "object_goal_weight", -3.0, "must be finite and not negative, got -3.0"),
        (DecisionConfig, "tool_object_weight", np.nan, "must be finite and not negative, got nan"),
    ],
)
def test_numbers_that_train_nothing_are_refused(
    config: Callable[..., object], name: str, value: float, text: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name} {text}")):
        config(**{name: value})
