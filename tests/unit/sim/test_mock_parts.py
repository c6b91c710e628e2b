"""The parts of a mock arm, one by one: delays, limits, tolerances, condition, gripper, clock."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from introspect_control.trajectory import Trajectory
from introspect_description import ArmDescription
from introspect_sim.mock import ArmState, Manners, RecoveryError
from introspect_sim.mock.condition import Condition
from introspect_sim.mock.delay_line import DelayLine
from introspect_sim.mock.gripper import MockGripper
from introspect_sim.mock.joint_controller import JointController
from introspect_sim.mock.limit_window import LimitWindow
from introspect_sim.mock.own_clock import OwnClock
from introspect_sim.mock.tolerances import Tolerances

PANDA = ArmDescription.load("panda")
LIMITS = PANDA.limits
TICK = 0.002
SECOND = 1_000_000_000


# Manners.


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Manners)])
def test_every_manner_says_what_it_is_in_which_unit_and_refuses_what_is_beyond(field: str) -> None:
    meta = Manners.__dataclass_fields__[field].metadata
    assert meta["description"].endswith("]"), f"{field} has no unit"

    for value in (meta["minimum"] - 1.0, meta["maximum"] + 1.0, float("nan")):
        with pytest.raises(ValueError, match=rf"{field} must be in \[.*\], got {value}"):
            Manners(**{field: value})


@pytest.mark.parametrize("name", ["gripper_rate", "pose_rate"])
def test_no_rate_is_above_the_one_of_the_arms_controller(name: str) -> None:
    Manners(**{name: 100.0}).check_rates(100.0)

    with pytest.raises(ValueError, match=rf"{name} must be at most .*, 100 Hz, got 101 Hz"):
        Manners(**{name: 101.0}).check_rates(100.0)


# Delays.


@given(
    gaps=st.lists(st.floats(0.0, 0.05), min_size=1, max_size=40),
    latency=st.floats(0.0, 0.2),
    jitter=st.floats(0.0, 0.1),
    seed=st.integers(0, 1000),
)
def test_what_is_sent_arrives_in_order_once_and_neither_too_early_nor_too_late(
    gaps: list[float], latency: float, jitter: float, seed: int
) -> None:
    line = DelayLine[int](latency, jitter, np.random.default_rng(seed))
    sent = np.cumsum(gaps)
    arrived: dict[int, float] = {}
    order: list[int] = []
    for k, now in enumerate(sent):
        line.send(k, float(now))
    for now in np.arange(0.0, sent[-1] + latency + jitter + 0.02, 0.01):
        for item in line.arrived(float(now)):
            order.append(item)
            arrived[item] = float(now)

    assert order == list(range(len(gaps)))
    for k, now in enumerate(sent):
        assert now + latency - 1e-6 <= arrived[k] <= now + latency + jitter + 0.0101


def test_a_delay_of_some_time_lets_nothing_overtake() -> None:
    line = DelayLine[str](0.0, 0.0, np.random.default_rng(0))

    line.send("slow", 0.0, delay=0.5)
    line.send("fast", 0.1)

    assert line.arrived(0.4) == []
    assert line.arrived(0.5) == ["slow", "fast"]


# The clock.


def test_the_arms_clock_has_an_offset_and_a_drift_and_can_be_set() -> None:
    clock = OwnClock(1000 * SECOND, start=50.0, offset=0.5, drift=1e-3)

    assert clock.host(60.0) == 1060 * SECOND
    assert clock.stamp(60.0) == round(1060.51 * SECOND)
    clock.set(-5.0)
    assert clock.stamp(60.0) == round(1055.51 * SECOND)
    clock.set(-1e6)
    assert clock.stamp(60.0) == 0


# Limits.


@settings(max_examples=40)
@given(seed=st.integers(0, 100_000))
def test_a_motion_within_the_limits_is_never_taken_for_a_jump(seed: int) -> None:
    rng = np.random.default_rng(seed)
    window = LimitWindow(LIMITS, 0.06, TICK)
    position, velocity = np.array(PANDA.home), np.zeros(7)
    window.restart(position)
    for k in range(300):
        if k % 25 == 0:
            acceleration = rng.choice([-1.0, 0.0, 1.0], 7) * LIMITS.acceleration
        velocity = np.clip(velocity + acceleration * TICK, -LIMITS.velocity, LIMITS.velocity)
        ahead = position + TICK * velocity
        velocity = np.where((ahead < LIMITS.lower) | (ahead > LIMITS.upper), 0.0, velocity)
        if (ahead != position + TICK * velocity).any():
            break  # stopped dead at the end of its range: that is a jump
        position = ahead
        assert window.check(position) == ""


@given(joint=st.integers(0, 6), jump=st.floats(1.1, 100.0), sign=st.sampled_from([-1.0, 1.0]))
def test_a_jump_that_the_acceleration_limit_does_not_allow_is_noticed_at_once(
    joint: int, jump: float, sign: float
) -> None:
    window = LimitWindow(LIMITS, 0.06, TICK)
    position = 0.5 * (LIMITS.lower + LIMITS.upper)
    window.restart(position)
    position[joint] += sign * jump * LIMITS.acceleration[joint] * 0.06**2

    assert f"{LIMITS.names[joint]} was " in window.check(position)


def test_each_kind_of_excess_is_named_with_the_joint_its_value_and_its_limit() -> None:
    window = LimitWindow(LIMITS, 0.06, TICK)
    window.restart(LIMITS.upper)

    beyond = window.check(LIMITS.upper + np.eye(7)[1] * 0.01)
    assert beyond == "panda_joint2 was sent to 1.773 rad, its limits are [-1.7628, 1.7628] rad"

    window.restart(np.array(PANDA.home))
    abrupt = window.check(PANDA.home + np.eye(7)[2] * 0.05)
    assert abrupt == "panda_joint3 was accelerated with 13.9 rad/s^2, its limit is 10 rad/s^2"

    window.restart(np.array(PANDA.home))
    fast = window.check(PANDA.home + np.eye(7)[2] * 0.3)
    assert fast == "panda_joint3 was sent at 5.00 rad/s, its limit is 2.175 rad/s"


def test_an_arm_that_stands_beyond_a_limit_may_stay_there() -> None:
    window = LimitWindow(LIMITS, 0.06, TICK)
    outside = LIMITS.upper + 0.05
    window.restart(outside)

    assert window.check(outside) == ""
    assert "its limits are" in window.check(outside + 0.002)


# The joint controller.


def controller(**manners: float) -> JointController:
    manners = {"static_error": 0.0, "tracking_lag": 0.0} | manners
    rng = np.random.default_rng(0)
    return JointController(LIMITS, np.array(PANDA.home), Manners(**manners), TICK, rng)


def test_the_static_error_is_different_for_each_joint_and_no_more_than_it_may_be() -> None:
    position, velocity, problem = controller(static_error=0.01).advance(1.0, 0.0)

    error = position - PANDA.home
    assert len(set(error.tolist())) == 7
    assert 0.001 < np.abs(error).max() <= 0.01
    assert not velocity.any()
    assert problem == ""


def test_braking_takes_the_whole_deceleration_and_no_more() -> None:
    arm = controller(tracking_lag=0.02)
    arm.follow(Trajectory(np.array([1.0]), PANDA.home[None] + 0.8, np.zeros((1, 7))))
    for _ in range(250):
        _, before, _ = arm.advance(1.0, 0.0)

    arm.brake()
    velocities = [before]
    while arm.braking:
        velocities.append(arm.advance(1.0, 0.0)[1])

    deceleration = -np.diff(velocities, axis=0) / TICK
    assert deceleration.max() <= LIMITS.acceleration.max() + 1e-9
    assert (deceleration <= LIMITS.acceleration + 1e-9).all()
    np.testing.assert_allclose(deceleration[0], LIMITS.acceleration)
    assert not velocities[-1].any()


# Tolerances.


def test_a_trajectory_is_aborted_too_far_from_its_path_or_not_at_its_goal_in_time() -> None:
    tolerances = Tolerances(PANDA.joint_names, Manners())
    goal = np.array(PANDA.home)
    behind = goal + np.eye(7)[3] * 0.2

    assert tolerances.check(goal, behind, following=True, period=0.01) == ""
    far = tolerances.check(goal, goal + np.eye(7)[3] * 0.4, following=True, period=0.01)
    assert far == "panda_joint4 was 0.400 rad from its trajectory, tolerance 0.3"

    for _ in range(49):
        assert tolerances.check(goal, behind, following=False, period=0.01) == ""
    missed = tolerances.check(goal, behind, following=False, period=0.0101)
    assert missed == "panda_joint4 was 0.200 rad from its goal, tolerance 0.05"
    assert tolerances.check(goal, behind, following=False, period=0.01) == ""  # said once


# The condition.


def test_a_pressed_emergency_stop_needs_to_be_released_and_then_recovered() -> None:
    condition = Condition()
    condition.press(True)

    assert condition.state is ArmState.EMERGENCY_STOP
    with pytest.raises(RecoveryError, match="still pressed; release it first"):
        condition.recover()
    condition.press(False)
    assert condition.state is ArmState.EMERGENCY_STOP
    assert "waiting for arm/recover" in condition.reason
    assert "recovered from EMERGENCY_STOP" in condition.recover()
    assert condition.ready


def test_the_button_stays_pressed_as_long_as_anybody_presses_it() -> None:
    condition = Condition()
    condition.press(True)
    condition.update(pressed=True, inactive=False, disconnected=False)

    condition.press(False)

    with pytest.raises(RecoveryError, match="still pressed"):
        condition.recover()
    condition.update(pressed=False, inactive=False, disconnected=False)
    assert "recovered from EMERGENCY_STOP" in condition.recover()


def test_a_lost_connection_leaves_a_reflex_and_the_first_reason_is_kept() -> None:
    condition = Condition()
    condition.update(pressed=False, inactive=True, disconnected=True)
    assert condition.state is ArmState.DISCONNECTED
    with pytest.raises(RecoveryError, match="wait for the connection"):
        condition.recover()

    condition.update(pressed=False, inactive=True, disconnected=False)
    condition.reflex("something else")

    assert condition.state is ArmState.REFLEX
    assert condition.reason == "the connection to its driver was lost"
    condition.recover()
    assert condition.state is ArmState.INACTIVE
    assert condition.recover() == "there was nothing to recover from: the arm is INACTIVE"


# The gripper.


def test_the_gripper_tells_its_width_at_its_own_rate() -> None:
    gripper = MockGripper(PANDA.gripper, rate=20.0)
    told = []
    for k in range(31):
        gripper.sense(0.08 - 0.001 * k, 0.01 * k)
        told.append(gripper.width)

    assert sorted(set(told), reverse=True) == pytest.approx(
        [0.08, 0.075, 0.07, 0.065, 0.06, 0.055, 0.05]
    )
    assert gripper.velocity == pytest.approx(-0.1)


def test_the_gripper_has_a_force_only_when_something_keeps_it_from_closing() -> None:
    gripper = MockGripper(PANDA.gripper, rate=20.0)
    widths = [*np.linspace(0.08, 0.04, 41), *[0.04] * 30]
    gripper.sense(0.08, 0.0)
    gripper.move(0.0)
    assert gripper.force == 0.0

    forces = []
    for k, width in enumerate(widths, 1):
        gripper.sense(float(width), 0.01 * k)
        forces.append(gripper.force)

    assert not any(forces[:41])
    assert forces[-1] == PANDA.gripper.grip_force
    gripper.move(0.08)
    assert gripper.force == 0.0


def test_a_gripper_that_is_stuck_stays_where_it_is_but_keeps_hold_of_what_it_has() -> None:
    free = MockGripper(PANDA.gripper, rate=100.0)
    free.move(0.0)
    assert free.target(0.06, stuck=True, dropping=False) == 0.06
    assert free.target(0.05, stuck=True, dropping=False) == 0.06
    assert free.target(0.05, stuck=False, dropping=False) == 0.0
    assert free.target(0.05, stuck=True, dropping=True) == PANDA.gripper.width_max

    holding = MockGripper(PANDA.gripper, rate=100.0)
    holding.move(0.0)
    for k in range(30):
        holding.sense(0.04, 0.01 * k)
    assert holding.target(0.04, stuck=True, dropping=False) == 0.0
