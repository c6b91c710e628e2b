"""What the fuzzers lean on does what it says."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import pytest
from hostile import TookTooLong, bounded, mutated, places, read_or_refuse, replaced, trap


def test_what_does_not_end_is_stopped() -> None:
    with pytest.raises(TookTooLong), bounded(seconds=0.05):
        _ = [number for number in itertools.count() if number < 0]


def test_what_takes_too_much_memory_is_stopped() -> None:
    with pytest.raises(MemoryError), bounded(memory=64 << 20):
        bytearray(1 << 30)
    bytearray(128 << 20)  # and afterwards there is enough again


def test_an_error_that_is_not_the_readers_own_goes_through() -> None:
    def read() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        read_or_refuse(read, ValueError, "x")


def test_an_error_that_does_not_name_the_file_is_not_good_enough() -> None:
    def read() -> None:
        raise ValueError("something is wrong")

    with pytest.raises(AssertionError, match="is not named"):
        read_or_refuse(read, ValueError, "file.json")


def test_mutations_change_something_and_are_the_same_for_the_same_number() -> None:
    data = bytes(range(200))
    assert mutated(data, 3) == mutated(data, 3)
    assert len({mutated(data, seed) for seed in range(50)}) > 40


def test_every_value_has_its_place() -> None:
    value = {"a": [1, {"b": 2}]}
    assert set(places(value)) == {(), ("a",), ("a", 0), ("a", 1), ("a", 1, "b")}
    assert replaced(value, ("a", 1, "b"), None) == {"a": [1, {"b": None}]}
    assert value == {"a": [1, {"b": 2}]}


def test_the_trap_snaps_when_it_is_unpickled(tmp_path: Path) -> None:
    payload, made = trap(tmp_path)
    pickle.loads(payload)
    assert made.exists()
