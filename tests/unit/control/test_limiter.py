"""No input whatever makes a limited command leave its limits; a feasible one passes untouched."""

import dataclasses

import numpy as np
import pytest

from introspect_control import JointLimiter
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
PERIOD = 0.01


def differences(sent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    velocity = np.diff(sent, axis=0) / PERIOD
    acceleration = np.diff(velocity, axis=0) / PERIOD
    return velocity, acceleration, np.diff(acceleration, axis=0) / PERIOD


@pytest.mark.parametrize("jerk", [80.0, 500.0, 5000.0])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_no_command_ever_exceeds_a_limit(jerk: float, share: float) -> None:
    # Given 60 arms anywhere in their range, told anything for 300 ticks: over 10^5 joint commands
    limits = ARM.limits.scaled(share, share, jerk)
    rng, n = np.random.default_rng(int(jerk + 100 * share)), 60
    limiter = JointLimiter(limits, PERIOD, n)
    limiter.reset(rng.uniform(limits.lower, limits.upper, (n, 7)))
    sent = [limiter.position.copy()] * 3
    for tick in range(300):
        if tick % 17 == 0:
            kind = rng.integers(5)
            target = rng.uniform(limits.lower - 1.0, limits.upper + 1.0, (n, 7))
            velocity = rng.normal(0.0, 2.0, (n, 7))
        if kind == 0:
            limiter.step(target)
        elif kind == 1:
            limiter.step_velocity(velocity)
        elif kind == 2:
            limiter.step(rng.uniform(-1e30, 1e30, (n, 7)))
        elif kind == 3:
            limiter.step(limiter.position + rng.normal(0.0, 0.05, (n, 7)))
        else:
            limiter.stop()
        sent.append(limiter.position.copy())
    # Then positions and their differences stay inside
    positions = np.array(sent)
    velocity, acceleration, third = differences(positions)
    assert (positions <= limits.upper).all()
    assert (positions >= limits.lower).all()
    assert (np.abs(velocity) <= limits.velocity).all()
    assert (np.abs(acceleration) <= limits.acceleration * (1 + 1e-6)).all()
    assert (np.abs(third) <= limits.jerk * (1 + 1e-6)).all()
    # And a stop ends at rest exactly
    for _ in range(400):
        limiter.stop()
    assert limiter.at_rest.all()


def test_a_feasible_motion_passes_to_the_bit() -> None:
    limits = ARM.limits.scaled(0.5, 0.5, 500.0)
    limiter = JointLimiter(limits, PERIOD)
    limiter.reset(ARM.home[None])
    for tick in range(200):
        desired = ARM.home[None] + 0.05 * (1.0 - np.cos(0.05 * tick))
        np.testing.assert_array_equal(limiter.step(desired), desired)


def test_a_step_is_reached_without_passing_it() -> None:
    limiter = JointLimiter(ARM.limits.scaled(0.5, 0.5, 500.0), PERIOD)
    limiter.reset(ARM.home[None])
    target = ARM.home[None] + 0.3
    sent = np.array([limiter.step(target)[0] for _ in range(200)])
    np.testing.assert_allclose(sent[-1], target[0], atol=1e-12)
    assert (sent - target[0]).max() < 1e-3


def test_a_range_too_short_to_stop_within_is_refused_by_name() -> None:
    limits = ARM.limits
    tight = limits.upper.copy()
    tight[3] = limits.lower[3] + 0.05
    limits = dataclasses.replace(limits, upper=tight)
    with pytest.raises(ValueError, match=r"joint range too short .*panda_joint4"):
        JointLimiter(limits, PERIOD)
    with pytest.raises(ValueError, match="period must be positive, got 0"):
        JointLimiter(ARM.limits, 0.0)


@pytest.mark.parametrize("move", ["step", "step_velocity"])
def test_what_is_not_finite_or_of_another_shape_is_refused_and_moves_nothing(move: str) -> None:
    limiter = JointLimiter(ARM.limits, PERIOD)
    before = limiter.position
    with pytest.raises(ValueError, match="desired must be finite, got nan"):
        getattr(limiter, move)(np.full((1, 7), np.nan))
    with pytest.raises(ValueError, match=r"desired must be \(1, 7\), got \(2, 7\)"):
        getattr(limiter, move)(np.zeros((2, 7)))
    with pytest.raises(ValueError, match="ticks must be 1 or more, got 0"):
        limiter.follow(np.zeros((1, 7)), 0)
    np.testing.assert_array_equal(limiter.position, before)
