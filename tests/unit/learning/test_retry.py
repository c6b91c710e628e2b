"""An attempt that looks like failing is started over, but not again and again."""

from __future__ import annotations

import pytest

from introspect_learning.execution import Retry, RetryConfig

PERIOD = 40_000_000  # [ns]
CONFIG = RetryConfig(above=0.6, after=0.2, pause=1.0)


def periods(retry: Retry, failures: list[float], episode: int = 1, start: int = 0) -> list[int]:
    """Periods at which it asks for a new attempt."""
    return [
        k
        for k, failure in enumerate(failures, start)
        if retry.see(episode, 10**9 + k * PERIOD, failure)
    ]


def test_it_is_off_unless_asked_for() -> None:
    assert periods(Retry(), [1.0] * 100) == []


def test_a_failure_that_stays_likely_starts_the_attempt_over() -> None:
    retry = Retry(CONFIG)

    assert periods(retry, [0.1] * 10 + [0.7] * 6) == [15]
    assert retry.count == 1


def test_a_passing_doubt_does_not() -> None:
    assert periods(Retry(CONFIG), ([0.7] * 5 + [0.5]) * 10) == []


def test_the_level_itself_is_not_above_it() -> None:
    assert periods(Retry(CONFIG), [0.6] * 100) == []


def test_between_two_attempts_there_is_a_pause() -> None:
    found = periods(Retry(CONFIG), [0.9] * 100)

    assert found == [5, 30, 55, 80]


def test_doubts_do_not_last_from_one_episode_to_the_next() -> None:
    retry = Retry(CONFIG)
    periods(retry, [0.9] * 5)

    assert periods(retry, [0.9] * 5, episode=2, start=5) == []


def test_a_clock_that_begins_anew_does_not_lengthen_the_pause() -> None:
    retry = Retry(CONFIG)
    assert periods(retry, [0.9] * 6, start=1000) == [1005]

    assert periods(retry, [0.9] * 6) == [5]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"above": 1.5}, r"above must be in \[0, 1\], got 1.5"),
        ({"after": -1.0}, "after must not be negative, got -1.0 s"),
        ({"pause": float("inf")}, "pause must not be negative, got inf s"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RetryConfig(**values)
