"""The choreographer's memory lasts exactly one episode, and each question moves it once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from introspect_learning.execution import Choreography


class Counter:
    """A choreographer whose choice is how often it has run since its last reset."""

    def __init__(self) -> None:
        self.memory = 0
        self.resets = 0

    def reset(self) -> None:
        self.memory = 0
        self.resets += 1

    def run(self, activations: Mapping[str, NDArray[np.float32]]) -> int:
        self.memory += 1
        return self.memory


FEATURES = {"features": np.zeros(4, dtype=np.float32)}


@pytest.fixture
def choreography() -> Choreography[int]:
    return Choreography(Counter())


def answers(choreography: Choreography[int], episode: int, *sequences: int) -> list[int]:
    return [choreography.answer(episode, sequence, FEATURES) for sequence in sequences]


def test_memory_grows_with_each_period_of_an_episode(choreography: Choreography[int]) -> None:
    assert answers(choreography, 1, 0, 1, 2, 3) == [1, 2, 3, 4]


def test_another_episode_begins_without_memory(choreography: Choreography[int]) -> None:
    answers(choreography, 1, 0, 1, 2)

    assert answers(choreography, 2, 0, 1) == [1, 2]


def test_sequence_zero_begins_without_memory_also_in_the_same_episode(
    choreography: Choreography[int],
) -> None:
    answers(choreography, 1, 0)

    assert answers(choreography, 1, 0, 1) == [1, 2]


def test_a_question_that_comes_twice_gets_the_same_answer(choreography: Choreography[int]) -> None:
    assert answers(choreography, 1, 0, 1, 1, 1, 2) == [1, 2, 2, 2, 3]


def test_missed_questions_are_counted(choreography: Choreography[int]) -> None:
    answers(choreography, 1, 0, 1, 4, 5)

    assert choreography.missed == 2


def test_joining_in_the_middle_of_an_episode_starts_without_memory(
    choreography: Choreography[int],
) -> None:
    assert answers(choreography, 3, 17, 18) == [1, 2]
    assert choreography.missed == 17


def test_a_sequence_that_goes_back_starts_without_memory(choreography: Choreography[int]) -> None:
    answers(choreography, 1, 0, 1, 2, 3)

    assert answers(choreography, 1, 2) == [1]


def test_who_forgets_decides_anew_and_goes_on_with_the_episode(
    choreography: Choreography[int],
) -> None:
    answers(choreography, 1, 0, 1, 2)

    choreography.forget()

    assert answers(choreography, 1, 3, 4) == [1, 2]
    assert choreography.missed == 0
    assert choreography.episode == 1


def test_a_question_that_comes_again_after_forgetting_is_not_missed(
    choreography: Choreography[int],
) -> None:
    answers(choreography, 1, 0, 1, 2)

    choreography.forget()

    assert answers(choreography, 1, 2, 3) == [1, 2]
    assert choreography.missed == 0
