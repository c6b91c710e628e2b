"""The short horizon always ends at rest within the limits, and the sampler follows it exactly."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from introspect_control.trajectory import (
    HermiteSampler,
    ShortHorizon,
    Trajectory,
    trajectory_in_order,
)
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
ENVELOPE = ARM.limits.scaled(0.5, 0.5, 500.0)
PERIOD = 0.01
HORIZON = ShortHorizon(ARM.limits, ENVELOPE, PERIOD)
UNIT = arrays(np.float64, 7, elements=st.floats(-1.0, 1.0))

Array = NDArray[np.float64]


def reachable(where: Array, speed: Array) -> tuple[Array, Array]:
    """A position, and a velocity from which the envelope can still stop before its limits."""
    limits = ENVELOPE
    middle, half = 0.5 * (limits.lower + limits.upper), 0.5 * (limits.upper - limits.lower)
    position = middle + where * half
    room = np.where(speed > 0.0, limits.upper - position, position - limits.lower)
    fastest = np.minimum(limits.velocity, np.sqrt(2.0 * limits.acceleration * np.maximum(room, 0)))
    return position, speed * fastest


def followed(trajectory: Trajectory, step: float = 1e-3) -> tuple[Array, Array, Array]:
    """Positions, velocities and accelerations of whoever follows it from its first point on."""
    sampler = HermiteSampler(trajectory.positions[0])
    sampler.follow(trajectory, 0.0)
    times = np.arange(trajectory.times[0], trajectory.times[-1] + 0.05, step)
    samples = [sampler.sample(float(t)) for t in times]
    positions, velocities = (np.array(part) for part in zip(*samples, strict=True))
    return positions, velocities, np.diff(velocities, axis=0) / step


@settings(max_examples=60, deadline=None)
@given(UNIT, UNIT)
def test_any_command_extends_to_a_motion_within_the_limits_that_ends_at_rest(
    where: Array, speed: Array
) -> None:
    # given
    position, velocity = reachable(where, speed)

    # when
    plan = HORIZON.plan(position, velocity)
    positions, velocities, accelerations = followed(plan)

    # then
    limits = ARM.limits
    assert plan.times[0] == PERIOD
    assert plan.times[-1] <= 0.2
    assert (np.diff(plan.times) > 0.0).all()
    np.testing.assert_array_equal(plan.positions[0], position)
    np.testing.assert_array_equal(plan.velocities[0], velocity)
    np.testing.assert_array_equal(plan.velocities[-1], 0.0)
    assert (positions >= limits.lower - 1e-9).all()
    assert (positions <= limits.upper + 1e-9).all()
    assert (np.abs(velocities) <= np.abs(velocity) + 1e-9).all()
    assert (np.abs(accelerations) <= limits.acceleration * (1.0 + 1e-6) + 1e-6).all()
    np.testing.assert_array_equal(velocities[-1], 0.0)


def test_away_from_limits_the_joints_slow_down_together_along_a_straight_line() -> None:
    velocity = 0.4 * ENVELOPE.velocity

    plan = HORIZON.plan(ARM.home, velocity)

    moved = (plan.positions - ARM.home) / velocity
    np.testing.assert_allclose(moved, np.broadcast_to(moved[:, :1], moved.shape), atol=1e-12)
    assert len(plan.times) == 5
    assert plan.times[-1] == 0.2


def test_the_command_is_continued_for_one_period() -> None:
    velocity = 0.4 * ENVELOPE.velocity

    plan = HORIZON.plan(ARM.home, velocity)

    assert plan.times[1] == 2 * PERIOD
    np.testing.assert_allclose(plan.positions[1], ARM.home + velocity * PERIOD, atol=1e-15)
    np.testing.assert_array_equal(plan.velocities[1], velocity)


def test_a_joint_at_its_limit_at_rest_stays_there() -> None:
    plan = HORIZON.plan(ARM.limits.upper, np.zeros(7))

    np.testing.assert_array_equal(
        plan.positions, np.broadcast_to(ARM.limits.upper, (len(plan.times), 7))
    )


def test_an_envelope_too_fast_to_stop_in_time_is_refused_with_the_largest_that_would_do() -> None:
    with pytest.raises(
        ValueError,
        match=r"\['panda_joint2', 'panda_joint3'\] cannot stop within 0\.2 s .* at most 62%",
    ):
        ShortHorizon(ARM.limits, ARM.limits, PERIOD)


def test_a_horizon_beyond_the_longest_is_refused() -> None:
    with pytest.raises(ValueError, match=r"between 3 periods \(0\.03 s\) and 0\.2 s, got 0\.5"):
        ShortHorizon(ARM.limits, ENVELOPE, PERIOD, duration=0.5)
    with pytest.raises(ValueError, match="lead must be at least 1, got 0"):
        ShortHorizon(ARM.limits, ENVELOPE, PERIOD, lead=0)


@pytest.mark.parametrize("lead", [1, 2, 4])
def test_a_lead_goes_on_at_the_same_velocity_and_still_ends_at_rest(lead: int) -> None:
    velocity = 0.3 * ENVELOPE.velocity
    plan = ShortHorizon(ARM.limits, ENVELOPE, PERIOD, lead=lead).plan(ARM.home, velocity)

    assert plan.times[0] == pytest.approx(lead * PERIOD)
    np.testing.assert_allclose(
        plan.positions[0], ARM.home + velocity * (lead - 1) * PERIOD, atol=1e-12
    )
    np.testing.assert_array_equal(plan.velocities[0], velocity)
    assert plan.times[-1] <= 0.2
    assert not plan.velocities[-1].any()


def test_a_sampler_passes_through_every_point_to_the_bit() -> None:
    # given
    plan = HORIZON.plan(ARM.home, 0.3 * ENVELOPE.velocity)
    sampler = HermiteSampler(ARM.home)
    start = 1234.56

    # when
    sampler.follow(plan, start)

    # then
    for time, position, velocity in zip(*plan, strict=True):
        sampled_position, sampled_velocity = sampler.sample(start + time)
        np.testing.assert_array_equal(sampled_position, position)
        np.testing.assert_array_equal(sampled_velocity, velocity)


def test_a_sampler_holds_the_last_point() -> None:
    sampler = HermiteSampler(ARM.home)
    plan = HORIZON.plan(ARM.home, 0.3 * ENVELOPE.velocity)
    sampler.follow(plan, 0.0)

    position, velocity = sampler.sample(100.0)

    np.testing.assert_array_equal(position, plan.positions[-1])
    np.testing.assert_array_equal(velocity, 0.0)
    assert sampler.done(100.0)
    assert not sampler.done(0.1)


def test_a_new_trajectory_is_joined_without_a_jump() -> None:
    # given an arm on its way
    sampler = HermiteSampler(ARM.home)
    sampler.follow(HORIZON.plan(ARM.home + 0.01, 0.5 * ENVELOPE.velocity), 0.0)
    before, velocity_before = sampler.sample(0.055)

    # when
    sampler.follow(HORIZON.plan(ARM.home, np.zeros(7)), 0.055)

    # then
    after, velocity_after = sampler.sample(0.055)
    soon, _ = sampler.sample(0.055 + 1e-6)
    np.testing.assert_array_equal(after, before)
    np.testing.assert_array_equal(velocity_after, velocity_before)
    np.testing.assert_allclose(soon, before + 1e-6 * velocity_before, atol=1e-8)


@pytest.mark.parametrize(
    ("trajectory", "message"),
    [
        (Trajectory(np.zeros(0), np.zeros((0, 7)), np.zeros((0, 7))), r"k > 0, got \(0,\)"),
        (Trajectory(np.array([0.1]), np.zeros((1, 6)), np.zeros((1, 7))), r"positions must be"),
        (Trajectory(np.array([0.1]), np.zeros((1, 7)), np.zeros((0, 7))), r"velocities must be"),
        (Trajectory(np.array([0.0]), np.zeros((1, 7)), np.zeros((1, 7))), r"increase from above 0"),
        (
            Trajectory(np.array([0.1, 0.1]), np.zeros((2, 7)), np.zeros((2, 7))),
            r"increase from above 0",
        ),
        (Trajectory(np.array([0.1]), np.full((1, 7), np.nan), np.zeros((1, 7))), r"finite"),
    ],
)
def test_a_malformed_trajectory_is_refused_and_the_arm_goes_on_as_before(
    trajectory: Trajectory, message: str
) -> None:
    sampler = HermiteSampler(ARM.home)

    with pytest.raises(ValueError, match=message):
        sampler.follow(trajectory, 0.0)

    np.testing.assert_array_equal(sampler.sample(1.0)[0], ARM.home)


def test_many_samples_are_the_same_as_one_by_one() -> None:
    sampler = HermiteSampler(ARM.home)
    assert (sampler.sample_many(np.array([0.0, 1.0])) == ARM.home).all()
    sampler.follow(HORIZON.plan(ARM.home, 0.3 * ENVELOPE.velocity), 5.0)
    times = 5.0 + np.linspace(0.0, 0.4, 77)

    np.testing.assert_allclose(
        sampler.sample_many(times), [sampler.sample(time)[0] for time in times], atol=1e-12
    )


def test_joints_in_any_order_come_out_in_the_arms() -> None:
    rng = np.random.default_rng(0)
    positions, velocities = rng.normal(size=(2, 3, 7))
    names, times = list(ARM.joint_names), [0.1, 0.2, 0.3]

    for order in (rng.permutation(7) for _ in range(20)):
        shuffled = [names[k] for k in order]
        given = positions[:, order].tolist(), velocities[:, order].tolist()
        found = trajectory_in_order(names, shuffled, times, *given)
        assert np.array_equal(found.positions, positions)
        assert np.array_equal(found.velocities, velocities)
        assert found.times.tolist() == times


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"names": ["panda_joint1"]}, "it names panda_joint1; the arm has panda_joint1, panda_j"),
        ({"names": []}, "it names no joint; the arm has"),
        ({"times": [], "positions": [], "velocities": []}, "it has no points"),
        ({"positions": []}, "it has 1 times, 0 positions and 1 velocities"),
        ({"velocities": []}, "it has 1 times, 1 positions and 0 velocities"),
        ({"times": [0.1, 0.2]}, "it has 2 times, 1 positions and 1 velocities"),
        ({"velocities": [[]]}, "each point needs 7 positions and as many velocities, got [0, 7]"),
        ({"positions": [[0.0] * 6]}, "each point needs 7 positions and as many velocities, got [6"),
    ],
)
def test_a_trajectory_of_other_joints_or_without_numbers_for_each_is_refused(
    change: dict[str, list[str]], problem: str
) -> None:
    given = {
        "names": list(ARM.joint_names),
        "times": [0.1],
        "positions": [[0.0] * 7],
        "velocities": [[0.0] * 7],
    } | change

    with pytest.raises(ValueError, match=re.escape(problem)):
        trajectory_in_order(ARM.joint_names, **given)  # type: ignore[arg-type]
