"""The gripper hears of every change, and of nothing else more often than needed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from introspect_control.bridge.gripper_command import GripperCommander
from introspect_description import ArmDescription

PANDA = ArmDescription.load("panda").gripper


@pytest.fixture
def commander() -> GripperCommander:
    return GripperCommander(PANDA, interval=0.5)


def test_a_width_is_told_when_it_changes_and_again_after_the_interval(
    commander: GripperCommander,
) -> None:
    told = {k: commander.command(0.04 if k < 120 else 0.02, 0.01 * k) for k in range(200)}

    assert {k for k, width in told.items() if width == 0.04} == {0, 50, 100}
    assert {k for k, width in told.items() if width == 0.02} == {120, 170}


@given(st.floats(allow_nan=False))
def test_no_width_beyond_the_range_is_told(width: float) -> None:
    told = GripperCommander(PANDA, interval=0.5).command(width, 0.0)

    assert told is not None
    assert PANDA.width_min <= told <= PANDA.width_max
    assert told == width or not PANDA.width_min <= width <= PANDA.width_max


def test_the_width_is_open_until_another_one_is_told(commander: GripperCommander) -> None:
    assert commander.width == PANDA.width_max
    commander.command(0.03, 0.0)
    assert commander.width == 0.03
    commander.forget()
    assert commander.width == PANDA.width_max
    assert commander.command(0.03, 0.01) == 0.03
