"""The layers of one period come together, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from introspect_learning.execution import Gathering, Period

PERIOD = 40_000_000  # [ns]


def at(sequence: int, episode: int = 1) -> Period:
    return Period(episode, sequence, (1000 * episode + sequence) * PERIOD)


def values(number: float) -> np.ndarray:
    return np.full(3, number, dtype=np.float32)


@pytest.fixture
def gathering() -> Gathering:
    return Gathering(("first", "second"))


def test_a_period_is_complete_with_its_last_layer_in_whatever_order(gathering: Gathering) -> None:
    assert gathering.add(at(0), "second", values(2)) is None
    complete = gathering.add(at(0), "first", values(1))

    assert complete is not None
    assert {name: layer[0] for name, layer in complete.items()} == {"first": 1, "second": 2}


def test_a_period_that_stays_incomplete_gives_way_to_the_next(gathering: Gathering) -> None:
    gathering.add(at(0), "first", values(1))
    gathering.add(at(1), "first", values(10))

    complete = gathering.add(at(1), "second", values(20))

    assert complete is not None
    assert [layer[0] for layer in complete.values()] == [10, 20]
    assert (gathering.incomplete, gathering.lacking) == (1, ("second",))


def test_a_straggler_does_not_cost_the_period_that_is_being_collected(
    gathering: Gathering,
) -> None:
    gathering.add(at(0), "first", values(1))
    gathering.add(at(1), "first", values(10))
    assert gathering.add(at(0), "second", values(2)) is None

    complete = gathering.add(at(1), "second", values(20))

    assert complete is not None
    assert [layer[0] for layer in complete.values()] == [10, 20]
    assert gathering.incomplete == 1


def test_a_first_observation_that_is_taken_anew_is_another_period(gathering: Gathering) -> None:
    gathering.add(Period(1, 0, 100), "first", values(1))

    assert gathering.add(Period(1, 0, 200), "second", values(2)) is None
    assert gathering.incomplete == 1


def test_an_episode_with_a_lower_number_is_a_new_one_as_after_a_restart(
    gathering: Gathering,
) -> None:
    gathering.add(at(5, episode=7), "first", values(1))
    gathering.add(Period(1, 0, 0), "first", values(1))

    assert gathering.add(Period(1, 0, 0), "second", values(2)) is not None


@pytest.mark.parametrize("first", [0, 1])  # 1: nobody has heard the first question
def test_a_policy_that_begins_anew_on_a_clock_that_does_is_heard_from_its_first_period_on(
    gathering: Gathering, first: int
) -> None:
    # Given a listener in the middle of episode 1
    for sequence in range(58):
        gathering.add(at(sequence), "first", values(1))
        gathering.add(at(sequence), "second", values(2))

    # When simulation and policy are restarted: episode 1 again, and time begins anew
    for sequence in range(first, 60):
        period = Period(1, sequence, (7 + sequence) * PERIOD)
        gathering.add(period, "first", values(3))

        # Then no period of the new episode is missed
        assert gathering.add(period, "second", values(4)) is not None
    assert gathering.incomplete == 0


def test_layers_that_are_not_wanted_still_tell_that_a_period_has_gone_by(
    gathering: Gathering,
) -> None:
    for sequence in range(3):
        gathering.add(at(sequence), "third", values(0))

    assert (gathering.incomplete, gathering.lacking) == (2, ("first", "second"))


def test_a_period_that_is_told_again_is_complete_again() -> None:
    gathering = Gathering(("only",))

    for _ in range(3):
        assert gathering.add(at(4), "only", values(1)) is not None
    assert gathering.incomplete == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 6), st.sampled_from(("first", "second", "x")))
    )
)
def test_whatever_comes_what_is_given_out_is_of_one_period(
    told: list[tuple[int, int, str]],
) -> None:
    gathering = Gathering(("first", "second"))
    for episode, sequence, layer in told:
        mark = 100 * episode + sequence
        complete = gathering.add(at(sequence, episode), layer, values(mark))
        if complete is not None:
            assert {float(layer[0]) for layer in complete.values()} == {float(mark)}
            assert set(complete) == {"first", "second"}
