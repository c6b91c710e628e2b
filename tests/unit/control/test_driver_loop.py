"""The loop that lets a directly driven arm follow trajectories."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from introspect_control.drivers import Condition, DriverError, DriverLoop, Reading
from introspect_control.trajectory import Trajectory
from introspect_description import ArmDescription

Array = NDArray[np.float64]

ARM = ArmDescription.load("xarm7")
PERIOD = 0.01


class Arm:
    """A driver whose arm is where it was last commanded to be, or that much behind it in time."""

    rate = 100.0
    lag = 0.0  # [s]

    def __init__(self) -> None:
        self.position: Array = ARM.home + 0.2
        self.velocity: Array = np.zeros(7)
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
        return Reading(self.position, self.velocity, 0.05, self.condition, self.reason)

    def command(self, position: Array, velocity: Array) -> None:
        self._call("command")
        self.commands.append((position, velocity))
        if not self.lag:
            self.position = position

    def live(self, time: float) -> None:
        """Go on for a while [s], as a servo does."""
        if self.lag and self.commands:
            behind = (self.commands[-1][0] - self.position) * np.exp(-time / self.lag)
            self.position, self.velocity = self.commands[-1][0] - behind, behind / self.lag

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

    def run(self, steps: int = 1, period: float = PERIOD) -> None:
        for _ in range(steps):
            self.loop.step()
            self.wait(period)

    def wait(self, time: float) -> None:
        self.now += time
        self.arm.live(time)

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


FASTEST = ARM.limits.velocity * PERIOD  # [rad] in a period


@given(st.lists(st.tuples(st.integers(0, 12), st.floats(-0.06, 0.06)), min_size=1, max_size=6))
@example([(12, 0.06), (12, -0.06)])
@example([(5, 0.06), (1, -0.06), (1, 0.06), (1, -0.06)])
def test_commands_never_jump_and_always_come_to_rest(plans: list[tuple[int, float]]) -> None:
    rig = Rig()
    rig.loop.connect()
    rig.run()
    middle = rig.arm.position.copy()
    target = middle
    for steps, offset in plans:
        try:
            rig.loop.follow(to(middle + offset))
        except ValueError as error:
            assert "would move at" in str(error)  # noqa: PT017 - it may refuse, but nothing else
        else:
            target = middle + offset
        rig.run(steps)
    rig.run(15)
    way = np.array([position for position, _ in rig.arm.commands])
    # 1.4: a cubic of 0.1 s makes up for a command that is 0.02 s late
    assert (np.abs(np.diff(way, axis=0)) < 1.4 * FASTEST + 1e-9).all()
    np.testing.assert_allclose(way[-1], target)
    assert not rig.arm.commands[-1][1].any()


def outside(position: Array) -> Trajectory:
    far = position.copy()
    far[3] = ARM.limits.upper[3] + 0.1
    return to(far, 0.2)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda q: to(q + 1.0), r"joint1 would move at 10\.00 rad/s, its limit is 2\.14 rad/s"),
        (outside, r"joint4 = 4\.027 rad is outside its limits \[-0\.19198, 3\.927\]"),
        (lambda q: to(q + 0.04, 0.001), r"its first point is at 0\.001 s, but may be at 0\.01 s"),
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


@pytest.mark.parametrize("lag", [0.0, 0.03, 0.06])
@pytest.mark.parametrize("time", [0.04, 0.2])
@pytest.mark.parametrize("held_up", ["read", "command"])
def test_after_the_library_has_held_it_up_it_starts_from_the_latest_command(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, held_up: str, time: float, lag: float
) -> None:
    # given an arm at 2 rad/s, somewhat behind its commands
    rig.arm.lag = lag
    start = rig.arm.position
    there = Trajectory(np.array([0.2]), (start + 0.25)[None], np.zeros((1, 7)))
    rig.loop.follow(there)
    rig.run(10)
    call = getattr(rig.arm, held_up)

    def slow(*arguments: Array) -> Reading | None:
        result = call(*arguments)
        rig.wait(time)
        return result

    # when a call takes long
    monkeypatch.setattr(rig.arm, held_up, slow)
    rig.run()
    monkeypatch.undo()
    rig.run(30)
    # then no command is further from the one before than the arm can go in a period, nor goes back
    way = np.array([position for position, _ in rig.arm.commands])
    assert (np.diff(way, axis=0) < FASTEST).all()
    assert (np.diff(way, axis=0) >= 0.0).all()
    np.testing.assert_allclose(rig.arm.position, way[-1], atol=1e-3)
    # and what comes next must be near where it is, not where it would have been
    with pytest.raises(ValueError, match="would move at"):
        rig.loop.follow(to(start + 0.25, 0.02))
    rig.loop.follow(to(rig.arm.position + 0.01))


@pytest.mark.parametrize("moving", [False, True])
def test_an_arm_that_something_else_has_moved_meanwhile_stays_where_it_is(
    rig: Rig, moving: bool
) -> None:
    if moving:
        rig.loop.follow(to(rig.arm.position + 0.15))
        rig.run(6)
    off = 0.5 if moving else 0.011
    elsewhere = rig.arm.position - off * np.eye(7)[2]
    # when it has been moved while the library returned nothing
    rig.wait(0.2)
    rig.arm.position = elsewhere
    rig.run(5)
    # then the commands start there
    np.testing.assert_array_equal(rig.arm.commands[-1][0], elsewhere)
    assert not rig.arm.commands[-1][1].any()


def test_a_period_that_comes_a_little_late_is_made_up_for(rig: Rig) -> None:
    start = rig.arm.position
    rig.loop.follow(to(start + 0.05))
    rig.run(8, 2.5 * PERIOD)
    np.testing.assert_allclose(rig.arm.position, start + 0.05)


def test_the_readings_age_is_how_long_the_library_has_not_answered(rig: Rig) -> None:
    rig.run(5)
    assert rig.loop.age == pytest.approx(PERIOD)
    rig.now += 3.0
    assert rig.loop.age == pytest.approx(3.0 + PERIOD)


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
    assert rig.arm.calls[-2:] == ["stop", "close"], "a command may reach it all the same"
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


def test_a_gripper_is_not_moved_by_what_was_wanted_before_the_arm_stopped(rig: Rig) -> None:
    for condition in (Condition.REFLEX, Condition.EMERGENCY_STOP, Condition.INACTIVE):
        # given a width that comes just before the arm stops
        rig.loop.move_gripper(0.03)
        rig.arm.condition = condition
        rig.run()
        # then it is not carried out, and another one is refused
        with pytest.raises(ValueError, match=f"the arm is {condition.name}"):
            rig.loop.move_gripper(0.02)
        # nor is either once the arm is ready again
        rig.arm.condition = Condition.READY
        rig.run(3)
    assert rig.arm.gripper == []


def test_a_width_wanted_of_a_lost_arm_is_forgotten(rig: Rig) -> None:
    rig.loop.move_gripper(0.03)
    rig.arm.failing = DriverError("the connection is lost")
    rig.run()
    with pytest.raises(ValueError, match="the arm is DISCONNECTED: the connection is lost"):
        rig.loop.move_gripper(0.02)
    rig.arm.failing = None
    assert rig.recover() == ""
    rig.run(3)
    assert rig.arm.gripper == []


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
    assert loop.close()
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


def test_closing_tells_whether_the_library_has_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("introspect_control.drivers.loop._FAREWELL", 0.0)
    entered, release = threading.Event(), threading.Event()

    class Hanging(Arm):
        def read(self) -> Reading:
            entered.set()
            release.wait(10.0)
            return super().read()

    arm = Hanging()
    loop = DriverLoop(arm, ARM)
    loop.start(lambda reading: None)
    assert entered.wait(10.0)
    assert not loop.close()
    assert loop.alive
    # and when it returns after all, the arm is stopped and let go of
    release.set()
    wait_for(lambda: not loop.alive)
    assert arm.calls[-2:] == ["stop", "close"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_that_dies_lets_go_of_the_arm() -> None:
    arm = Arm()
    loop = DriverLoop(arm, ARM)

    def show(reading: Reading) -> None:
        raise RuntimeError("whoever is shown it fails")

    loop.start(show)
    wait_for(lambda: not loop.alive)
    assert arm.calls[-2:] == ["stop", "close"]
