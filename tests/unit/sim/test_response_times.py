"""Response times are those of the first answer to each state."""

from __future__ import annotations

import pytest

from introspect_sim.response_times import ResponseTimes


class Wall:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_to_the_first_answer_counts_and_no_other() -> None:
    wall = Wall()
    times = ResponseTimes(clock=wall)
    times.published(10)

    for wall.now in (0.002, 0.005):
        times.answered(10)

    assert list(times.samples) == [0.002]


def test_answers_to_states_that_were_never_published_or_long_ago_do_not_count() -> None:
    wall = Wall()
    times = ResponseTimes(memory=3, clock=wall)
    for stamp in range(5):
        times.published(stamp)

    for stamp in (99, 0, 1):
        times.answered(stamp)
    assert not times.samples

    times.answered(2)
    assert len(times.samples) == 1


def test_percentiles_are_empty_before_the_first_answer_and_cover_the_window() -> None:
    wall = Wall()
    times = ResponseTimes(window=100, clock=wall)
    assert times.percentiles() == {}

    for stamp in range(300):
        times.published(stamp)
        wall.now += 1.0 if stamp < 200 else 0.001
        times.answered(stamp)

    assert times.percentiles() == pytest.approx({"p50": 0.001, "p99": 0.001})


def test_a_window_or_memory_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive, got 0 and 50"):
        ResponseTimes(window=0)


def test_an_answer_may_be_known_only_after_it_has_arrived() -> None:
    wall = Wall()
    times = ResponseTimes(clock=wall)
    times.published(10)

    wall.now = 0.009
    times.answered(10, at=0.004)

    assert list(times.samples) == [0.004]


def test_an_answer_from_before_the_state_was_another_ones() -> None:
    wall = Wall()
    times = ResponseTimes(clock=wall)
    wall.now = 1.0
    times.published(10)

    times.answered(10, at=0.999)

    assert not times.samples
