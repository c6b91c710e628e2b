"""Behaviours learned by reinforcement: what is rewarded, who drives, what is learned from whom."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from introspect_learning.behaviours.networks import BEHAVIOURS
from introspect_learning.behaviours.reinforcement import (
    Reinforced,
    ReinforcementConfig,
    reinforce,
)
from introspect_learning.behaviours.subgoals import SubgoalConfig, Subgoals, near
from introspect_learning.behaviours.teacher import APPROACH, GRASP, RETRACT, Teacher
from introspect_learning.behaviours.turns import TurnConfig, Turns
from introspect_learning.rl.actor_critic import ActorCritic
from introspect_learning.rl.reactive_ppo import ReactivePPOConfig, Steps, advantages, update
from introspect_learning.runs.run_folder import RunFolder
from introspect_learning.runs.stage import Stage
from introspect_sim.tasks import OBSERVATION

QUICK = ReinforcementConfig(
    iterations=4, evaluate_every=2, least_iterations=99, ppo=ReactivePPOConfig(epochs=2)
)


def seen(**parts: Any) -> np.ndarray:
    """An observation (1, size) of these parts, zero elsewhere."""
    observation = np.zeros((1, OBSERVATION.size), dtype=np.float32)
    for name, value in parts.items():
        observation[:, OBSERVATION.slice(name)] = value
    return observation


def weights(behaviours: Reinforced) -> list[torch.Tensor]:
    return [value for policy in behaviours.policies for value in policy.state_dict().values()]


def policy(seed: int = 0) -> ActorCritic:
    torch.manual_seed(seed)
    return ActorCritic([0, 1, 2], [1.0, 2.0, 3.0], motions=2)


@pytest.mark.parametrize("behaviour", range(len(BEHAVIOURS)), ids=BEHAVIOURS)
def test_every_reward_term_has_a_weight_of_its_name(behaviour: int) -> None:
    config = SubgoalConfig()
    terms = Subgoals(config, Teacher()).terms(behaviour, seen(gripper_width=0.08))
    fields = dataclasses.fields(getattr(config, BEHAVIOURS[behaviour]))
    assert set(terms) == {field.name for field in fields}


def test_approach_is_best_above_the_object_in_line_and_open() -> None:
    subgoals = Subgoals(SubgoalConfig(), Teacher())
    met = {"object_minus_tool": [0.0, 0.0, -0.06], "gripper_width": 0.08}
    best = subgoals.reward(APPROACH, seen(**met))
    for worse in (
        met | {"object_minus_tool": [0.03, 0.0, -0.06]},
        met | {"object_minus_tool": [0.0, 0.0, 0.0]},
        met | {"yaw_error": 0.3},
        met | {"gripper_width": 0.04},
    ):
        assert subgoals.reward(APPROACH, seen(**worse)) < best - 0.1


def test_grasp_pays_more_at_every_stage_of_gripping() -> None:
    subgoals = Subgoals(SubgoalConfig(), Teacher())
    stages = [
        {"object_minus_tool": [0.0, 0.0, -0.06], "gripper_width": 0.08},
        {"object_minus_tool": [0.0, 0.0, -0.03], "gripper_width": 0.08},
        {"object_minus_tool": [0.0, 0.0, 0.0], "gripper_width": 0.08},
        {"object_minus_tool": [0.0, 0.0, 0.0], "gripper_width": 0.06},
        {"object_minus_tool": [0.0, 0.0, 0.0], "gripper_width": 0.039},
    ]
    rewards = [float(subgoals.reward(GRASP, seen(**stage))[0]) for stage in stages]
    assert rewards == sorted(rewards)
    assert rewards[-1] > rewards[-2] + 1.0  # holding it is what grasp is for


def test_a_gripper_closed_on_nothing_is_paid_less_than_an_open_one() -> None:
    subgoals = Subgoals(SubgoalConfig(), Teacher())
    beside = [0.08, 0.0, 0.0]
    closed = subgoals.reward(GRASP, seen(object_minus_tool=beside, gripper_width=0.0))
    opened = subgoals.reward(GRASP, seen(object_minus_tool=beside, gripper_width=0.08))
    assert closed < opened


def test_retract_pays_for_nearing_the_goal_and_for_holding_on() -> None:
    subgoals = Subgoals(SubgoalConfig(), Teacher())
    far = subgoals.reward(RETRACT, seen(goal_minus_object=[0.3, 0, 0], gripper_width=0.039))
    close = subgoals.reward(RETRACT, seen(goal_minus_object=[0.01, 0, 0], gripper_width=0.039))
    dropped = subgoals.reward(RETRACT, seen(goal_minus_object=[0.01, 0, 0], gripper_width=0.08))
    assert far < close
    assert dropped < close


def test_nearness_is_one_at_the_target_and_half_at_its_scale() -> None:
    assert near(np.array([0.0, 0.1]), 0.1).tolist() == [1.0, 0.5]


def test_what_is_sampled_has_the_probability_it_is_later_said_to_have() -> None:
    net, observation = policy(), torch.randn(50, 3)
    with torch.no_grad():
        action, log_probability = net.sample(observation, torch.randn(50, 2), torch.rand(50, 1))
        again = net.evaluate(observation, action).log_probability
    assert torch.allclose(log_probability, again, atol=1e-6)


def test_switches_have_two_values_and_motions_stay_in_range() -> None:
    net, observation = policy(), 100.0 * torch.randn(200, 3)
    with torch.no_grad():
        action = net.act(observation)
        sampled, _ = net.sample(observation, torch.randn(200, 2), torch.rand(200, 1))
    assert set(action[:, 2].tolist()) | set(sampled[:, 2].tolist()) == {-1.0, 1.0}
    assert action[:, :2].abs().max() <= 1.0


def test_neither_value_of_a_switch_ever_becomes_impossible() -> None:
    net = policy()
    with torch.no_grad():
        net.actor[-1].bias[2] = 1000.0
        sampled, _ = net.sample(torch.zeros(2000, 3), torch.randn(2000, 2), torch.rand(2000, 1))
    assert 0 < int((sampled[:, 2] < 0.0).sum()) < 200


def test_exploration_is_standard_normal_and_partly_stays_for_a_turn(kinematic_arm: Any) -> None:
    observation = kinematic_arm(2000).observe()
    turns = Turns(Teacher(), TurnConfig(period=5), 2000, np.random.default_rng(0))
    noises, coins = [], []
    for _ in range(5):
        turns.next(observation)
        noise, coin = turns.chance()
        noises.append(noise)
        coins.append(coin)
    assert abs(float(noises[-1].std()) - 1.0) < 0.03
    both = torch.stack([noises[-2].flatten(), noises[-1].flatten()])
    assert 0.3 < float(torch.corrcoef(both)[0, 1]) < 0.5  # a half, but where a turn begins
    stayed = (coins[-1] == coins[-2]).float().mean()
    assert 0.75 < float(stayed) < 0.85  # four of five


def test_being_interrupted_is_neither_good_nor_bad() -> None:
    # Given rewards that the values foresee exactly, if nobody interrupts,
    config = ReactivePPOConfig(discount=0.5)
    values = torch.full((5, 1), 2.0)
    rewards = torch.tensor([[1.0], [1.0], [-50.0], [1.0]])  # the third is the other's doing
    driven = torch.tensor([[True], [True], [False], [True]])
    # when another policy takes one step in between,
    steps = Steps(torch.zeros(5, 1, 3), torch.zeros(4, 1, 3), torch.zeros(4, 1), rewards, driven)
    gain = advantages(steps, values, config)
    # then the steps around it are as good as expected.
    assert gain[driven].abs().max() < 1e-6


def test_a_policy_that_never_drove_learns_nothing() -> None:
    net = policy()
    before = [value.clone() for value in net.state_dict().values()]
    steps = Steps(
        torch.randn(11, 8, 3),
        torch.ones(10, 8, 3),
        torch.zeros(10, 8),
        torch.randn(10, 8),
        torch.zeros(10, 8, dtype=torch.bool),
    )
    optimiser = torch.optim.Adam(net.parameters())
    assert update(net, optimiser, steps, ReactivePPOConfig(), torch.Generator()) == {}
    after = net.state_dict().values()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


class Kept(Stage):
    """A stage in memory."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.saved: tuple[dict[str, torch.Tensor], dict[str, Any]] | None = None

    def load(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        return self.saved

    def save(self, step: int, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        self.saved = ({name: tensor.clone() for name, tensor in tensors.items()}, state)

    def log(self, step: int, values: dict[str, float]) -> None:
        self.rows.append((step, values))


def test_a_few_updates_make_approach_meet_its_subgoal_better(kinematic_arm: Any) -> None:
    env = kinematic_arm(32, horizon=40)
    ppo = ReactivePPOConfig(epochs=4, minibatch=128, learning_rate=4e-3)
    config = dataclasses.replace(QUICK, iterations=5, evaluate_every=5, ppo=ppo)
    stage = Kept()
    reinforce(env, config, 0, stage)
    rows = [values["approach/reward"] for _, values in stage.rows]
    assert rows[-1] > rows[0] + 0.1


def test_no_scripted_action_is_ever_asked_for(
    kinematic_arm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a scripted action was asked for")

    for name in ("actions", "approach", "grasp", "retract", "_action"):
        monkeypatch.setattr(Teacher, name, refuse)
    config = dataclasses.replace(QUICK, iterations=1)
    behaviours = reinforce(kinematic_arm(8, horizon=20), config, seed=0)
    observation = kinematic_arm(4).observe()
    assert behaviours.actions(observation).shape == (4, 3, 5)
    assert behaviours.reference(observation).tolist() == [APPROACH] * 4


def test_the_same_seed_gives_the_same_behaviours(kinematic_arm: Any) -> None:
    config = dataclasses.replace(QUICK, iterations=2)
    first, again, other = (
        weights(reinforce(kinematic_arm(8, horizon=20), config, seed)) for seed in (3, 3, 4)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(
    kinematic_arm: Any, tmp_path: Any
) -> None:
    class Cut(Exception):
        pass

    def cut(stage: str, done: float, text: str) -> None:
        if done >= 0.5:
            raise Cut

    whole = reinforce(kinematic_arm(8, horizon=20), QUICK, seed=0)
    with RunFolder(tmp_path, QUICK) as folder, pytest.raises(Cut):
        reinforce(kinematic_arm(8, horizon=20), QUICK, 0, folder.stage("reinforcement"), cut)
    with RunFolder(tmp_path, QUICK, resume=True) as folder:
        stage = folder.stage("reinforcement")
        resumed = reinforce(kinematic_arm(8, horizon=20), QUICK, 0, stage)
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(resumed), strict=True))


def test_a_finished_run_is_not_gone_on_with(kinematic_arm: Any) -> None:
    env, stage = kinematic_arm(8, horizon=20), Kept()
    done = reinforce(env, QUICK, 0, stage)
    before = len(stage.rows)
    again = reinforce(env, QUICK, 0, stage)
    assert len(stage.rows) == before
    assert all(torch.equal(a, b) for a, b in zip(weights(done), weights(again), strict=True))


def test_metrics_name_the_terms_as_the_configuration_does(kinematic_arm: Any) -> None:
    stage = Kept()
    reinforce(kinematic_arm(8, horizon=20), dataclasses.replace(QUICK, iterations=2), 0, stage)
    assert [episodes for episodes, _ in stage.rows] == [8, 16]
    terms = {f"approach/{name}" for name in ("above", "yaw", "open", "reward")}
    assert terms <= set(stage.rows[0][1])
    assert "success" in stage.rows[-1][1]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: ReinforcementConfig(iterations=0), "iterations"),
        (lambda: TurnConfig(period=0), "period"),
        (lambda: TurnConfig(mixed_share=1.5), "mixed_share"),
        (lambda: ReactivePPOConfig(discount=1.5), "discount"),
    ],
)
def test_numbers_that_train_nothing_are_refused(make: Callable[[], object], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        make()
