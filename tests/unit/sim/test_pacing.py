"""Simulated time keeps to the wall clock, or waits for exactly those who are talking."""

from __future__ import annotations

from itertools import count

import pytest
from wall_clock import Wall

from introspect_sim.pacing import Lockstep, LockstepConfig, RealTime, make_pacing

PERIOD = 0.01  # [s]
TICK = 10_000_000  # [ns]


def periods_in(pacing: RealTime, wall: Wall, duration: float, step: float) -> int:
    """Let wall time go by in steps and count the periods that ran."""
    count, end = 0, wall.now + duration
    while wall.now < end:
        if pacing.ready():
            count += 1
            pacing.published(count * TICK)
        wall.now += step
    return count


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0, 7.3])
def test_real_time_runs_as_many_periods_as_the_factor_says(wall: Wall, factor: float) -> None:
    pacing = RealTime(PERIOD, factor, clock=wall)

    assert periods_in(pacing, wall, 10.0, 0.0005) == pytest.approx(10.0 / PERIOD * factor, abs=2)
    assert pacing.overruns == 0


def test_ticks_that_come_late_do_not_add_up(wall: Wall) -> None:
    pacing = RealTime(PERIOD, clock=wall)

    count = periods_in(pacing, wall, 20.0, 0.0037)  # no tick ever falls on a period

    assert count == pytest.approx(2000, abs=1)


def test_a_short_stall_is_caught_up_with_and_counted(wall: Wall) -> None:
    pacing = RealTime(PERIOD, clock=wall)
    before = periods_in(pacing, wall, 1.0, 0.001)

    wall.now += 0.05
    after = periods_in(pacing, wall, 1.0, 0.001)

    assert before + after == pytest.approx(205, abs=1)
    assert pacing.overruns > 0


def test_what_a_long_stall_has_cost_is_given_up(wall: Wall) -> None:
    pacing = RealTime(PERIOD, catch_up=0.1, clock=wall)
    periods_in(pacing, wall, 1.0, 0.001)

    wall.now += 60.0
    after = periods_in(pacing, wall, 1.0, 0.001)

    assert after < 115


def test_an_arm_that_moves_is_given_its_late_action_before_it_would_fault(wall: Wall) -> None:
    pacing = RealTime(PERIOD, clock=wall)
    pacing.published(TICK)
    pacing.acted(TICK, moving=True)

    assert periods_in(pacing, wall, 0.5, 0.001) == 9  # up to 80 ms after the state acted on
    pacing.acted(5 * TICK, moving=True)
    assert pacing.ready()
    assert pacing.overruns == 0
    pacing.published(10 * TICK)
    assert pacing.overruns == 1


def test_time_goes_on_when_a_policy_has_fallen_silent_for_good(wall: Wall) -> None:
    pacing = RealTime(PERIOD, patience=1.0, clock=wall)
    pacing.published(TICK)
    pacing.acted(TICK, moving=True)

    assert periods_in(pacing, wall, 1.0, 0.001) == 9
    assert periods_in(pacing, wall, 1.2, 0.001) > 80


@pytest.mark.parametrize("stamp", [0, 1_000_000 * TICK])
def test_nobody_waits_for_an_action_that_answers_no_recent_state(wall: Wall, stamp: int) -> None:
    pacing = RealTime(PERIOD, clock=wall)
    pacing.published(500 * TICK)
    pacing.acted(stamp, moving=True)

    assert periods_in(pacing, wall, 1.0, 0.001) == pytest.approx(100, abs=2)


def test_nobody_waits_for_a_policy_that_has_ended_its_episode(wall: Wall) -> None:
    pacing = RealTime(PERIOD, clock=wall)
    pacing.published(TICK)
    pacing.acted(TICK, moving=True)
    pacing.acted(TICK, moving=False)

    assert periods_in(pacing, wall, 1.0, 0.001) == pytest.approx(100, abs=2)


@pytest.mark.parametrize(("period", "factor"), [(0.0, 1.0), (0.01, 0.0), (0.01, -1.0)])
def test_real_time_refuses_a_pace_that_goes_nowhere(period: float, factor: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        RealTime(period, factor)


def test_factor_zero_means_lockstep_and_less_is_refused() -> None:
    assert isinstance(make_pacing(PERIOD, 0.0), Lockstep)
    assert isinstance(make_pacing(PERIOD, 0.1), RealTime)
    with pytest.raises(ValueError, match=r"realtime must be 0 or positive, got -1\.0"):
        make_pacing(PERIOD, -1.0)


def test_lockstep_with_nobody_there_runs_at_its_idle_speed(wall: Wall) -> None:
    pacing = Lockstep(LockstepConfig(PERIOD, idle_factor=5.0), clock=wall)

    count = 0
    for _ in range(1000):  # 1 s
        if pacing.ready():
            count += 1
            pacing.published(count * TICK)
        wall.now += 0.001

    assert count == pytest.approx(500, rel=0.01)
    assert pacing.overruns == 0


def test_lockstep_goes_on_the_moment_its_state_is_answered(wall: Wall) -> None:
    pacing = Lockstep(clock=wall)
    pacing.commanded(moving=True)

    pacing.published(TICK)

    assert not pacing.ready()
    pacing.commanded(moving=True)
    assert pacing.ready()


def test_lockstep_waits_no_longer_than_its_patience_and_then_not_again(wall: Wall) -> None:
    pacing = Lockstep(clock=wall)
    pacing.commanded(moving=True)
    pacing.published(TICK)

    wall.now += 0.99
    assert not pacing.ready()
    wall.now += 0.02
    assert pacing.ready()
    pacing.published(2 * TICK)
    wall.now += 0.01

    assert pacing.ready()
    assert pacing.overruns == 1


def test_lockstep_does_not_wait_after_a_command_that_only_holds(wall: Wall) -> None:
    pacing = Lockstep(clock=wall)
    pacing.commanded(moving=False)

    pacing.published(TICK)
    wall.now += 0.01

    assert pacing.ready()
    assert pacing.overruns == 0


def test_lockstep_waits_for_the_action_at_the_end_of_a_policy_period_only(wall: Wall) -> None:
    pacing = Lockstep(clock=wall)
    pacing.acted(4 * TICK, moving=True)
    for tick in (5, 6, 7):
        pacing.published(tick * TICK)
        pacing.commanded(moving=True)
        assert pacing.ready()

    pacing.published(8 * TICK)
    pacing.commanded(moving=True)

    assert not pacing.ready()
    pacing.acted(8 * TICK, moving=True)
    assert pacing.ready()


def test_lockstep_waits_also_for_an_action_that_is_already_late(wall: Wall) -> None:
    pacing = Lockstep(clock=wall)
    pacing.published(9 * TICK)
    pacing.acted(4 * TICK, moving=True)
    pacing.commanded(moving=True)
    assert not pacing.ready()

    pacing.acted(9 * TICK, moving=True)

    assert pacing.ready()


def test_lockstep_no_longer_expects_actions_of_a_policy_that_has_gone(wall: Wall) -> None:
    pacing = Lockstep(clock=wall)
    pacing.acted(TICK, moving=True)
    pacing.commanded(moving=True)
    pacing.published(5 * TICK)
    wall.now += 1.01
    assert pacing.ready()

    pacing.published(6 * TICK)
    pacing.commanded(moving=True)

    assert pacing.ready()


def test_lockstep_does_not_wait_for_an_action_after_the_last_one(wall: Wall) -> None:
    pacing = Lockstep(clock=wall)
    pacing.acted(4 * TICK, moving=True)
    pacing.acted(8 * TICK, moving=False)

    pacing.published(12 * TICK)
    pacing.commanded(moving=True)

    assert pacing.ready()


def test_lockstep_waits_for_an_action_as_soon_as_the_policy_has_taken_up_a_state(
    wall: Wall,
) -> None:
    pacing = Lockstep(clock=wall)  # nothing has moved yet
    pacing.published(7 * TICK)

    pacing.observed(6 * TICK)
    wall.now += 0.5
    assert not pacing.ready()

    pacing.acted(6 * TICK, moving=True)
    assert pacing.ready()


@pytest.mark.parametrize("moving", [True, False])
def test_lockstep_does_not_wait_for_what_the_policy_tells_after_its_action(
    wall: Wall, moving: bool
) -> None:
    pacing = Lockstep(clock=wall)
    pacing.published(6 * TICK)
    pacing.observed(6 * TICK)
    pacing.acted(6 * TICK, moving=moving)
    pacing.commanded(moving=True)

    pacing.observed(6 * TICK)  # another layer of the same observation

    assert pacing.ready()


def test_an_older_action_makes_nothing_of_what_was_told_after_a_younger_one(wall: Wall) -> None:
    pacing = Lockstep(clock=wall)
    pacing.published(6 * TICK)
    pacing.acted(6 * TICK, moving=True)
    pacing.acted(2 * TICK, moving=False)
    pacing.commanded(moving=True)

    pacing.observed(6 * TICK)

    assert pacing.ready()


def test_lockstep_goes_on_waiting_after_an_action_from_the_future(wall: Wall) -> None:
    pacing = Lockstep(clock=wall)
    pacing.published(6 * TICK)
    pacing.acted(10**18, moving=False)
    pacing.commanded(moving=True)

    pacing.published(7 * TICK)
    pacing.observed(7 * TICK)

    assert not pacing.ready()


def test_lockstep_has_little_patience_with_who_keeps_failing_to_answer(wall: Wall) -> None:
    pacing = Lockstep(LockstepConfig(patience=1.0, short_patience=0.1, chances=3), clock=wall)

    states = count(1)

    def wait() -> float:
        """How long a state is kept waiting for an action that never comes."""
        state = next(states) * TICK
        pacing.published(state)
        pacing.observed(state)
        start = wall.now
        while not pacing.ready():
            wall.now += 0.01
        return wall.now - start

    assert [round(wait(), 1) for _ in range(5)] == [1.0, 1.0, 1.0, 0.1, 0.1]
    pacing.acted(5 * TICK, moving=True)
    assert round(wait(), 1) == 1.0


@pytest.mark.parametrize("name", list(LockstepConfig.__dataclass_fields__))
def test_lockstep_numbers_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0"):
        LockstepConfig(**{name: 0})
