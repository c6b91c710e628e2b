"""Activations out of a bag are those that went in, episode by episode."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sample_bags import ACTION, ACTIVATIONS, definition, header, serialised, store

from introspect_control.capture import BagWriter
from introspect_learning.data.activations import UNKNOWN, DataError
from introspect_learning.data.bag import activations_of
from introspect_learning.models import ContractError, shipped
from introspect_learning.models.contract import Contract
from introspect_sim.tasks import PickAndPlace

BEHAVIOURS = Contract.read(shipped() / "behaviours", "behaviours")
LAYERS = ("feature_1", "features")
POSE = "geometry_msgs/msg/PoseStamped"
LENGTH = 4


def activations(episode: int, sequence: int, layer: str, model: str) -> bytes:
    return serialised(
        ACTIVATIONS,
        header=header(),
        episode=episode,
        sequence=sequence,
        model_hash=model,
        layer=layer,
        behaviour="",
        phase="grasp" if sequence else "approach",
        values=np.full(3, 100 * episode + sequence + (0.5 if layer == "features" else 0.0), "f4"),
    )


def action(episode: int, sequence: int) -> bytes:
    types = store().types
    zero = types["geometry_msgs/msg/Vector3"](x=0.0, y=0.0, z=0.0)
    twist = types["geometry_msgs/msg/Twist"](linear=zero, angular=zero)
    return serialised(
        ACTION,
        header=header(),
        episode=episode,
        sequence=sequence,
        mode=0,
        twist=twist,
        gripper_width=0.0,
        behaviour="retract",
        model_hash="",
    )


def pose(x: float) -> bytes:
    types = store().types
    point = types["geometry_msgs/msg/Point"](x=x, y=0.0, z=0.0)
    turn = types["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=0.0, w=1.0)
    return serialised(
        POSE,
        header=header(),
        pose=types["geometry_msgs/msg/Pose"](position=point, orientation=turn),
    )


def recorded(
    folder: Path,
    prefix: str = "/",
    model: str = BEHAVIOURS.hash,
    skip: Any = (),
    layers: Any = LAYERS,
    first: int = 0,
    episodes: tuple[int, ...] = (1, 2, 3),
) -> Path:
    """Three episodes; the object comes to its goal in the second alone."""
    with BagWriter(folder) as writer:
        kinds = {
            "activations": ACTIVATIONS,
            "policy/action": ACTION,
            "object_pose": POSE,
            "goal_pose": POSE,
        }
        topics = {n: writer.add_topic(prefix + n, definition(kind)) for n, kind in kinds.items()}
        time = 0

        def write(topic: str, data: bytes) -> None:
            nonlocal time
            time += 1_000_000
            assert writer.write(topics[topic], time, data)

        for episode in episodes:
            write("goal_pose", pose(1.0))
            for sequence in range(first, first + LENGTH):
                write("object_pose", pose(1.0 if episode == 2 and sequence else 0.5))
                for layer in layers:
                    if (episode, sequence, layer) not in skip:
                        write("activations", activations(episode, sequence, layer, model))
                write("policy/action", action(episode, sequence))
    return folder


@pytest.mark.parametrize("prefix", ["/", "/left/"])
def test_every_step_comes_back_with_what_is_known_of_it(tmp_path: Path, prefix: str) -> None:
    data = activations_of(recorded(tmp_path / "bag", prefix), LAYERS, BEHAVIOURS)
    assert len(data) == 3 * LENGTH
    np.testing.assert_array_equal(data.activations[5], [201.0] * 3 + [201.5] * 3)
    assert data.phase[:LENGTH].tolist() == [0, 1, 1, 1]
    assert set(data.behaviour) == {BEHAVIOURS.behaviours.index("retract")}
    assert data.success[::LENGTH].tolist() == [UNKNOWN, 1, UNKNOWN]  # two were cut short
    assert data.model_hash == BEHAVIOURS.hash


def test_an_episode_with_a_gap_falls_into_parts(tmp_path: Path) -> None:
    bag = recorded(tmp_path / "bag", skip={(2, 1, "features")})
    data = activations_of(bag, LAYERS, BEHAVIOURS)
    assert [len(rows) for rows in data.sequences()] == [4, 1, 2, 4]
    assert data.success[LENGTH : LENGTH + 3].tolist() == [1, 1, 1]


def test_no_recorded_episode_is_on_both_sides_of_a_split_whatever_is_missing(
    tmp_path: Path,
) -> None:
    bag = recorded(tmp_path / "bag", skip={(number, 1, "features") for number in (1, 2, 3)})
    data = activations_of(bag, LAYERS, BEHAVIOURS)
    assert len(data.episodes) == 3
    for seed in range(20):
        sides = [set(part.activations[:, 0] // 100) for part in data.split(0.4, seed)]
        assert not sides[0] & sides[1]
        assert sides[0] | sides[1] == {1, 2, 3}


def test_an_episode_that_ran_out_of_time_has_failed(tmp_path: Path) -> None:
    last = PickAndPlace().horizon - 1
    data = activations_of(recorded(tmp_path / "bag", first=last - LENGTH + 1), LAYERS, BEHAVIOURS)
    assert data.success[::LENGTH].tolist() == [0, 1, 0]


def test_a_policy_that_was_started_anew_begins_other_episodes(tmp_path: Path) -> None:
    data = activations_of(recorded(tmp_path / "bag", episodes=(1, 2, 1)), LAYERS, BEHAVIOURS)
    assert len(data) == 3 * LENGTH
    assert [len(rows) for rows in data.sequences()] == [LENGTH] * 3


def test_the_activations_of_another_model_are_refused_with_both_hashes(tmp_path: Path) -> None:
    bag = recorded(tmp_path / "bag", model="ab" * 32)
    text = f"are those of model {'ab' * 32}, but the policy's behaviours are {BEHAVIOURS.hash}"
    with pytest.raises(ContractError, match=text):
        activations_of(bag, LAYERS, BEHAVIOURS)


def test_a_layer_that_was_not_recorded_is_named(tmp_path: Path) -> None:
    bag = recorded(tmp_path / "bag", layers=("features",))
    with pytest.raises(DataError, match="no activations of feature_1; it has features"):
        activations_of(bag, LAYERS, BEHAVIOURS)


def test_a_bag_without_activations_says_so(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/object_pose", definition(POSE))
    with pytest.raises(DataError, match=r"one topic of activations .* it has none"):
        activations_of(tmp_path / "bag", LAYERS, BEHAVIOURS)


def test_without_poses_nobody_knows_how_an_episode_ended(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        topic = writer.add_topic("/activations", definition(ACTIVATIONS))
        for layer in LAYERS:
            writer.write(topic, 1, activations(1, 0, layer, BEHAVIOURS.hash))
    data = activations_of(tmp_path / "bag", LAYERS, replace(BEHAVIOURS))
    assert data.success.tolist() == [UNKNOWN]
    assert data.behaviour.tolist() == [UNKNOWN]
