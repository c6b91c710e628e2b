"""The two writings of the joint limiter agree to the bit."""

import numpy as np
import pytest

from introspect_control import JointLimiter
from introspect_control.guard import ScalarLimiter
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
LIMITS = ARM.limits.scaled(0.5, 0.5, 500.0)


@pytest.mark.parametrize("manner", ["chase", "jump", "wander", "creep", "drift", "stop"])
def test_the_scalar_limiter_does_to_the_bit_what_the_compiled_one_does(manner: str) -> None:
    # given
    random = np.random.default_rng(11)
    compiled, scalar = JointLimiter(LIMITS, 0.01), ScalarLimiter(LIMITS, 0.01)
    for _ in range(8):
        start = random.uniform(LIMITS.lower - 0.1, LIMITS.upper + 0.1)
        compiled.reset(start[None])
        scalar.reset(start.tolist())
        goal = random.uniform(LIMITS.lower - 0.5, LIMITS.upper + 0.5)
        velocity = np.zeros(7)
        for tick in range(60):
            # when
            last = compiled.position[0]
            velocity = 0.95 * velocity + random.normal(0.0, 0.2, 7)
            wanted = {
                "chase": goal,
                "jump": random.uniform(LIMITS.lower - 1.0, LIMITS.upper + 1.0),
                "wander": last + random.normal(0.0, 0.01, 7),
                "creep": last + 1e-4 * np.sign(goal),
                "drift": last + 0.01 * velocity,
                "stop": goal,
            }[manner]
            if manner == "stop" and tick > 20:
                compiled.stop()
                scalar.stop()
            else:
                sent = compiled.step(wanted[None])
                exactly = scalar.step(wanted.tolist())
                assert exactly == np.array_equal(sent[0], wanted)

            # then
            np.testing.assert_array_equal(scalar.position, compiled.position[0])
            np.testing.assert_array_equal(scalar.velocity, compiled.velocity[0])
            np.testing.assert_array_equal(scalar.acceleration, compiled.acceleration[0])
            assert scalar.at_rest == compiled.at_rest[0]


def test_whatever_ticks_are_missed_the_limits_are_kept_and_a_stop_remains_possible() -> None:
    random = np.random.default_rng(12)
    limiter = ScalarLimiter(LIMITS, 0.01)
    for _ in range(300):
        limiter.reset(random.uniform(LIMITS.lower, LIMITS.upper).tolist())
        goal = random.uniform(LIMITS.lower - 1.0, LIMITS.upper + 1.0)
        for _ in range(40):
            if random.random() < 0.3:
                limiter.coast()
            else:
                limiter.step(np.where(random.random(7) < 0.5, goal, limiter.position).tolist())
            position, velocity = np.array(limiter.position), np.abs(limiter.velocity)
            np.testing.assert_array_equal(position.clip(LIMITS.lower, LIMITS.upper), position)
            assert (velocity <= LIMITS.velocity).all()
            assert (np.abs(limiter.acceleration) <= LIMITS.acceleration).all()
        while not limiter.at_rest:
            limiter.stop()
            position = np.array(limiter.position)
            np.testing.assert_array_equal(position.clip(LIMITS.lower, LIMITS.upper), position)


def test_who_coasts_goes_on_at_its_velocity() -> None:
    limiter = ScalarLimiter(LIMITS, 0.01)
    limiter.reset(ARM.home.tolist())
    for _ in range(5):
        limiter.step((np.array(ARM.home) + 0.2).tolist())
    position, velocity = np.array(limiter.position), np.array(limiter.velocity)
    assert velocity.min() > 0.05

    limiter.coast()

    np.testing.assert_array_equal(limiter.velocity, velocity)
    np.testing.assert_array_equal(limiter.position, position + 0.01 * velocity)
    assert not np.any(limiter.acceleration)


def test_a_period_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match=r"period must be positive, got 0\.0"):
        ScalarLimiter(LIMITS, 0.0)


def test_a_range_too_short_to_stop_within_is_refused_with_its_joints() -> None:
    slow = ARM.limits.scaled(1.0, 0.02, 500.0)

    with pytest.raises(ValueError, match=r"too short to stop within at these limits: \['panda_j"):
        ScalarLimiter(slow, 0.01)
