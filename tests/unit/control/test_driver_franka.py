"""Both drivers of Franka's arms, against fakes of their libraries: one behaviour, two libraries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from maker_libraries import (
    HOME,
    FakeHand,
    FakeJointPosition,
    FakePanda,
    FakeRobot,
    FakeTracker,
    FrankaBox,
    differences,
    franka,
)

from introspect_control.drivers import Condition, DriverError
from introspect_control.drivers.franka import condition_of, move_hand
from introspect_control.drivers.franky import FrankyDriver
from introspect_control.drivers.panda import PandaDriver
from introspect_description import ArmDescription

__all__ = ["franka"]  # a fixture

PANDA, FR3 = ArmDescription.load("panda"), ArmDescription.load("fr3")
Driver = PandaDriver | FrankyDriver


def make(name: str) -> Driver:
    return PandaDriver(PANDA, "10.0.0.2") if name == "panda" else FrankyDriver(FR3, "10.0.0.2")


@pytest.fixture
def driven(franka: tuple[str, FrankaBox]) -> Iterator[tuple[Driver, FrankaBox]]:
    name, box = franka
    driver = make(name)
    driver.connect()
    yield driver, box
    driver.close()


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_the_fakes_have_the_calls_of_panda_python() -> None:
    panda_py = pytest.importorskip(
        "panda_py", reason="NOT TESTED: calls of panda-python; it is not installed"
    )
    from panda_py import controllers, libfranka

    assert differences(FakePanda, panda_py.Panda, ("controller",)) == []
    assert differences(FakeJointPosition, controllers.JointPosition) == []
    assert differences(FakeHand, libfranka.Gripper, ("__init__",)) == []
    assert {"q", "dq", "robot_mode"} <= set(dir(libfranka.RobotState))
    assert "k" + "Idle" in dir(libfranka.RobotMode)
    assert str(libfranka.RobotMode.kIdle) == "RobotMode.kIdle"


def test_the_fakes_have_the_calls_of_franky() -> None:
    franky = pytest.importorskip(
        "franky", reason="NOT TESTED: calls of franky-control; it is not installed"
    )
    assert differences(FakeRobot, franky.Robot) == []
    assert differences(FakeTracker, franky.JointImpedanceTracker, ("here",)) == []
    assert differences(FakeHand, franky.Gripper, ("__init__", "read_once")) == []
    assert hasattr(franky.Gripper, "width")
    assert {"q", "dq", "robot_mode", "current_errors"} <= set(dir(franky.RobotState))
    assert str(franky.RobotMode.Idle) == "RobotMode.Idle"


def test_a_fake_with_other_calls_would_be_noticed() -> None:
    class Real:
        def move(self, width: float, speed: float) -> bool:
            return True

    found = differences(FakeHand, Real, ("__init__", "read_once"))
    assert found == ["there is no grasp"]

    class Swapped(Real):
        def grasp(
            self, width: float, force: float, speed: float, epsilon_inner: int, epsilon_outer: int
        ) -> bool:
            return True

    assert differences(FakeHand, Swapped, ("__init__", "read_once")) == [
        "grasp(width, speed, force, epsilon_inner, epsilon_outer), but it is "
        "grasp(width, force, speed, epsilon_inner, epsilon_outer)"
    ]


def test_an_idle_arm_is_ready_once_it_is_connected(driven: tuple[Driver, FrankaBox]) -> None:
    reading = driven[0].read()
    assert (reading.condition, reading.reason) == (Condition.READY, "")
    np.testing.assert_array_equal(reading.position, HOME)
    np.testing.assert_array_equal(reading.velocity, np.full(7, 0.1))


def test_position_and_velocity_reach_the_controller(driven: tuple[Driver, FrankaBox]) -> None:
    driver, _ = driven
    driver.command(HOME + 0.01, np.full(7, 0.2))
    own = driver._controller if isinstance(driver, PandaDriver) else FakeTracker.here
    position, velocity = own.sent[-1]
    np.testing.assert_array_equal(position, HOME + 0.01)
    np.testing.assert_array_equal(velocity, np.full(7, 0.2))


@pytest.mark.parametrize(
    ("mode", "condition"),
    [
        ("Reflex", Condition.REFLEX),
        ("UserStopped", Condition.EMERGENCY_STOP),
        ("Guiding", Condition.INACTIVE),
        ("Other", Condition.INACTIVE),
        ("Move", Condition.INACTIVE),
    ],
)
def test_an_arm_that_is_not_idle_is_connected_and_left_as_it_is(
    franka: tuple[str, FrankaBox], mode: str, condition: Condition
) -> None:
    name, box = franka
    box.mode = mode
    driver = make(name)
    driver.connect()
    assert driver.read().condition is condition
    assert box.mode == mode
    assert not box.running
    driver.close()


def test_a_reflex_is_told_with_its_error_for_as_long_as_it_lasts(
    driven: tuple[Driver, FrankaBox],
) -> None:
    driver, box = driven
    box.fail("Reflex", 'motion aborted by reflex! ["joint_reflex"]')
    box.q = HOME + 0.3  # somebody moves it meanwhile
    for _ in range(3):
        reading = driver.read()
        assert reading.condition is Condition.REFLEX
        assert "joint_reflex" in reading.reason
    np.testing.assert_array_equal(reading.position, box.q)
    driver.recover()
    assert driver.read().condition is Condition.READY
    assert driver.read().reason == ""


def test_a_control_loop_that_ends_in_an_idle_arm_is_a_reflex_too(
    driven: tuple[Driver, FrankaBox],
) -> None:
    driver, box = driven
    box.fail("Idle", "communication_constraints_violation")
    reading = driver.read()
    assert reading.condition is Condition.REFLEX
    assert reading.reason == "communication_constraints_violation"
    driver.recover()
    assert driver.read().condition is Condition.READY


def test_a_stop_button_must_be_released_before_it_can_recover(
    driven: tuple[Driver, FrankaBox],
) -> None:
    driver, box = driven
    box.fail("UserStopped", "motion aborted: user stop")
    assert driver.read().condition is Condition.EMERGENCY_STOP
    with pytest.raises(DriverError, match="the stop button is pressed: release it first"):
        driver.recover()
    box.mode = "Idle"
    driver.recover()
    assert driver.read().condition is Condition.READY


def test_a_recovery_that_fails_says_so(driven: tuple[Driver, FrankaBox]) -> None:
    driver, box = driven
    box.fail("Reflex", "contact")
    box.recovers = False
    with pytest.raises((DriverError, RuntimeError), match=r"did not recover|recovery failed"):
        driver.recover()
    assert driver.read().condition is Condition.REFLEX


def test_an_arm_that_is_gone_raises(driven: tuple[Driver, FrankaBox]) -> None:
    driver, box = driven
    box.reachable = False
    with pytest.raises(Exception, match="Connection to FCI refused"):
        driver.read()


def test_an_arm_that_does_not_answer_is_an_error(franka: tuple[str, FrankaBox]) -> None:
    name, box = franka
    box.reachable = False
    with pytest.raises(DriverError, match=r"no \w+ answers at 10\.0\.0\.2: libfranka: Connection"):
        make(name).connect()


def test_stopped_the_arm_holds_itself(driven: tuple[Driver, FrankaBox]) -> None:
    driver, box = driven
    driver.stop()
    assert (box.mode, box.running) == ("Idle", False)


def test_the_hand_opens_and_grasps_with_the_force(driven: tuple[Driver, FrankaBox]) -> None:
    driver, box = driven
    assert box.hand is not None
    wait_for(lambda: driver.read().gripper_width == 0.03)
    driver.move_gripper(0.08, 15.0)
    wait_for(lambda: box.hand and box.hand.calls == [("move", 0.08, 0.1)])
    wait_for(lambda: driver.read().gripper_width == 0.08)
    driver.move_gripper(0.0, 15.0)
    wait_for(lambda: box.hand and box.hand.calls[-1] == ("grasp", 0.0, 0.1, 15.0))


def test_an_arm_without_a_hand_has_no_width(franka: tuple[str, FrankaBox]) -> None:
    name, box = franka
    box.hand = None
    driver = make(name)
    driver.connect()
    driver.move_gripper(0.0, 15.0)
    reading = driver.read()
    assert (reading.gripper_width, reading.gripper_problem) == (None, "")
    driver.close()


def test_a_hand_that_is_there_but_cannot_be_used_is_told(franka: tuple[str, FrankaBox]) -> None:
    name, box = franka
    box.hand, box.no_hand = None, "libfranka: Incompatible library version"
    driver = make(name)
    driver.connect()
    reading = driver.read()
    assert reading.condition is Condition.READY
    problem = "no hand: RuntimeError: libfranka: Incompatible library version"
    assert reading.gripper_problem == problem
    driver.close()


@pytest.mark.parametrize(
    ("width", "problem"),
    [
        (0.08, "the hand did not move to 0.080 m"),
        (0.0, "the hand did not close to 0.000 m with 15 N"),
    ],
)
def test_a_hand_that_does_not_move_is_told(
    driven: tuple[Driver, FrankaBox], width: float, problem: str
) -> None:
    driver, box = driven
    assert box.hand is not None
    box.hand.succeeds = False
    wait_for(lambda: driver.read().gripper_width == 0.03)
    driver.move_gripper(width, 15.0)
    wait_for(lambda: driver.read().gripper_problem == problem)


@pytest.mark.parametrize("franka", ["panda"], indirect=True)
def test_a_panda_with_other_limits_than_its_data_is_refused(
    franka: tuple[str, FrankaBox],
) -> None:
    _, box = franka
    # given the data of an FR3, whose sixth joint goes further, and a Panda at its address
    with pytest.raises(DriverError, match=r"fr3_joint6 may go from .* is it another arm\?"):
        PandaDriver(FR3, "10.0.0.2").connect()
    assert not box.running


def test_a_mode_that_nobody_knows_is_no_reason_to_move() -> None:
    assert condition_of("RobotMode.kDancing", True, "") == (Condition.INACTIVE, "in mode Dancing")


def test_a_hand_of_unknown_width_is_moved_not_closed_with_force() -> None:
    hand = FakeHand()
    move_hand(hand, 0.0, 15.0, None)
    assert hand.calls == [("move", 0.0, 0.1)]
