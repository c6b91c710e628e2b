"""The last look at a trajectory, before a directly driven arm."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from introspect_control.drivers import check_trajectory
from introspect_control.trajectory import ShortHorizon, Trajectory
from introspect_description import ArmDescription

ARM = ArmDescription.load("fr3")
LIMITS = ARM.limits
ENVELOPE = LIMITS.scaled(velocity=0.5, acceleration=0.5, jerk=500.0)
PERIOD = 0.01

shares = st.lists(st.floats(-1.0, 1.0), min_size=7, max_size=7).map(np.array)


@given(shares, shares, st.floats(0.0, 2.5))
def test_what_a_bridge_plans_is_let_through_however_late_the_one_before_came(
    place: np.ndarray, speed: np.ndarray, periods: float
) -> None:
    middle, half = 0.5 * (LIMITS.lower + LIMITS.upper), 0.5 * (LIMITS.upper - LIMITS.lower)
    position, velocity = middle + 0.8 * place * half, speed * ENVELOPE.velocity
    plan = ShortHorizon(LIMITS, ENVELOPE, PERIOD).plan(position, velocity)
    check_trajectory(plan, position - velocity * PERIOD * periods, LIMITS)


@given(st.integers(0, 6), st.floats(1.1, 50.0), st.sampled_from([-1.0, 1.0]))
def test_no_point_is_reached_faster_than_three_times_the_limit(
    joint: int, excess: float, sign: float
) -> None:
    position = ARM.home.copy()
    way = 3.0 * excess * LIMITS.velocity[joint] * 0.01
    end = position.copy()
    end[joint] += sign * way
    if not (LIMITS.lower <= end).all() or not (end <= LIMITS.upper).all():
        return
    jump = Trajectory(np.array([0.01]), end[None], np.zeros((1, 7)))
    with pytest.raises(ValueError, match=f"{LIMITS.names[joint]} would move at"):
        check_trajectory(jump, position, LIMITS)


def test_between_points_the_limit_itself_holds() -> None:
    points = np.array([ARM.home, ARM.home])
    points[1, 1] += 0.011
    plan = Trajectory(np.array([0.01, 0.02]), points, np.zeros((2, 7)))
    with pytest.raises(
        ValueError, match=r"fr3_joint2 would move at 1\.10 rad/s, its limit is 1\.0 rad/s"
    ):
        check_trajectory(plan, ARM.home, LIMITS)


def test_a_velocity_beyond_the_limit_is_refused() -> None:
    velocities = np.zeros((1, 7))
    velocities[0, 6] = -3.1
    plan = Trajectory(np.array([0.1]), ARM.home[None], velocities)
    with pytest.raises(ValueError, match=r"fr3_joint7 would move at 3\.10 rad/s"):
        check_trajectory(plan, ARM.home, LIMITS)


def test_a_place_outside_the_limits_is_refused_by_joint_and_range() -> None:
    end = ARM.home.copy()
    end[3] = 0.0
    plan = Trajectory(np.array([5.0]), end[None], np.zeros((1, 7)))
    with pytest.raises(
        ValueError, match=r"fr3_joint4 = 0\.000 rad is outside its limits \[-2\.7478, -0\.4461\]"
    ):
        check_trajectory(plan, ARM.home, LIMITS)
