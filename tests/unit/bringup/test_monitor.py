"""What the page and the terminal view know of the running system."""

from __future__ import annotations

import pytest

from introspect.monitor import RateMeter, RealTimeFactor, SystemMonitor

AT_GOAL = (0.4, 0.0, 0.2, 0.0, 0.0, 0.0, 1.0)
ELSEWHERE = (0.4, 0.3, 0.0, 0.0, 0.0, 0.0, 1.0)


@pytest.fixture
def monitor() -> SystemMonitor:
    monitor = SystemMonitor(success_distance=0.05)
    monitor.on_goal(AT_GOAL[:3], now=0.0)
    return monitor


def run_episode(
    monitor: SystemMonitor, number: int, object_pose: tuple[float, ...], now: float = 0.0
) -> None:
    for sequence in range(3):
        monitor.on_action(number, sequence, hold=False, now=now)
    monitor.on_object(object_pose, now)
    monitor.on_action(number, 3, hold=True, now=now)


def test_an_episode_succeeds_where_the_object_is_at_the_goal_when_the_policy_holds(
    monitor: SystemMonitor,
) -> None:
    run_episode(monitor, 1, AT_GOAL)
    run_episode(monitor, 2, ELSEWHERE)
    run_episode(monitor, 3, AT_GOAL)
    assert (monitor.episodes, monitor.successes) == (3, 2)


def test_an_episode_counts_once_however_often_the_policy_says_hold(monitor: SystemMonitor) -> None:
    run_episode(monitor, 1, AT_GOAL)
    monitor.on_action(1, 4, hold=True, now=0.0)
    assert monitor.episodes == 1


def test_an_episode_that_moves_on_after_a_hold_has_not_ended_there(monitor: SystemMonitor) -> None:
    run_episode(monitor, 1, AT_GOAL)
    run_episode(monitor, 2, AT_GOAL)

    monitor.on_action(2, 4, hold=False, now=0.0)
    assert (monitor.episodes, monitor.successes) == (1, 1)

    monitor.on_object(ELSEWHERE, now=0.0)
    monitor.on_action(2, 5, hold=True, now=0.0)
    assert (monitor.episodes, monitor.successes) == (2, 1)


def test_whoever_comes_while_the_arm_is_held_counts_only_the_end(monitor: SystemMonitor) -> None:
    monitor.on_action(2, 4, hold=True, now=0.0)
    monitor.on_action(2, 5, hold=False, now=0.0)
    monitor.on_action(2, 6, hold=True, now=0.0)
    assert monitor.episodes == 1


def test_an_episode_whose_object_nobody_saw_is_no_success() -> None:
    monitor = SystemMonitor(success_distance=0.05)
    monitor.on_action(1, 0, hold=False, now=0.0)
    monitor.on_action(1, 1, hold=True, now=0.0)
    assert (monitor.episodes, monitor.successes) == (1, 0)


def test_an_episode_is_under_way_from_its_first_action_until_it_holds(
    monitor: SystemMonitor,
) -> None:
    assert not monitor.moving
    monitor.on_action(7, 2, hold=False, now=0.0)
    assert (monitor.moving, monitor.episode, monitor.sequence) == (True, 7, 2)
    monitor.on_action(7, 3, hold=True, now=0.0)
    assert not monitor.moving


def test_joints_are_known_by_name() -> None:
    monitor = SystemMonitor(0.05)
    monitor.on_joints(["b", "a"], [0.2, 0.1], [2.0, 1.0], stamp=0.0, now=0.0)
    assert monitor.joints == {"b": (0.2, 2.0), "a": (0.1, 1.0)}


def test_a_driver_that_tells_no_velocities_is_taken_to_stand() -> None:
    monitor = SystemMonitor(0.05)
    monitor.on_joints(["a"], [0.1], [], stamp=0.0, now=0.0)
    assert monitor.joints == {"a": (0.1, 0.0)}


def test_a_rate_is_measured_over_the_last_second() -> None:
    meter = RateMeter()
    for number in range(101):
        meter.tick(0.01 * number)
    assert meter.hertz(1.0) == pytest.approx(100.0)
    for number in range(1, 21):
        meter.tick(1.0 + 0.1 * number)
    assert meter.hertz(3.0) == pytest.approx(10.0)


def test_before_the_first_second_is_over_a_rate_is_that_of_what_there_was() -> None:
    meter = RateMeter()
    meter.tick(5.0)
    assert meter.hertz(5.0) == 0.0
    meter.tick(5.0)
    assert meter.hertz(5.0) == 0.0
    for number in range(1, 6):
        meter.tick(5.0 + 0.1 * number)
    assert meter.hertz(5.55) == pytest.approx(12.0)


def test_a_topic_is_silent_before_its_first_message_and_a_second_after_its_last(
    monitor: SystemMonitor,
) -> None:
    assert monitor.silent(["goal_pose", "object_pose"], now=0.5) == ["object_pose"]
    assert monitor.silent(["goal_pose"], now=1.5) == ["goal_pose"]
    assert monitor.rates["goal_pose"].hertz(now=1.5) == 0.0


def test_the_real_time_factor_is_simulated_time_over_time() -> None:
    factor = RealTimeFactor()
    for tick in range(201):
        factor.observe(now=0.01 * tick, stamp=0.02 * tick)
    assert factor.value == pytest.approx(2.0)


def test_a_simulation_that_starts_anew_starts_the_real_time_factor_anew() -> None:
    factor = RealTimeFactor()
    factor.observe(now=0.0, stamp=50.0)
    factor.observe(now=0.5, stamp=0.0)
    factor.observe(now=1.5, stamp=1.0)
    assert factor.value == pytest.approx(1.0)
