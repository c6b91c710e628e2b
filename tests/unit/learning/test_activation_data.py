"""Activations are kept with what is known of each step, and split by whole episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from introspect_learning.behaviours.networks import BehaviourNet
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.choreographer.listening import Listener
from introspect_learning.choreographer.network import Choreographer
from introspect_learning.data.activations import ActivationDataset, DataError, joined
from introspect_learning.data.collect import collect
from introspect_learning.data.drivers import Choreographed, Ruled
from introspect_sim.tasks import ACTION_SIZE


def steps(episodes: int = 10, length: int = 5, **changes: Any) -> ActivationDataset:
    """Steps whose activations tell their row."""
    n = episodes * length
    columns: dict[str, Any] = {
        "layers": {"a": 2, "b": 3},
        "activations": np.arange(5 * n, dtype=np.float32).reshape(n, 5),
        "episode": np.repeat(np.arange(episodes), length),
        "sequence": np.tile(np.arange(length), episodes),
        "phase": np.zeros(n, dtype=np.int64),
        "behaviour": np.zeros(n, dtype=np.int64),
        "success": np.ones(n, dtype=np.int64),
        "phases": ("approach", "grasp"),
        "behaviours": ("approach", "grasp"),
        "model_hash": "abc",
        "disturbed": np.zeros(n, dtype=bool),
    }
    return ActivationDataset(**columns | changes)


def test_a_split_keeps_episodes_whole_and_loses_none() -> None:
    data = steps()
    learned, held_out = data.split(0.3, seed=1)
    assert not set(learned.episodes) & set(held_out.episodes)
    assert len(held_out.episodes) == 3
    assert len(learned) + len(held_out) == len(data)
    again = data.split(0.3, seed=1)[1]
    np.testing.assert_array_equal(held_out.activations, again.activations)


def test_one_episode_cannot_be_split() -> None:
    with pytest.raises(DataError, match="at least two episodes, got 1"):
        steps(episodes=1).split(0.5, 0)


def test_an_episode_falls_into_parts_where_steps_are_missing_and_stays_one() -> None:
    data = steps(episodes=3)
    data = data.take(~((data.episode == 1) & (data.sequence == 2)))
    assert [data.sequence[rows].tolist() for rows in data.sequences()] == [
        [0, 1, 2, 3, 4],
        [0, 1],
        [3, 4],
        [0, 1, 2, 3, 4],
    ]
    assert len(data.episodes) == 3
    assert len(joined([data, data]).episodes) == 6


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    data, file = steps(), tmp_path / "steps.safetensors"
    data.save(file)
    back = ActivationDataset.load(file)
    np.testing.assert_array_equal(back.activations, data.activations)
    assert (back.layers, back.phases, back.model_hash) == (data.layers, data.phases, "abc")


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\x10\0\0\0\0\0\0\0{}garbage"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "steps.safetensors"
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"{file} holds no activations"):
        ActivationDataset.load(file)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"episode": np.zeros(3, dtype=np.int64)}, r"episode must be \(50,\)"),
        ({"layers": {"a": 4}}, r"activations must be \(50, 4\)"),
        ({"activations": np.full((50, 5), np.nan, dtype=np.float32)}, "must be finite"),
    ],
)
def test_columns_that_do_not_fit_are_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(DataError, match=text):
        steps(**changes)


def test_joined_sets_number_their_episodes_anew_and_must_be_of_one_model() -> None:
    both = joined([steps(), steps()])
    assert len(both.episodes) == 20
    assert [len(rows) for rows in both.sequences()] == [5] * 20
    with pytest.raises(DataError, match="different model_hash cannot be joined: abc, xyz"):
        joined([steps(), steps(model_hash="xyz")])


def test_collected_activations_are_those_of_the_network(kinematic_arm: Any) -> None:
    torch.manual_seed(0)
    env, net = kinematic_arm(4, horizon=6), BehaviourNet(ACTION_SIZE)

    def driver(batch: int) -> Ruled:
        return Ruled(env, 0.0, np.random.default_rng(batch))

    data = collect(env, net, driver, 2, 5, "hash", ("features", "grasp_1"))
    assert data.layers == {"features": 128, "grasp_1": 64}
    assert len(data) == 2 * 4 * 6
    env.reset(seed=5, options={"first_episode": 0})
    observation = env.observe()
    with torch.no_grad():
        features = net.feature_net(torch.from_numpy(observation))[1]
    np.testing.assert_array_equal(data.activations[::6, :128][:4], features)
    np.testing.assert_array_equal(data.phase[::6][:4], Teacher().reference(observation))
    with pytest.raises(ValueError, match="there is no layer fc9; there are observation, feature_1"):
        collect(env, net, driver, 1, 5, "hash", ("fc9",))


def test_an_attempt_ends_when_its_object_has_rested_at_the_goal(
    kinematic_arm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    env, net = kinematic_arm(3, horizon=9), BehaviourNet(ACTION_SIZE)
    # Copy 0 arrives with step 2 and is at its goal no longer at the end; copy 1 is there twice for
    # too short a time; copy 2 comes to its goal in the last step.
    there = np.array([[0, 0, 1, 1, 1, 1, 0, 0, 0], [0, 1, 1, 0, 0, 1, 1, 0, 0], 8 * [0] + [1]])
    at = {"step": 0}
    steps_of = type(env).step

    def step(self: Any, actions: Any) -> Any:
        *rest, info = steps_of(self, actions)
        at["step"] += 1
        return *rest, info | {"success": there[:, (at["step"] - 1) % 9].astype(bool)}

    monkeypatch.setattr(type(env), "step", step)

    def driver(batch: int) -> Ruled:
        return Ruled(env, 0.0, np.random.default_rng(batch))

    whole = collect(env, net, driver, 1, 5, "hash", ("features",))
    ended = collect(env, net, driver, 1, 5, "hash", ("features",), success_periods=3)

    assert [len(rows) for rows in whole.sequences()] == [9, 9, 9]
    assert [len(rows) for rows in ended.sequences()] == [5, 9, 9]
    assert [bool(whole.success[rows[0]]) for rows in whole.sequences()] == [False, False, True]
    assert [bool(ended.success[rows[0]]) for rows in ended.sequences()] == [True, False, True]
    np.testing.assert_array_equal(ended.activations[:5], whole.activations[:5])


def test_a_choreographer_drives_and_now_and_then_chance_does(kinematic_arm: Any) -> None:
    torch.manual_seed(0)
    net, chooser = BehaviourNet(ACTION_SIZE), Choreographer(Listener(), 3)
    observation = kinematic_arm(200).observe()
    greedy = Choreographed(net, chooser, 5, 200, 0.0, np.random.default_rng(0)).next(observation)
    erring = Choreographed(net, chooser, 5, 200, 0.9, np.random.default_rng(0)).next(observation)
    assert 0.3 < (greedy != erring).mean() < 0.9
