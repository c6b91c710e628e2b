"""The loop timer reports how regular a loop is and how long its work takes."""

from collections.abc import Callable

import pytest

from introspect_control.loop_timer import LoopTimer


def clock(*times: float) -> Callable[[], float]:
    """Returns these times one after another."""
    remaining = iter(times)
    return lambda: next(remaining)


def test_a_loop_that_has_not_run_has_no_percentiles() -> None:
    timer = LoopTimer(0.01)

    assert timer.periods() is None
    assert timer.work() is None
    assert timer.count == 0


def test_periods_run_from_start_to_start_and_work_from_start_to_end() -> None:
    timer = LoopTimer(0.01, clock=clock(0.0, 0.002, 0.010, 0.013, 0.020, 0.024))

    for _ in range(3):
        with timer:
            pass

    periods, work = timer.periods(), timer.work()
    assert periods is not None
    assert work is not None
    assert periods.p50 == pytest.approx(0.010)
    assert work.p50 == pytest.approx(0.003)
    assert work.worst == pytest.approx(0.004)
    assert work.std > 0.0
    assert periods.std == pytest.approx(0.0, abs=1e-9)
    assert timer.count == 3
    assert timer.late == 0


def test_a_period_of_more_than_one_and_a_half_is_late() -> None:
    timer = LoopTimer(0.01, clock=clock(0.0, 0.001, 0.014, 0.015, 0.030, 0.031))

    for _ in range(3):
        with timer:
            pass

    assert timer.late == 1


def test_a_pause_is_no_period() -> None:
    timer = LoopTimer(0.01, clock=clock(0.0, 0.001, 9.0, 9.001))

    with timer:
        pass
    timer.pause()
    with timer:
        pass

    assert timer.periods() is None
    assert timer.late == 0


def test_percentiles_cover_the_latest_periods_only() -> None:
    timer = LoopTimer(window=2, clock=clock(0.0, 1.0, 10.0, 10.5, 20.0, 20.5))

    for _ in range(3):
        with timer:
            pass

    work = timer.work()
    assert work is not None
    assert work.worst == pytest.approx(0.5)


def test_a_negative_period_is_refused() -> None:
    with pytest.raises(ValueError, match="period must not be negative, got -1 s"):
        LoopTimer(-1)
    with pytest.raises(ValueError, match="window must hold at least one period, got 0"):
        LoopTimer(window=0)
