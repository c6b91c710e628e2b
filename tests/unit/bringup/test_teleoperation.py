"""Keys move the tool while they are held, and no longer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from introspect.teleoperation import KEYS, Teleoperation, TeleoperationConfig

CONFIG = TeleoperationConfig()


def test_nothing_moves_before_a_key_is_pressed() -> None:
    wish = Teleoperation().wish(0.0)

    assert not wish.moving
    assert not wish.linear.any()
    assert wish.open is None


@pytest.mark.parametrize(("key", "axis", "direction"), [(k, *v) for k, v in KEYS.items()])
def test_a_key_moves_along_its_axis_for_as_long_as_it_is_held(
    key: str, axis: int, direction: float
) -> None:
    hand = Teleoperation()
    hand.press(key, 1.0)

    twist = np.concatenate(hand.wish(1.0 + 0.9 * CONFIG.hold)[1:3])

    assert np.flatnonzero(twist).tolist() == [axis]
    assert np.sign(twist[axis]) == direction
    assert not hand.wish(1.0 + 1.1 * CONFIG.hold).moving


def test_a_repeated_key_keeps_the_tool_moving() -> None:
    hand = Teleoperation()
    for tick in range(100):
        hand.press("w", 0.1 * tick)
        assert hand.wish(0.1 * tick + 0.05).moving


def test_the_opposite_key_takes_over_and_others_join() -> None:
    hand = Teleoperation()
    for key in "wsr":
        hand.press(key, 0.0)

    assert hand.wish(0.0).linear.tolist() == [-CONFIG.linear, 0.0, CONFIG.linear]


@given(other=st.characters().filter(lambda c: c.lower() not in (*KEYS, "g", "+", "-", "x")))
def test_any_other_key_stops(other: str) -> None:
    hand = Teleoperation()
    hand.press("w", 0.0)

    hand.press(other, 0.0)

    assert not hand.wish(0.0).moving
    assert hand.ended == (other in "\x03\x04")


def test_the_gripper_is_told_without_a_motion() -> None:
    hand = Teleoperation()
    hand.press("g", 0.0)

    wish = hand.wish(0.0)

    assert wish.moving
    assert wish.open is False
    assert not np.concatenate(wish[1:3]).any()


@given(keys=st.text("+-w", max_size=60))
def test_the_speed_stays_between_its_bounds(keys: str) -> None:
    hand = Teleoperation()
    for key in keys:
        hand.press(key, 0.0)

    assert 1.0 / CONFIG.fastest <= hand.factor <= CONFIG.fastest
    assert np.abs(hand.wish(0.0).linear).max() <= CONFIG.fastest * CONFIG.linear


def test_x_ends_it() -> None:
    hand = Teleoperation()
    hand.press("x", 0.0)

    assert hand.ended


def test_speeds_that_could_not_be_meant_are_refused() -> None:
    with pytest.raises(ValueError, match="linear must be positive and finite, got -1"):
        TeleoperationConfig(linear=-1.0)


@pytest.mark.parametrize("sequence", ["\x1b[A", "\x1b[D", "\x1b[F", "\x1bOR", "\x1bOS", "\x1b"])
def test_arrows_and_function_keys_stop_whatever_letters_they_are_made_of(sequence: str) -> None:
    hand = Teleoperation()
    hand.press("w", 0.0)

    hand.type(sequence, 0.0)

    assert not hand.wish(0.0).moving
    assert not hand.ended


def test_a_motion_leaves_the_gripper_as_it_is_until_a_key_says_otherwise() -> None:
    hand = Teleoperation()
    hand.type("wwr", 0.0)
    assert hand.wish(0.0).open is None

    told = []
    for _ in range(3):
        hand.press("g", 0.0)
        told.append(hand.wish(0.0).open)

    assert told == [False, True, False]
