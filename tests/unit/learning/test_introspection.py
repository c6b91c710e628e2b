"""The internal-state model follows an episode, and its alarm neither flickers nor lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from introspect_learning.execution import Alarm, AlarmConfig, Introspection, Period

PERIOD = 40_000_000  # [ns]


@dataclass(frozen=True)
class Counted:
    """How often the model has run since its last reset."""

    memory: int
    surprise: float
    behaviour: str


class Counter:
    """A model that counts and is surprised by what it is given."""

    def __init__(self) -> None:
        self.memory = 0

    def reset(self) -> None:
        self.memory = 0

    def run(self, activations: Mapping[str, NDArray[np.float32]], behaviour: str) -> Counted:
        self.memory += 1
        return Counted(self.memory, float(activations["layer"][0]), behaviour)


@pytest.fixture
def introspection() -> Introspection[Counted]:
    return Introspection(Counter(), Alarm(AlarmConfig(hold=0.2)), period=0.04)


def follow(
    introspection: Introspection[Counted],
    sequence: int,
    surprise: float = 0.0,
    episode: int = 1,
    stamp: int | None = None,
) -> tuple[int, bool]:
    stamp = 10**9 + sequence * PERIOD if stamp is None else stamp
    activations = {"layer": np.array([surprise], dtype=np.float32)}
    finding = introspection.follow(Period(episode, sequence, stamp), activations, "grasp")
    assert finding.state.behaviour == "grasp"
    return finding.state.memory, finding.alarm


def memories(introspection: Introspection[Counted], *sequences: int, episode: int = 1) -> list[int]:
    return [follow(introspection, sequence, episode=episode)[0] for sequence in sequences]


def test_memory_lasts_one_episode(introspection: Introspection[Counted]) -> None:
    assert memories(introspection, 0, 1, 2) == [1, 2, 3]
    assert memories(introspection, 0, 1, episode=2) == [1, 2]
    assert introspection.gaps == 0


def test_a_gap_forgets_as_it_would_look_like_a_disturbance(
    introspection: Introspection[Counted],
) -> None:
    assert memories(introspection, 0, 1, 2, 4, 5) == [1, 2, 3, 1, 2]
    assert introspection.gaps == 1


def test_neighbours_that_are_far_apart_in_time_are_a_gap(
    introspection: Introspection[Counted],
) -> None:
    memories(introspection, 0, 1)

    assert follow(introspection, 2, stamp=10**9 + 4 * PERIOD) == (1, False)
    assert introspection.gaps == 1


def test_a_period_that_comes_twice_costs_no_memory(introspection: Introspection[Counted]) -> None:
    assert memories(introspection, 0, 1, 1, 1, 2) == [1, 2, 2, 2, 3]


def test_the_alarm_stays_for_a_while_after_the_last_surprise(
    introspection: Introspection[Counted],
) -> None:
    surprises = [0.9, 1.0, 0.5, 1.7, *[0.0] * 7]

    alarms = [follow(introspection, k, surprise)[1] for k, surprise in enumerate(surprises)]

    assert alarms == [False, *[True] * 7, False, False, False]
    assert introspection.alarm.count == 1


def test_the_alarm_does_not_reach_into_the_next_episode(
    introspection: Introspection[Counted],
) -> None:
    assert follow(introspection, 0, surprise=5.0) == (1, True)

    assert follow(introspection, 0, episode=2) == (1, False)


def test_a_surprise_that_is_no_number_raises_the_alarm() -> None:
    assert Alarm().see(0, float("nan"))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"level": 0.0}, "level must be positive and finite, got 0.0"),
        ({"hold": -1.0}, "hold must not be negative, got -1.0 s"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AlarmConfig(**values)
