"""Periods that are missing from a recording are found by their numbers."""

from __future__ import annotations

from pathlib import Path

from sample_bags import MODEL, activations, write_bag

from introspect_control.capture.verify import inspect


def findings(folder: Path, *messages: bytes, topic: str = "/activations") -> list[str]:
    return inspect(write_bag(folder / "bag", list(messages), topic)).findings


def test_whole_episodes_are_sound_and_the_first_may_have_been_under_way(tmp_path: Path) -> None:
    numbers = [(1, 7), (1, 8), (1, 8), (2, 0), (2, 0), (2, 1), (1, 0)]
    messages = [activations(sequence, episode) for episode, sequence in numbers]
    assert findings(tmp_path, *messages) == []


def test_a_gap_is_found(tmp_path: Path) -> None:
    messages = [activations(number) for number in (0, 1, 4, 5)]
    assert findings(tmp_path, *messages) == [
        "/activations, layer features: episode 1: sequence 1 is followed by 4"
    ]


def test_an_episode_that_begins_late_is_found(tmp_path: Path) -> None:
    messages = [activations(0, 1), activations(2, 2)]
    assert findings(tmp_path, *messages) == [
        "/activations, layer features: episode 2 begins with sequence 2, not 0"
    ]


def test_layers_are_followed_one_by_one(tmp_path: Path) -> None:
    messages = [activations(n, layer=layer) for n in range(3) for layer in ("a", "b")]
    assert findings(tmp_path, *messages) == []


def test_more_than_one_model_is_found(tmp_path: Path) -> None:
    messages = [activations(0), activations(1, model="cd" * 32)]
    assert findings(tmp_path, *messages) == [
        "/activations, layer features: recorded from more than one model: "
        f"{MODEL[:12]} (1 messages), cdcdcdcdcdcd (1 messages)"
    ]


def test_an_action_that_was_overtaken_is_not_lost(tmp_path: Path) -> None:
    messages = [activations(number, layer="") for number in (0, 1, 3)]
    assert findings(tmp_path, *messages, topic="/policy/action_sent") == []
