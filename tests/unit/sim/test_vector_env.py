"""Episodes are reproducible to the bit, whatever runs beside them, and follow Gymnasium's rules."""

import re
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from introspect_control import ServoConfig
from introspect_learning.behaviours.teacher import Teacher
from introspect_sim.envs import (
    Perturbation,
    PerturbationConfig,
    PickAndPlaceEnv,
    PickAndPlaceVectorEnv,
)
from introspect_sim.worlds import WorldError


def played(
    n: int, threads: int, world: str = "mujoco", steps: int = 12, row: int = 0
) -> np.ndarray:
    """Observations of one copy while every copy follows its own random actions."""
    env = PickAndPlaceVectorEnv(n, world, threads=threads)
    observation, _ = env.reset(seed=5)
    seen = [observation[row]]
    for step in range(steps):
        action = [np.random.default_rng([step, i]).uniform(-1, 1, 5) for i in range(n)]
        observation, *_ = env.step(np.array(action, dtype=np.float32))
        seen.append(observation[row])
    env.close()
    return np.array(seen)


def test_an_episode_is_bit_identical_with_any_threads_and_any_neighbours() -> None:
    alone = played(3, threads=1, row=2)
    np.testing.assert_array_equal(alone, played(3, threads=2, row=2))
    np.testing.assert_array_equal(alone, played(8, threads=2, row=2))


@pytest.mark.parametrize("world", ["mujoco", "pybullet"])
def test_the_same_seed_gives_the_same_episode_twice(world: str) -> None:
    np.testing.assert_array_equal(played(2, 1, world, 8), played(2, 1, world, 8))


def test_episodes_differ_between_copies_and_go_on_without_a_seed() -> None:
    env = PickAndPlaceVectorEnv(4)
    first, _ = env.reset(seed=1)
    second, _ = env.reset()
    again, _ = env.reset(seed=1)
    assert len({row.tobytes() for row in np.concatenate([first, second])}) == 8
    np.testing.assert_array_equal(first, again)


def test_a_script_picks_and_places_in_both_engines() -> None:
    for world, n in (("mujoco", 16), ("pybullet", 3)):
        env, teacher = PickAndPlaceVectorEnv(n, world, timestep=0.005), Teacher()
        observation, info = env.reset(seed=0)
        for _ in range(70):
            action = teacher.actions(observation)[np.arange(n), teacher.reference(observation)]
            observation, *_, info = env.step(action)
        assert info["success"].all()
        assert teacher.holds(observation).all()
        env.close()


def test_finished_copies_start_anew_at_their_next_step() -> None:
    env = PickAndPlaceVectorEnv(2, horizon=3)
    start, _ = env.reset(seed=0)
    still = np.zeros((2, 5), dtype=np.float32)
    truncated = [env.step(still)[3].tolist() for _ in range(3)]
    assert truncated == [[False, False], [False, False], [True, True]]
    observation, reward, _, over, _ = env.step(still)
    assert not over.any()
    np.testing.assert_array_equal(reward, [0.0, 0.0])
    assert not np.array_equal(observation, start)


@pytest.mark.parametrize("kind", [k for k in Perturbation if k is not Perturbation.DROP_OBJECT])
def test_a_disturbance_comes_once_and_is_told(kind: Perturbation) -> None:
    config = PerturbationConfig(probability=1.0, kinds=(kind,), earliest=4, latest=4)
    env = PickAndPlaceVectorEnv(3, perturbation=config)
    quiet = PickAndPlaceVectorEnv(3)
    disturbed, calm = env.reset(seed=2)[0], quiet.reset(seed=2)[0]
    np.testing.assert_array_equal(disturbed, calm)
    still = np.zeros((3, 5), dtype=np.float32)
    for step in range(1, 7):
        disturbed, *_, info = env.step(still)
        calm = quiet.step(still)[0]
        assert info["disturbed"].all() == (step >= 4)
        if step < 4:
            np.testing.assert_array_equal(disturbed, calm)
    assert not np.array_equal(disturbed, calm)
    assert (env.disturbances() == kind.value).all()


def test_an_object_is_dropped_once_it_has_been_lifted_and_the_gripper_closes_again() -> None:
    # Given episodes in which the script picks the object up
    config = PerturbationConfig(
        probability=1.0, kinds=(Perturbation.DROP_OBJECT,), earliest=2, latest=2
    )
    env, teacher = PickAndPlaceVectorEnv(4, perturbation=config), Teacher()
    observation, info = env.reset(seed=2)
    rows, dropped_from, fell_to = np.arange(4), np.full(4, np.nan), np.full(4, np.inf)
    for _ in range(100):
        height = env.world.object_pose[:, 2]
        before = info["disturbed"]
        action = teacher.actions(observation)[rows, teacher.reference(observation)]
        observation, *_, info = env.step(action)
        # When it is off the table, and not before
        comes = info["disturbed"] & ~before
        dropped_from[comes] = env.world.object_pose[comes, 2]
        fell_to[before] = np.minimum(fell_to, height)[before]
    # Then it falls back to the table, once, and can be picked up again
    assert (dropped_from > 0.04).all()
    assert (fell_to < 0.022).all()
    assert teacher.holds(observation).all()


@pytest.mark.parametrize("world", ["mujoco", "pybullet"])
def test_a_gripper_that_has_held_for_long_lets_go_as_soon_as_it_is_told(world: str) -> None:
    env, teacher = PickAndPlaceVectorEnv(2, world, timestep=0.005), Teacher()
    observation, _ = env.reset(seed=0)
    for _ in range(90):
        action = teacher.actions(observation)[np.arange(2), teacher.reference(observation)]
        observation, *_ = env.step(action)
    assert teacher.holds(observation).all()
    still_and_open = np.array([[0.0, 0.0, 0.0, 0.0, 1.0]] * 2, dtype=np.float32)
    for _ in range(4):
        observation, *_ = env.step(still_and_open)
    env.close()
    assert not teacher.holds(observation).any()
    assert (env.world.gripper_width > 0.045).all()


def test_gymnasium_accepts_the_single_environment() -> None:
    env = PickAndPlaceEnv(horizon=5)
    check_env(env, skip_render_check=True)
    env.reset(seed=0)
    for _ in range(5):
        *_, truncated, _ = env.step(np.zeros(5, dtype=np.float32))
    assert truncated
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(5, dtype=np.float32))


def test_gymnasium_makes_it_by_name() -> None:
    import introspect_sim  # noqa: F401 - registers the environment

    env = gymnasium.make("introspect/PickAndPlace-v0", world="mujoco")
    observation, _ = env.reset(seed=3)
    assert observation in env.observation_space


def test_what_cannot_be_made_is_refused_with_the_choices() -> None:
    with pytest.raises(WorldError, match="'gazebo' does not exist; choose one of mujoco, pybullet"):
        PickAndPlaceVectorEnv(1, "gazebo")
    with pytest.raises(WorldError, match="n and threads must be at least 1"):
        PickAndPlaceVectorEnv(0)
    with pytest.raises(ValueError, match="render_mode must be None or 'rgb_array'"):
        PickAndPlaceVectorEnv(1, render_mode="human")
    with pytest.raises(ValueError, match="probability must be in"):
        PerturbationConfig(probability=1.5)


@pytest.mark.parametrize("name", ["push_speed", "move_distance"])
@pytest.mark.parametrize("ends", [(-0.1, 0.2), (0.3, 0.2), (0.0, np.inf), (np.nan, 1.0)])
def test_disturbances_that_no_strength_lies_between_are_refused(
    name: str, ends: tuple[float, float]
) -> None:
    text = f"{name} must be two finite numbers, 0 <= least <= most, got {ends}"
    changes: dict[str, Any] = {name: ends}
    with pytest.raises(ValueError, match=re.escape(text)):
        PerturbationConfig(**changes)


def test_actions_for_another_number_of_arms_or_that_are_no_numbers_are_refused() -> None:
    env = PickAndPlaceVectorEnv(3)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"actions must be \(3, 5\), got \(1, 5\)"):
        env.step(np.zeros((1, 5), dtype=np.float32))
    with pytest.raises(ValueError, match="linear must be finite, got nan"):
        env.step(np.full((3, 5), np.nan, dtype=np.float32))


def test_a_servo_period_that_does_not_divide_the_policys_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must divide the policy's, 0\.04 s; got 0\.1 s"):
        PickAndPlaceVectorEnv(1, servo=ServoConfig(period=0.1))
