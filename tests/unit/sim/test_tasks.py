"""What a policy sees and asks for, and how episodes start."""

import numpy as np
import pytest

from introspect_control import KinematicChain
from introspect_description import ArmDescription
from introspect_sim.tasks import (
    ACTION_SIZE,
    OBSERVATION,
    PickAndPlace,
    PickAndPlaceConfig,
    decode,
    make_task,
    observe,
)

ARM = ArmDescription.load("panda")
CHAIN = KinematicChain(ARM.chain())


def observation_at(yaw: float) -> np.ndarray:
    pose = np.array([[0.5, 0.1, 0.02, 0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)]])
    zeros, goal = np.zeros((1, 7)), np.array([[0.4, 0.0, 0.2]])
    return observe(CHAIN, ARM.home[None], zeros, np.array([0.08]), pose, goal)[0]


def test_the_parts_of_an_observation_are_what_their_names_say() -> None:
    observation = observation_at(0.0)
    parts = {name: observation[OBSERVATION.slice(name)] for name, _ in OBSERVATION.parts}
    np.testing.assert_allclose(parts["joint_position"], ARM.home, atol=1e-6)
    np.testing.assert_allclose(parts["tool_position"], [0.45, 0.0, 0.30], atol=1e-6)
    np.testing.assert_allclose(parts["object_minus_tool"], [0.05, 0.1, -0.28], atol=1e-6)
    np.testing.assert_allclose(parts["goal_minus_object"], [-0.1, -0.1, 0.18], atol=1e-6)
    assert parts["gripper_width"] == pytest.approx(0.08)
    assert len(OBSERVATION.names) == OBSERVATION.size == len(observation)


@pytest.mark.parametrize("yaw", [-0.7, -0.3, 0.0, 0.4, 0.7])
def test_the_yaw_error_is_what_the_tool_has_to_turn_by(yaw: float) -> None:
    error = observation_at(yaw)[OBSERVATION.slice("yaw_error")][0]
    assert error == pytest.approx(yaw, abs=1e-5)
    quarter = observation_at(yaw + 0.5 * np.pi)[OBSERVATION.slice("yaw_error")][0]
    assert quarter == pytest.approx(yaw, abs=1e-5)


def test_the_tool_velocity_is_the_derivative_of_its_position() -> None:
    rng = np.random.default_rng(0)
    q, dq = ARM.home[None] + rng.normal(0, 0.1, (1, 7)), rng.normal(0, 0.5, (1, 7))
    pose, goal = np.array([[0.5, 0, 0.02, 0, 0, 0, 1.0]]), np.zeros((1, 3))
    seen = observe(CHAIN, q, dq, np.array([0.08]), pose, goal)[0]
    step = (CHAIN.forward(q + 1e-6 * dq)[0] - CHAIN.forward(q - 1e-6 * dq)[0]) / 2e-6
    np.testing.assert_allclose(seen[OBSERVATION.slice("tool_velocity")], step[0], atol=1e-5)


def test_an_unknown_part_is_refused_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="'colour' does not exist; there are joint_position"):
        OBSERVATION.slice("colour")


def test_actions_are_clipped_and_scaled() -> None:
    action = np.array([[1.0, -3.0, 0.5, 1.0, -0.1]], dtype=np.float32)
    linear, angular, width = decode(action)
    np.testing.assert_allclose(linear, [[0.5, -0.5, 0.25]])
    np.testing.assert_allclose(angular, [[0.0, 0.0, 1.5]])
    assert width[0] == 0.0
    assert decode(np.zeros((1, ACTION_SIZE)))[2][0] == 0.08
    with pytest.raises(ValueError, match=r"action must be \(n, 5\).*got \(1, 4\)"):
        decode(np.zeros((1, 4)))


def test_episodes_start_on_the_table_away_from_their_goal_and_in_reach() -> None:
    task, rng = PickAndPlace(), np.random.default_rng(0)
    for _ in range(300):
        start = task.start(rng)
        position, goal = start.object_pose[0, :3], start.goal_position[0]
        assert position[2] == pytest.approx(0.02)
        assert np.linalg.norm(goal - position) >= task.config.goal_distance
        assert 0.02 <= goal[2] <= 0.27
        assert np.linalg.norm(start.object_pose[0, 3:]) == pytest.approx(1.0)
        assert not task.success(position[None], start.goal_position)[0]


def test_wrong_numbers_and_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"goal_on_table must be in \[0, 1\], got 2"):
        PickAndPlaceConfig(goal_on_table=2.0)
    with pytest.raises(ValueError, match=r"goal_distance must be in \[0, 0.16\), got 0.3"):
        PickAndPlaceConfig(goal_distance=0.3)
    with pytest.raises(ValueError, match="task 'juggle' does not exist; choose one of pick_and"):
        make_task("juggle")
