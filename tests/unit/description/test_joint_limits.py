"""Joint limits and the envelope made from them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from introspect_description import ArmDescription, DescriptionError, JointLimits

LIMITS = ArmDescription.load("panda").limits
FRACTION = st.floats(min_value=0.0, max_value=1.0, exclude_min=True)


@given(velocity=FRACTION, acceleration=FRACTION, jerk=st.floats(1.0, 1e6))
def test_the_envelope_is_never_wider_than_the_limits(
    velocity: float, acceleration: float, jerk: float
) -> None:
    envelope = LIMITS.scaled(velocity, acceleration, jerk)
    np.testing.assert_array_equal(envelope.velocity, LIMITS.velocity * velocity)
    np.testing.assert_array_equal(envelope.acceleration, LIMITS.acceleration * acceleration)
    assert (envelope.jerk <= LIMITS.jerk).all()
    assert (envelope.jerk <= jerk).all()
    np.testing.assert_array_equal(envelope.upper, LIMITS.upper)


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.01, float("nan")])
def test_a_fraction_outside_zero_to_one_is_refused(fraction: float) -> None:
    with pytest.raises(DescriptionError, match=r"velocity: the fraction of the limit must be in"):
        LIMITS.scaled(fraction, 0.5, 500.0)
    with pytest.raises(DescriptionError, match=r"acceleration: the fraction of the limit"):
        LIMITS.scaled(0.5, fraction, 500.0)


@pytest.mark.parametrize("jerk", [0.0, -1.0, float("inf"), float("nan")])
def test_a_jerk_that_is_no_cap_is_refused(jerk: float) -> None:
    with pytest.raises(DescriptionError, match=r"jerk: the cap must be positive and finite"):
        LIMITS.scaled(0.5, 0.5, jerk)


def test_limits_keep_their_own_copy_of_the_arrays() -> None:
    lower = np.array([-1.0])
    one = np.ones(1)
    limits = JointLimits(("joint",), lower, one, one, one, one, one)
    lower[0] = 5.0
    assert limits.lower[0] == -1.0


def test_an_array_of_the_wrong_length_is_refused() -> None:
    one, two = np.ones(1), np.ones(2)
    with pytest.raises(
        DescriptionError, match=r"jerk: expected 1 numbers, one per joint, got shape \(2,\)"
    ):
        JointLimits(("joint",), -one, one, one, one, two, one)
