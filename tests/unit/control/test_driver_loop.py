"""The loop that lets a directly driven arm follow trajectories."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from introspect_control.drivers import Condition, DriverError, DriverLoop, Reading
from introspect_control.trajectory import Trajectory
from introspect_description import ArmDescription

Array = NDArray[np.float64]

ARM = ArmDescription.load("xarm7")
PERIOD = 0.01


class Arm:
    """A driver whose arm is where it was last commanded to be."""

    rate = 100.0

    def __init__(self) -> None:
        self.position: Array = ARM.home + 0.2
        self.condition, self.reason = Condition.READY, ""
        self.commands: list[tuple[Array, Array]] = []
        self.calls: list[str] = []
        self.gripper: list[tuple[float, float]] = []
        self.failing: Exception | None = None

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.failing is not None:
            raise self.failing

    def connect(self) -> None:
        self._call("connect")

    def read(self) -> Reading:
        self._call("read")
        return Reading(self.position, np.zeros(7), 0.05, self.condition, self.reason)

    def command(self, position: Array, velocity: Array) -> None:
        self._call("command")
        self.commands.append((position, velocity))
        self.position = position

    def move_gripper(self, width: float, force: float) -> None:
        self.gripper.append((width, force))

    def stop(self) -> None:
        self._call("stop")

    def recover(self) -> None:
        self._call("recover")
        if self.condition is Condition.EMERGENCY_STOP:
            raise DriverError("release the button first")
        self.condition, self.reason = Condition.READY, ""

    def close(self) -> None:
        self.calls.append("close")


class Rig:
    """A loop without a thread, in which time passes as the test says."""

    def __init__(self) -> None:
        self.arm = Arm()
        self.now = 50.0
        self.loop = DriverLoop(self.arm, ARM, clock=lambda: self.now)

    def run(self, steps: int = 1) -> None:
        for _ in range(steps):
            self.loop.step()
            self.now += PERIOD

    def recover(self) -> str:
        answer = self.loop.recover()
        assert not answer.done()
        self.run()
        return answer.result(0)


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.loop.connect()
    rig.run()
    return rig


def to(position: Array, duration: float = 0.1) -> Trajectory:
    return Trajectory(np.array([duration]), position[None], np.zeros((1, 7)))


def test_nothing_is_called_before_it_is_connected() -> None:
    rig = Rig()
    rig.run(3)
    assert rig.arm.calls == []
    assert rig.loop.reading.condition is Condition.DISCONNECTED
    with pytest.raises(ValueError, match=r"the arm is DISCONNECTED: not connected yet"):
        rig.loop.follow(to(ARM.home))


def test_the_first_command_is_where_the_arm_is() -> None:
    rig = Rig()
    before = rig.arm.position.copy()
    rig.loop.connect()
    rig.run()
    np.testing.assert_array_equal(rig.arm.commands[0][0], before)
    assert not rig.arm.commands[0][1].any()


def test_a_trajectory_is_followed_from_the_present_command_and_held_at_its_end(rig: Rig) -> None:
    start = rig.arm.position
    rig.loop.follow(to(start + 0.05))
    rig.run(20)
    way = np.array([position for position, _ in rig.arm.commands])
    assert (np.diff(way, axis=0) > -1e-12).all()
    assert np.abs(np.diff(way, axis=0)).max() < 0.01
    np.testing.assert_allclose(way[-1], start + 0.05)
    assert not rig.arm.commands[-1][1].any()


@given(st.lists(st.tuples(st.integers(0, 12), st.floats(-0.06, 0.06)), min_size=1, max_size=6))
def test_commands_never_jump_and_always_come_to_rest(plans: list[tuple[int, float]]) -> None:
    rig = Rig()
    rig.loop.connect()
    rig.run()
    middle = rig.arm.position.copy()
    for steps, offset in plans:
        rig.loop.follow(to(middle + offset))
        rig.run(steps)
    rig.run(15)
    way = np.array([position for position, _ in rig.arm.commands])
    assert np.abs(np.diff(way, axis=0)).max() < 0.06
    np.testing.assert_allclose(way[-1], middle + plans[-1][1])
    assert not rig.arm.commands[-1][1].any()


def outside(position: Array) -> Trajectory:
    far = position.copy()
    far[3] = ARM.limits.upper[3] + 0.1
    return to(far, 3.0)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda q: to(q + 1.0), r"joint1 would move at 3\.33 rad/s, its limit is 2\.14 rad/s"),
        (outside, r"joint4 = 4\.027 rad is outside its limits \[-0\.19198, 3\.927\]"),
        (lambda q: to(q, 0.0), r"times must increase from above 0"),
        (lambda q: to(q * np.nan), r"every number of a trajectory must be finite"),
        (lambda q: to(q[:6]), r"positions must be \(1, 7\)"),
    ],
)
def test_a_trajectory_that_cannot_be_followed_changes_nothing(
    rig: Rig, make: Callable[[Array], Trajectory], problem: str
) -> None:
    start = rig.arm.position
    rig.loop.follow(to(start + 0.05))
    with pytest.raises(ValueError, match=problem):
        rig.loop.follow(make(start))
    rig.run(15)
    np.testing.assert_allclose(rig.arm.position, start + 0.05)


def test_an_arm_that_is_not_ready_is_not_commanded_and_does_not_jump_afterwards(rig: Rig) -> None:
    # given a trajectory under way, when the arm stops by itself
    rig.loop.follow(to(rig.arm.position + 0.05))
    rig.run(3)
    rig.arm.condition, rig.arm.reason = Condition.REFLEX, "contact"
    commands = len(rig.arm.commands)
    rig.run(20)
    # then nothing more is commanded
    assert len(rig.arm.commands) == commands
    assert rig.loop.reading.reason == "contact"
    with pytest.raises(ValueError, match="the arm is REFLEX: contact"):
        rig.loop.follow(to(ARM.home))
    # and when it has been moved by hand and recovers, it stays where it is
    rig.arm.position = ARM.home.copy()
    assert rig.recover() == ""
    rig.run(10)
    np.testing.assert_array_equal(rig.arm.position, ARM.home)


def test_an_emergency_stop_that_is_pressed_is_not_recovered_from(rig: Rig) -> None:
    rig.arm.condition = Condition.EMERGENCY_STOP
    rig.run()
    assert rig.recover() == "release the button first"
    assert rig.loop.reading.condition is Condition.EMERGENCY_STOP


def test_recovering_a_ready_arm_does_nothing(rig: Rig) -> None:
    rig.arm.calls.clear()
    assert rig.recover() == ""
    assert "recover" not in rig.arm.calls


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DriverError("the connection is lost"), "the connection is lost"),
        (RuntimeError("UDP receive: Timeout"), "RuntimeError: UDP receive: Timeout"),
    ],
)
def test_a_driver_that_raises_is_disconnected_until_a_person_asks(
    rig: Rig, error: Exception, reason: str
) -> None:
    rig.arm.failing = error
    rig.run()
    assert rig.loop.reading.condition is Condition.DISCONNECTED
    assert rig.loop.reading.reason == reason
    assert rig.arm.calls[-1] == "close"
    # given that it works again, when nobody asks, then nothing is called
    rig.arm.failing = None
    count = len(rig.arm.calls)
    rig.run(10)
    assert len(rig.arm.calls) == count
    # when somebody asks, then it is connected anew
    assert rig.recover() == ""
    assert rig.arm.calls[count] == "connect"


def test_an_arm_that_cannot_be_reached_says_why() -> None:
    rig = Rig()
    rig.arm.failing = DriverError("no arm answers at 10.0.0.1")
    rig.loop.connect()
    rig.run()
    assert rig.loop.reading == Reading.none("no arm answers at 10.0.0.1")._replace(
        position=rig.loop.reading.position, velocity=rig.loop.reading.velocity
    )
    assert rig.recover() == "no arm answers at 10.0.0.1"


@pytest.mark.parametrize("position", [np.full(7, np.nan), np.zeros(6)])
def test_a_reading_that_cannot_be_is_as_good_as_none(rig: Rig, position: Array) -> None:
    rig.arm.position = position
    rig.run()
    assert rig.loop.reading.condition is Condition.DISCONNECTED
    assert "not seven finite numbers" in rig.loop.reading.reason


def test_the_gripper_gets_the_arms_force_and_keeps_its_range(rig: Rig) -> None:
    rig.loop.move_gripper(0.03)
    rig.run(2)
    rig.loop.move_gripper(0.5)
    rig.run()
    assert rig.arm.gripper == [(0.03, ARM.gripper.grip_force), (0.08, ARM.gripper.grip_force)]
    with pytest.raises(ValueError, match="the gripper's width must be finite, got nan"):
        rig.loop.move_gripper(float("nan"))


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_closed_it_lets_the_arm_come_to_rest_and_then_go() -> None:
    arm = Arm()
    loop = DriverLoop(arm, ARM)
    shown: list[Reading] = []
    loop.start(shown.append)
    wait_for(lambda: len(shown) > 2)
    start = arm.position
    loop.follow(to(start + 0.02, 0.05))
    loop.close()
    assert not loop.alive
    assert arm.calls[-2:] == ["stop", "close"]
    np.testing.assert_allclose(arm.position, start + 0.02)
    with pytest.raises(ValueError, match="the arm is READY"):
        loop.follow(to(start))


def test_a_library_that_does_not_return_holds_up_nobody_else() -> None:
    entered, release = threading.Event(), threading.Event()

    class Slow(Arm):
        def read(self) -> Reading:
            if self.commands:
                entered.set()
                release.wait(10.0)
            return super().read()

    loop = DriverLoop(Slow(), ARM)
    loop.start(lambda reading: None)
    assert entered.wait(10.0)
    started = time.monotonic()
    loop.follow(to(ARM.home + 0.2))
    loop.move_gripper(0.01)
    assert loop.reading.condition is Condition.READY
    assert time.monotonic() - started < 0.1
    release.set()
    loop.close()
    assert not loop.alive
