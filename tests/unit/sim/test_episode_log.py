"""Episodes are counted and told in one line each, and the exit code says whether they sufficed."""

from __future__ import annotations

import pytest

from introspect_sim.episodes import EPISODE_LINE, Episode, EpisodeLog


def episode(success: bool, seconds: float = 2.4) -> Episode:
    message = "the object is at its goal" if success else "time is up"
    return Episode(7, success, 60, seconds, 0.012, message)


def log_of(successes: int, planned: int) -> EpisodeLog:
    log = EpisodeLog(planned)
    for k in range(planned):
        log.add(episode(k < successes))
    return log


def test_a_success_is_one_line() -> None:
    line = EpisodeLog(20).add(episode(True))

    assert line == "episode 1 of 20 (seed 7): succeeded in 2.40 s (60 steps), 1.2 cm from the goal"


def test_a_failure_says_why() -> None:
    assert EpisodeLog().add(episode(False)).endswith("1.2 cm from the goal: time is up")


@pytest.mark.parametrize("planned", [0, 3])
@pytest.mark.parametrize("success", [True, False])
def test_who_reads_the_lines_finds_results_and_steps(planned: int, success: bool) -> None:
    found = EPISODE_LINE.search(f"[task_node] {EpisodeLog(planned).add(episode(success))}")

    assert found is not None
    assert found["result"] == ("succeeded" if success else "failed")
    assert found["steps"] == "60"


def test_the_summary_is_one_line() -> None:
    assert log_of(19, 20).summary() == "19 of 20 succeeded (95.0 %), mean 2.4 s"


def test_failures_do_not_count_in_the_mean_time() -> None:
    log = EpisodeLog()
    log.add(episode(True, seconds=2.0))
    log.add(episode(False, seconds=4.0))

    assert log.summary() == "1 of 2 succeeded (50.0 %), mean 2.0 s"


def test_without_a_success_there_is_no_mean_time() -> None:
    assert log_of(0, 3).summary() == "0 of 3 succeeded (0.0 %)"


def test_without_an_episode_the_summary_says_so() -> None:
    assert EpisodeLog(3).summary() == "no episode was completed"


@pytest.mark.parametrize(
    ("successes", "planned", "exit_code"), [(20, 20, 0), (19, 20, 0), (18, 20, 1), (0, 1, 1)]
)
def test_nineteen_of_twenty_are_enough(successes: int, planned: int, exit_code: int) -> None:
    log = log_of(successes, planned)

    assert log.complete
    assert log.exit_code == exit_code


def test_a_log_without_a_plan_is_never_complete_and_never_failed() -> None:
    log = EpisodeLog(0)
    log.add(episode(False))

    assert not log.complete
    assert log.exit_code == 0


def test_a_negative_number_of_episodes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"episodes must be 0 \(until stopped\) or more, got -1"):
        EpisodeLog(-1)
