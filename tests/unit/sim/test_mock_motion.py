"""What stops a mock arm's motion stops it at once, and what is not under way is not aborted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from mock_rig import FLAWLESS, PERIOD, MockRig

from introspect_description import ArmDescription
from introspect_sim.mock import ArmState, Manners, MockArm, RecoveryError, make_mock_world
from introspect_sim.tasks import PickAndPlace
from introspect_sim.worlds import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    pytest.importorskip("mujoco")
    world = make_mock_world(ArmDescription.load("panda"), "mujoco")
    yield world
    world.close()


@pytest.fixture
def rig(world: World) -> MockRig:
    return MockRig(world)


# An emergency stop.


def test_a_press_released_and_recovered_within_a_period_still_stops_the_arm(rig: MockRig) -> None:
    rig.swing()
    rig.arm.press_emergency_stop(True)
    rig.arm.press_emergency_stop(False)

    with pytest.raises(RecoveryError, match="still moves; wait until it is at rest"):
        rig.arm.recover()

    assert rig.state is ArmState.EMERGENCY_STOP
    rig.run_to_rest()
    at_rest = rig.position
    rig.arm.recover()
    rig.run(1.0)
    assert rig.state is ArmState.READY
    assert np.abs(rig.position - at_rest).max() < 3e-3
    assert rig.largest_jump() < 1.4


def test_at_rest_a_press_can_be_recovered_from_as_soon_as_it_is_released(rig: MockRig) -> None:
    rig.run(0.1)
    rig.arm.press_emergency_stop(True)
    with pytest.raises(RecoveryError, match="still pressed; release it first"):
        rig.arm.recover()
    rig.arm.press_emergency_stop(False)

    assert "recovered from EMERGENCY_STOP" in rig.arm.recover()

    rig.run(0.1)
    assert rig.state is ArmState.READY
    assert np.abs(rig.position - rig.home).max() < 1e-3


def test_a_press_while_no_time_goes_by_stops_the_arm_when_time_goes_on(rig: MockRig) -> None:
    rig.swing()
    rig.arm.press_emergency_stop(True)
    rig.arm.press_emergency_stop(False)
    rig.start, rig.now = rig.start + 5.0, rig.now + 5.0
    rig.arm.rest_until(rig.now)  # as while its node is not active
    with pytest.raises(RecoveryError, match="still moves"):
        rig.arm.recover()

    assert rig.run_to_rest() < 0.5
    assert rig.state is ArmState.EMERGENCY_STOP


def test_the_button_that_the_service_releases_is_still_held_by_a_fault(rig: MockRig) -> None:
    rig.inject("emergency_stop", duration=0.2)
    rig.run(0.1)
    rig.arm.press_emergency_stop(True)
    rig.arm.press_emergency_stop(False)
    rig.run(PERIOD)

    rig.arm.press_emergency_stop(False)
    with pytest.raises(RecoveryError, match="still pressed; release it first"):
        rig.arm.recover()

    rig.run(0.2)
    rig.arm.recover()


# An aborted trajectory.


def test_at_rest_there_is_no_trajectory_to_abort(rig: MockRig) -> None:
    rig.run(0.1)

    rig.inject("trajectory_aborted")
    rig.run(0.1)

    assert rig.arm.aborted == 0
    assert rig.arm.status.reason == ""
    goal = rig.home + 0.1
    rig.send(goal, 0.5)
    rig.run(0.7)
    assert np.abs(rig.position - goal).max() < 3e-3


def test_an_arm_in_a_reflex_aborts_nothing_and_says_nothing_of_it_after_recovery(
    rig: MockRig,
) -> None:
    rig.swing()
    rig.inject("reflex")
    rig.run_to_rest()

    rig.inject("trajectory_aborted")
    rig.run(0.1)
    rig.arm.recover()
    rig.run(0.1)

    assert rig.arm.aborted == 0
    assert (rig.state, rig.arm.status.reason) == (ArmState.READY, "")


# Rates.


def test_an_arm_refuses_manners_with_a_rate_above_its_controllers(world: World) -> None:
    manners = Manners(**{**vars(FLAWLESS), "pose_rate": 150.0})

    with pytest.raises(ValueError, match=r"pose_rate must be at most .*, 100 Hz, got 150 Hz"):
        MockArm(world, PickAndPlace(), manners)
