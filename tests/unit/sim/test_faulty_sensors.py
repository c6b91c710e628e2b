"""Faulty sensors say something else than what is; what is stays as it was."""

import numpy as np
import pytest

from introspect_sim.envs import FaultySensors, PickAndPlaceVectorEnv, SensorFaultConfig
from introspect_sim.tasks import OBSERVATION


def played(config: SensorFaultConfig, seed: int = 1, steps: int = 6) -> tuple[np.ndarray, ...]:
    """Observations and truths (steps + 1, n, ·) of an arm that moves up."""
    env = FaultySensors(PickAndPlaceVectorEnv(3, timestep=0.005), config)
    observation, _ = env.reset(seed=seed)
    seen, truths = [observation], [env.truth()]
    for _ in range(steps):
        observation, *_ = env.step(np.tile([0.0, 0.0, 0.5, 0.0, 1.0], (3, 1)).astype(np.float32))
        np.testing.assert_array_equal(observation, env.observe())
        seen.append(observation)
        truths.append(env.truth())
    env.close()
    return np.array(seen), np.array(truths)


def test_without_a_fault_the_truth_is_seen() -> None:
    config = SensorFaultConfig()
    assert not config.any
    np.testing.assert_array_equal(*played(config))


def test_noise_has_the_deviation_asked_for_and_spares_other_sensors() -> None:
    seen, truth = played(SensorFaultConfig(noise=0.01, sensors=("goal",)), steps=40)
    error = seen - truth
    goal = np.r_[OBSERVATION.slice("goal_position"), OBSERVATION.slice("goal_minus_object")]
    others = np.setdiff1d(np.arange(OBSERVATION.size), goal)
    assert not error[..., others].any()
    assert error[..., goal].std() == pytest.approx(0.01, rel=0.1)


def test_what_happens_does_not_depend_on_what_is_seen() -> None:
    np.testing.assert_array_equal(
        played(SensorFaultConfig(noise=0.05))[1], played(SensorFaultConfig())[1]
    )


def test_the_same_seed_gives_the_same_faults() -> None:
    config = SensorFaultConfig(noise=0.01, dropout=0.3)
    np.testing.assert_array_equal(played(config)[0], played(config)[0])
    assert (played(config, seed=2)[0] != played(config)[0]).any()


def test_latency_shows_what_was_some_steps_ago() -> None:
    seen, truth = played(SensorFaultConfig(latency=2))
    np.testing.assert_array_equal(seen[2:], truth[:-2])
    np.testing.assert_array_equal(seen[1], truth[0])  # nothing older is known


def test_a_sensor_that_falls_silent_repeats_itself() -> None:
    seen, truth = played(SensorFaultConfig(dropout=0.5, sensors=("arm",)), steps=30)
    tool = OBSERVATION.slice("tool_position")
    repeated = (seen[1:, :, tool] == seen[:-1, :, tool]).all(axis=-1)
    moved = (truth[1:, :, tool] != truth[:-1, :, tool]).any(axis=-1)
    assert 0.3 < repeated[moved].mean() < 0.7
    shown = (seen[1:, :, tool] == truth[1:, :, tool]).all(axis=-1)
    np.testing.assert_array_equal(shown[moved], ~repeated[moved])


@pytest.mark.parametrize("config", [SensorFaultConfig(latency=2), SensorFaultConfig(dropout=0.99)])
def test_an_episode_that_begins_by_itself_shows_nothing_of_the_one_before(
    config: SensorFaultConfig,
) -> None:
    env = FaultySensors(PickAndPlaceVectorEnv(3, timestep=0.005, horizon=3), config)
    env.reset(seed=1)
    up = np.tile([0.0, 0.0, 0.5, 0.0, 1.0], (3, 1)).astype(np.float32)
    for _ in range(3):
        env.step(up)
    # When the next episodes begin, nothing older is known and there is nothing to repeat yet
    observation, *_ = env.step(up)
    np.testing.assert_array_equal(observation, env.truth())
    first = observation
    observation, *_ = env.step(up)
    if config.latency:
        np.testing.assert_array_equal(observation, first)
    env.close()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"noise": -0.1}, "noise must be finite and not negative, got -0.1"),
        ({"noise": np.inf}, "noise must be finite and not negative, got inf"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"latency": -1}, "latency must not be negative, got -1"),
        ({"sensors": ("eye",)}, "sensors must be of arm, gripper, object, goal, got eye"),
    ],
)
def test_faults_that_no_sensor_has_are_refused(change: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        SensorFaultConfig(**change)
