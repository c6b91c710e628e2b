"""The loop that lets a driver's arm follow trajectories, in a thread of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.drivers.driver import (
    ArmDriver,
    Condition,
    DriverError,
    Reading,
    text_of,
)
from introspect_control.drivers.trajectory_check import check_trajectory
from introspect_control.loop_timer import LoopTimer
from introspect_control.trajectory import LONGEST_HORIZON, HermiteSampler, Trajectory

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]

_COMING_TO_REST = LONGEST_HORIZON + 0.1  # that a trajectory gets to end when the loop does [s]
_FAREWELL = 2.5  # with a library that does not return [s]
_LATEST = 3.0  # between two commands of one motion, in periods
_NEAR = 0.01  # by which an arm that stands may be off its command [rad]
_LAG = 0.1  # by which one that moves may be behind it [s]


class DriverLoop:
    """Reads and commands an arm at its driver's rate.

    Makers' libraries wait for the arm's answer, some for seconds where it has gone: that must hold
    up nobody else. Whoever uses the loop only leaves what is wanted and looks at what was read.

    A trajectory is followed from the present command on, and held at its end: without a next one
    the arm comes to rest. Where the arm is not READY nothing is commanded; when it is again, the
    loop starts from where the arm then is. After the library has held up the commands for more
    than three periods it starts from the latest of them, unless the arm is not on its way there.

    Args:
        driver: of the arm; called by the loop's thread only.
        arm: whose limits trajectories keep.
        timer: of the loop; one of its own by default.
        clock: [s], never goes back.
    """

    def __init__(
        self,
        driver: ArmDriver,
        arm: ArmDescription,
        timer: LoopTimer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reading = Reading.none("not connected yet")
        self.timer = timer or LoopTimer(1.0 / driver.rate)
        self._period = 1.0 / driver.rate
        self._driver = driver
        self._arm = arm
        self._clock = clock
        self._lock = threading.Lock()  # of the sampler, of _ready and of _width
        self._sampler = HermiteSampler(arm.home)
        self._connected = False
        self._ready = False
        self._commanded = 0.0  # when the latest command was due [s]
        self._latest = (arm.home, np.zeros_like(arm.home))  # position [rad] and velocity [rad/s]
        self._read_at = clock()  # the latest reading, or that there was none [s]
        self._resting = True  # the latest command was the end of a trajectory
        self._width: float | None = None  # that the gripper is wanted to have [m]
        self._recovery: Future[str] | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def arm(self) -> str:
        """Name of its arm."""
        return self._arm.name

    @property
    def age(self) -> float:
        """Of ``reading`` [s]: how long the library has not answered."""
        return self._clock() - self._read_at

    def start(self, show: Callable[[Reading], None]) -> None:
        """Connect and go on until ``close``.

        Args:
            show: is given every reading, by the loop's thread.
        """
        self._thread = threading.Thread(target=self._run, args=(show,), daemon=True)
        self._thread.start()

    def close(self) -> bool:
        """Let the arm come to rest and let go of it.

        Returns:
            Whether that is done. If not, the library has not returned for 2.5 s: the thread does
            it when it does, and nobody else may have the driver before.
        """
        self._closing.set()
        if self._thread is not None:
            self._thread.join(_COMING_TO_REST + _FAREWELL)
        return not self.alive

    def follow(self, trajectory: Trajectory) -> None:
        """Follow a trajectory from now on.

        Raises:
            ValueError: The arm is not ready, or the trajectory not one that it can follow; what
                was followed before is followed on.
        """
        with self._lock:
            self._check_ready()
            now = self._clock()
            position, velocity = self._sampler.sample(now)
            fresh = HermiteSampler(position)
            fresh.follow(trajectory, now)  # refuses shapes, times and numbers
            period = 1.0 / self._arm.controller.rate
            check_trajectory(trajectory, position, velocity, self._arm.limits, period)
            self._sampler.follow(trajectory, now)

    def move_gripper(self, width: float) -> None:
        """Let the gripper have a width [m], clipped to its range, with the arm's usual force.

        Raises:
            ValueError: The arm is not ready, or the width not finite.
        """
        if not np.isfinite(width):
            raise ValueError(f"the gripper's width must be finite, got {width}")
        gripper = self._arm.gripper
        with self._lock:
            self._check_ready()
            self._width = min(max(float(width), gripper.width_min), gripper.width_max)

    def _check_ready(self) -> None:
        if self._closing.is_set() or not self._ready:
            condition, reason = self.reading.condition, self.reading.reason
            raise ValueError(f"the arm is {condition.name}" + f": {reason}" * bool(reason))

    def recover(self) -> Future[str]:
        """Ask for a reflex to be ended, or a lost arm to be connected again.

        Returns:
            What stands in the way, once it is known; empty if the arm is ready.
        """
        recovery = self._recovery
        if recovery is None:
            recovery = self._recovery = Future()
        return recovery

    def connect(self) -> None:
        """Reach the arm; where that fails, ``reading`` says why."""
        try:
            self._driver.connect()
            self._connected = True
        except Exception as error:
            self._lose(error)

    def step(self) -> Reading:
        """One period: what was asked for, a reading, and a command where the arm is ready."""
        if self._recovery is not None:
            recovery, self._recovery = self._recovery, None
            recovery.set_result(self._recover())
        if self._connected:
            try:
                self.reading = self._read()
                self._command()
            except Exception as error:
                self._lose(error)
        return self.reading

    def _read(self) -> Reading:
        reading = self._driver.read()
        for what, values in (("position", reading.position), ("velocity", reading.velocity)):
            if values.shape != self._arm.home.shape or not np.isfinite(values).all():
                raise DriverError(f"{what} read is {values.tolist()}, not seven finite numbers")
        self._read_at = self._clock()
        return reading

    def _command(self) -> None:
        if self.reading.condition is not Condition.READY:
            self._be_unready()
            return
        with self._lock:
            now = self._clock()
            if not self._ready:
                self._sampler.reset(self.reading.position)
            elif now - self._commanded > _LATEST * self._period:
                self._sampler.reset(self._place_to_hold())
            self._latest = position, velocity = self._sampler.sample(now)
            self._resting = self._sampler.done(now)
            self._commanded = now
            width, self._width = self._width, None
        self._driver.command(position, velocity)
        if width is not None:
            self._driver.move_gripper(width, self._arm.gripper.grip_force)
        self._ready = True

    def _place_to_hold(self) -> Array:
        """Where an arm is, or will be, that had no command for a while: (joints,) [rad].

        It stops at the latest command: to go on as if it had not would be a jump, and one back to
        where it is on its way there would be one too. Where it is not, something else moved it.
        """
        position, velocity = self._latest
        read = self.reading
        speed = np.maximum(np.abs(velocity), np.abs(read.velocity))
        behind = _LAG * np.minimum(speed, self._arm.limits.velocity)
        near = np.abs(read.position - position) <= _NEAR + behind
        return position if near.all() else read.position

    def _be_unready(self) -> None:
        """Drop what is wanted: after a recovery it would come as a surprise."""
        with self._lock:
            self._ready, self._width = False, None

    def _recover(self) -> str:
        try:
            if not self._connected:
                self._driver.connect()
                self._connected = True
            elif self.reading.condition is not Condition.READY:
                self._driver.recover()
            self.reading = self._read()
        except Exception as error:
            if not self._connected:
                self._lose(error)
            return text_of(error)
        if self.reading.condition is Condition.READY:
            return ""
        return f"the arm is {self.reading.condition.name}: {self.reading.reason}"

    def _lose(self, error: Exception) -> None:
        was_connected, self._connected = self._connected, False
        self.reading, self._read_at = Reading.none(text_of(error)), self._clock()
        self._be_unready()
        with contextlib.suppress(Exception):  # it is lost anyway, and why has been said
            if was_connected:  # a command may still reach it where a reading did not
                self._driver.stop()
        with contextlib.suppress(Exception):
            self._driver.close()

    def _run(self, show: Callable[[Reading], None]) -> None:
        try:
            self.connect()
            self._repeat(show)
        finally:
            if self._connected:
                try:
                    self._driver.stop()
                finally:
                    self._driver.close()

    def _repeat(self, show: Callable[[Reading], None]) -> None:
        due = time.monotonic()
        ends: float | None = None
        while True:
            with self.timer:
                try:
                    show(self.step())
                except Exception as error:  # of whoever is shown it
                    self._lose(error)
                    raise
            if self._closing.is_set():
                ends = time.monotonic() + _COMING_TO_REST if ends is None else ends
                if not self._ready or self._resting or time.monotonic() > ends:
                    break
            due = max(due + self._period, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
