"""The last look at a trajectory, before a directly driven arm."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from introspect_control.drivers import check_trajectory
from introspect_control.limiter import JointLimiter
from introspect_control.trajectory import HermiteSampler, ShortHorizon, Trajectory
from introspect_description import ArmDescription

ARM = ArmDescription.load("fr3")
LIMITS = ARM.limits
ENVELOPE = LIMITS.scaled(velocity=0.5, acceleration=0.5, jerk=500.0)
PERIOD = 0.01

shares = st.lists(st.floats(-1.0, 1.0), min_size=7, max_size=7).map(np.array)


AT_REST = np.zeros(7)


@given(shares, shares, st.floats(0.0, 2.5), st.sampled_from([1, 2, 4]))
def test_what_a_bridge_plans_is_let_through_however_late_the_one_before_came(
    place: np.ndarray, speed: np.ndarray, periods: float, lead: int
) -> None:
    middle, half = 0.5 * (LIMITS.lower + LIMITS.upper), 0.5 * (LIMITS.upper - LIMITS.lower)
    position, velocity = middle + 0.8 * place * half, speed * ENVELOPE.velocity
    plan = ShortHorizon(LIMITS, ENVELOPE, PERIOD, lead=lead).plan(position, velocity)
    check_trajectory(plan, position - velocity * PERIOD * periods, velocity, LIMITS)


@given(
    st.lists(st.tuples(shares, st.floats(-0.009, 0.009)), min_size=1, max_size=40),
    st.sampled_from([1, 4]),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_a_bridge_is_followed_through_the_jitter_of_its_commands_up_to_the_limits(
    wanted: list[tuple[np.ndarray, float]], lead: int, from_the_limit: bool
) -> None:
    # given a command that is limited as a bridge limits it, and comes up to 9 ms early or late
    horizon, limiter = (
        ShortHorizon(LIMITS, ENVELOPE, PERIOD, lead=lead),
        JointLimiter(ENVELOPE, PERIOD),
    )
    start = LIMITS.upper - 0.02 if from_the_limit else ARM.home
    limiter.reset(start[None])
    sampler = HermiteSampler(start)
    for i, (share, jitter) in enumerate(wanted):
        limiter.step((ARM.home + 2.0 * share)[None])
        plan = horizon.plan(limiter.position[0], limiter.velocity[0])
        now = 1.0 + PERIOD * i + jitter
        # when it arrives, then it is let through
        check_trajectory(plan, *sampler.sample(now), LIMITS)
        sampler.follow(plan, now)


@given(st.lists(st.tuples(st.floats(0.002, 0.06), shares, shares), min_size=1, max_size=4))
@example([(0.05, np.full(7, 0.05), np.full(7, 0.5)), (0.05, np.full(7, 0.06), AT_REST)])
def test_what_is_let_through_keeps_the_limits_all_along_its_curve(
    points: list[tuple[float, np.ndarray, np.ndarray]],
) -> None:
    steps, places, speeds = zip(*points, strict=True)
    times = np.cumsum(steps)
    start = 0.5 * (LIMITS.lower + LIMITS.upper)
    way = np.cumsum(0.05 * np.array(places), axis=0)
    velocities = np.array(speeds) * LIMITS.velocity
    velocities[-1] = 0.0
    plan = Trajectory(times, start + way, velocities)
    try:
        check_trajectory(plan, start, AT_REST, LIMITS)
    except ValueError:
        return
    sampler = HermiteSampler(start)
    sampler.follow(plan, 0.0)
    for now in np.arange(0.0, times[-1] + 0.01, 1e-3):
        position, velocity = sampler.sample(float(now))
        splice = 1.0 + (0.04 / times[0] if now <= times[0] else 0.0)
        assert (np.abs(velocity) < 1.05 * splice * LIMITS.velocity).all()
        assert (LIMITS.lower <= position).all()
        assert (position <= LIMITS.upper).all()
    assert not velocity.any()


@given(st.integers(0, 6), st.floats(1.1, 50.0), st.sampled_from([-1.0, 1.0]))
def test_no_way_to_the_first_point_is_longer_than_of_a_command_two_periods_late(
    joint: int, excess: float, sign: float
) -> None:
    position = ARM.home.copy()
    way = excess * LIMITS.velocity[joint] * (0.01 + 2 * PERIOD)
    end = position.copy()
    end[joint] += sign * way
    if not (LIMITS.lower <= end).all() or not (end <= LIMITS.upper).all():
        return
    jump = Trajectory(np.array([0.01]), end[None], np.zeros((1, 7)))
    with pytest.raises(ValueError, match=f"{LIMITS.names[joint]} would move at"):
        check_trajectory(jump, position, AT_REST, LIMITS)


@given(st.floats(1e-6, 0.0099), st.sampled_from([1.0, 2.0, 0.5]))
def test_no_first_point_is_nearer_than_a_period(time: float, slower: float) -> None:
    period, time = slower * PERIOD, slower * time
    plan = Trajectory(np.array([time, 0.2]), np.array([ARM.home] * 2), np.zeros((2, 7)))
    with pytest.raises(ValueError, match="its first point is at") as refusal:
        check_trajectory(plan, ARM.home, AT_REST, LIMITS, period)
    assert f"{time:g} s, but may be at {period:g} s at the earliest" in str(refusal.value)
    in_time = plan._replace(times=np.array([period, 0.2]))
    check_trajectory(in_time, ARM.home, AT_REST, LIMITS, period)


def test_the_slack_of_the_first_point_does_not_grow_with_its_time() -> None:
    end = ARM.home.copy()
    end[0] += 1.3 * 0.2 * LIMITS.velocity[0]
    plan = Trajectory(np.array([0.2]), end[None], np.zeros((1, 7)))
    with pytest.raises(
        ValueError, match=r"fr3_joint1 would move at 2\.60 rad/s, its limit is 2\.0"
    ):
        check_trajectory(plan, ARM.home, AT_REST, LIMITS)


def test_a_long_trajectory_is_refused() -> None:
    plan = Trajectory(np.array([3600.0]), ARM.home[None], np.zeros((1, 7)))
    with pytest.raises(ValueError, match=r"it lasts 3600 s, but may last 0\.2 s at most"):
        check_trajectory(plan, ARM.home, AT_REST, LIMITS)


def test_a_trajectory_that_does_not_end_at_rest_is_refused() -> None:
    velocities = np.zeros((1, 7))
    velocities[0, 4] = -1.5
    plan = Trajectory(np.array([0.1]), ARM.home[None], velocities)
    with pytest.raises(ValueError, match=r"fr3_joint5 would end at -1\.50 rad/s; .* end at rest"):
        check_trajectory(plan, ARM.home, AT_REST, LIMITS)


def test_a_curve_that_leaves_the_limits_between_its_points_is_refused() -> None:
    # given two points at the limit, and a velocity towards it in the first
    points = np.array([ARM.home, ARM.home])
    points[:, 0] = LIMITS.upper[0]
    velocities = np.zeros((2, 7))
    velocities[0, 0] = 0.9 * LIMITS.velocity[0]
    plan = Trajectory(np.array([0.04, 0.2]), points, velocities)
    with pytest.raises(ValueError, match=r"fr3_joint1 = 2\.\d+ rad is outside its limits \[-2"):
        check_trajectory(plan, points[0], AT_REST, LIMITS)


def test_an_arm_that_stands_outside_its_limits_may_come_back() -> None:
    start = ARM.home.copy()
    start[0] = LIMITS.upper[0] + 0.02
    back = start.copy()
    back[0] = LIMITS.upper[0]
    plan = Trajectory(np.array([0.2]), back[None], np.zeros((1, 7)))
    check_trajectory(plan, start, AT_REST, LIMITS)
    further = Trajectory(np.array([0.2]), (start + 0.01)[None], np.zeros((1, 7)))
    with pytest.raises(ValueError, match=r"fr3_joint1 = .* is outside its limits"):
        check_trajectory(further, start, AT_REST, LIMITS)


def test_between_points_the_limit_itself_holds() -> None:
    points = np.array([ARM.home, ARM.home])
    points[1, 1] += 0.011
    plan = Trajectory(np.array([0.01, 0.02]), points, np.zeros((2, 7)))
    with pytest.raises(
        ValueError, match=r"fr3_joint2 would move at 1\.65 rad/s, its limit is 1\.0 rad/s"
    ):
        check_trajectory(plan, ARM.home, AT_REST, LIMITS)


def test_a_velocity_beyond_the_limit_is_refused() -> None:
    points, velocities = np.array([ARM.home, ARM.home]), np.zeros((2, 7))
    velocities[0, 6] = -4.8
    points[1, 6] -= 0.1
    plan = Trajectory(np.array([0.1, 0.2]), points, velocities)
    with pytest.raises(ValueError, match=r"fr3_joint7 would move at 4\.80 rad/s"):
        check_trajectory(plan, ARM.home, AT_REST, LIMITS)


def test_a_place_outside_the_limits_is_refused_by_joint_and_range() -> None:
    end = ARM.home.copy()
    end[3] = -0.1
    plan = Trajectory(np.array([0.2]), end[None], np.zeros((1, 7)))
    with pytest.raises(
        ValueError, match=r"fr3_joint4 = -0\.100 rad is outside its limits \[-2\.7478, -0\.4461\]"
    ):
        check_trajectory(plan, ARM.home, AT_REST, LIMITS)
