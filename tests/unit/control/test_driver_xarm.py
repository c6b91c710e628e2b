"""The xArm's driver, against a fake of its library."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from maker_libraries import HOME, FakeXArm, differences, xarm

from introspect_control.drivers import Condition, DriverError
from introspect_control.drivers.xarm import XArmDriver
from introspect_description import ArmDescription

__all__ = ["xarm"]  # a fixture

ARM = ArmDescription.load("xarm7")


@pytest.fixture
def driver(xarm: None) -> Iterator[XArmDriver]:
    driver = XArmDriver(ARM, "192.168.1.117")
    driver.connect()
    yield driver
    driver.close()


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_the_fake_has_the_calls_of_the_real_library() -> None:
    wrapper = pytest.importorskip(
        "xarm.wrapper", reason="NOT TESTED: calls of xarm-python-sdk; it is not installed"
    )
    own = ("here", "_call")
    assert differences(FakeXArm, wrapper.XArmAPI, own) == []
    for name in ("connected", "axis", "mode", "state", "error_code", "warn_code"):
        assert hasattr(wrapper.XArmAPI, name)


def test_connecting_enables_servo_mode_in_radians(driver: XArmDriver) -> None:
    api = FakeXArm.here
    assert (api.address, api.is_radian) == ("192.168.1.117", True)
    enabling = [c for c in api.calls if c.split()[0] in ("motion_enable", "set_mode", "set_state")]
    assert enabling == ["motion_enable", "set_mode 1", "set_state 0"]
    reading = driver.read()
    np.testing.assert_array_equal(reading.position, HOME)
    np.testing.assert_array_equal(reading.velocity, np.full(7, 0.1))
    assert (reading.condition, reading.reason) == (Condition.READY, "")


def test_positions_are_sent_as_they_come(driver: XArmDriver) -> None:
    driver.command(HOME + 0.01, np.zeros(7))
    assert FakeXArm.here.sent == [(HOME + 0.01).tolist()]


def test_an_arm_with_an_error_is_connected_and_left_in_it(
    xarm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faulty(FakeXArm):
        def __init__(self, port: object = None, is_radian: bool = False) -> None:
            super().__init__(port, is_radian)
            self.error_code = 31

    monkeypatch.setattr(sys.modules["xarm.wrapper"], "XArmAPI", Faulty)
    driver = XArmDriver(ARM, "192.168.1.117")
    driver.connect()
    assert "motion_enable" not in FakeXArm.here.calls
    assert driver.read().condition is Condition.REFLEX
    driver.close()


@pytest.mark.parametrize(
    ("changes", "condition", "reason"),
    [
        ({"error_code": 31}, Condition.REFLEX, "error 31"),
        ({"error_code": 1}, Condition.EMERGENCY_STOP, "error 1"),
        ({"error_code": 3}, Condition.EMERGENCY_STOP, "error 3"),
        ({"state": 3}, Condition.INACTIVE, "paused, state 3"),
        ({"state": 4}, Condition.INACTIVE, "stopped, state 4"),
        ({"mode": 2}, Condition.INACTIVE, "in mode 2, not in servo mode (1)"),
        ({"warn_code": 11}, Condition.READY, "warning 11"),
    ],
)
def test_what_the_arm_reports_is_its_condition(
    driver: XArmDriver, changes: dict[str, int], condition: Condition, reason: str
) -> None:
    vars(FakeXArm.here).update(changes)
    reading = driver.read()
    assert reading.condition is condition
    assert reason in reading.reason


def test_a_position_that_is_refused_is_a_reflex_until_it_is_recovered_from(
    driver: XArmDriver,
) -> None:
    FakeXArm.here.refusing = -8
    driver.command(HOME, np.zeros(7))
    reading = driver.read()
    assert reading.condition is Condition.REFLEX
    assert reading.reason == "a position was refused: set_servo_angle_j returned -8"
    FakeXArm.here.refusing = 0
    driver.recover()
    assert driver.read().condition is Condition.READY


def test_an_error_that_a_command_meets_is_asked_for_at_once(driver: XArmDriver) -> None:
    api = FakeXArm.here
    api.error_code = 24
    driver.command(HOME, np.zeros(7))
    api.calls.clear()
    assert "error 24" in driver.read().reason
    assert "get_err_warn_code" in api.calls


def test_recovering_clears_the_error_and_enables_servo_mode_again(driver: XArmDriver) -> None:
    api = FakeXArm.here
    api.error_code, api.mode, api.state = 31, 0, 4
    api.calls.clear()
    driver.recover()
    assert [c for c in api.calls if not c.startswith("get_")] == [
        *("clean_error", "clean_warn", "motion_enable", "set_mode 1", "set_state 0")
    ]
    assert driver.read().condition is Condition.READY


def test_a_stop_button_that_is_still_pressed_cannot_be_cleared(driver: XArmDriver) -> None:
    api = FakeXArm.here
    api.error_code, api.pressed = 1, True
    with pytest.raises(DriverError, match="the error cannot be cleared: error 1"):
        driver.recover()


def test_a_lost_connection_is_an_error(driver: XArmDriver) -> None:
    FakeXArm.here.connected = False
    with pytest.raises(DriverError, match=r"the connection to 192\.168\.1\.117 is lost"):
        driver.read()
    FakeXArm.here.answer = 3
    with pytest.raises(DriverError, match="get_joint_states returned 3"):
        driver.read()


def test_an_arm_that_does_not_answer_is_an_error(
    xarm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(port: str, is_radian: bool) -> FakeXArm:
        raise Exception("connect socket failed")

    monkeypatch.setattr(sys.modules["xarm.wrapper"], "XArmAPI", refuse)
    with pytest.raises(DriverError, match=r"no xArm answers at 10\.0\.0\.1: connect socket failed"):
        XArmDriver(ARM, "10.0.0.1").connect()


@pytest.mark.parametrize("address", ["", "xarm.local", "/dev/ttyUSB0"])
def test_an_address_that_would_be_a_serial_port_is_refused(address: str) -> None:
    with pytest.raises(DriverError, match=r"must be an IP address such as 192\.168\.1\.117, got"):
        XArmDriver(ARM, address)


def test_the_gripper_moves_in_pulses_and_does_not_wait_for_the_arm(driver: XArmDriver) -> None:
    wait_for(lambda: driver.read().gripper_width is not None)
    assert driver.read().gripper_width == pytest.approx(0.085 * 400 / 850)
    driver.move_gripper(0.0425, 15.0)
    wait_for(lambda: FakeXArm.here.pulses == 425)
    driver.move_gripper(1.0, 15.0)
    wait_for(lambda: FakeXArm.here.pulses == 850)
    assert FakeXArm.here.calls.count("set_gripper_enable") == 1


def test_an_arm_without_a_gripper_has_no_width(driver: XArmDriver) -> None:
    FakeXArm.here.has_gripper = False
    wait_for(lambda: driver.read().gripper_width is None)
    reading = driver.read()
    assert reading.condition is Condition.READY
    assert "get_gripper_position returned 19" in reading.gripper_problem


def test_stopped_it_leaves_servo_mode_and_closed_it_disconnects(driver: XArmDriver) -> None:
    api = FakeXArm.here
    driver.stop()
    assert api.mode == 0
    driver.close()
    driver.close()
    assert api.calls.count("disconnect") == 1


def test_an_arm_that_does_not_leave_servo_mode_is_stopped(
    driver: XArmDriver, caplog: pytest.LogCaptureFixture
) -> None:
    api = FakeXArm.here
    api.stuck = 9
    driver.stop()
    assert api.calls[-1] == "set_state 4"
    assert "set_mode(0) returned 9" in caplog.text
    api.answer = 3
    with pytest.raises(DriverError, match="set_state returned 3"):
        driver.stop()
