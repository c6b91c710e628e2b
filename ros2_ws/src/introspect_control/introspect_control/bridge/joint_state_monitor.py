"""What is known of the measured arm, and whether it can be relied on."""

from __future__ import annotations

import enum
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.bridge.blocks import Finding
from introspect_control.guard import Watchdog

if TYPE_CHECKING:
    from introspect_control.bridge.config import BridgeConfig

Array = NDArray[np.float64]

_INTERVALS = 10  # between joint states, whose median tells their rate
_DRIFT = 5e-4  # by which the arm's clock may lag more and more behind ours [s/s]
_CLOCK_SET = 0.1  # by which stamps must go back to count as another clock, not as disorder [s]


class Order(enum.Enum):
    """How a joint state's stamp follows the one before."""

    NEWER = enum.auto()
    """Or it has no stamp."""
    OLD = enum.auto()
    """Repeated or out of order: never to be acted on."""
    CLOCK_SET_BACK = enum.auto()
    """The clock was set, or the simulation restarted: earlier stamps mean nothing any more."""


class JointStateMonitor:
    """Watches the measured joints: how fresh, how frequent, at rest or not.

    Args:
        joint_names: of the arm.
        config: what counts as fresh, frequent and at rest.
    """

    def __init__(self, joint_names: tuple[str, ...], config: BridgeConfig) -> None:
        self.stamp = 0  # of the latest joint state [ns]; 0 where the driver does not say
        self._names = joint_names
        self._config = config
        self._watchdog = Watchdog(config.state_timeout)
        self._intervals: deque[float] = deque(maxlen=_INTERVALS)
        self._offset = float("inf")  # of our clock from the stamps, the smallest there was [s]
        self._offset_at = 0.0  # when it was [s]
        self._delay = 0.0  # of the latest joint state, beyond the smallest there was [s]
        self._position: Array = np.zeros(0)
        self._velocity: Array = np.zeros(0)

    @property
    def position(self) -> Array:
        """The measured joints (joints,) [rad]."""
        return self._position

    def order(self, stamp: int) -> Order:
        """How a stamp [ns] follows the latest one."""
        if stamp == 0 or stamp > self.stamp:
            return Order.NEWER
        return Order.OLD if self.stamp - stamp < 1e9 * _CLOCK_SET else Order.CLOCK_SET_BACK

    def record(self, stamp: int, position: Array, velocity: Array, now: float) -> None:
        """Take a joint state that came at time ``now`` [s]."""
        interval = self._watchdog.age(now)
        if interval != float("inf"):
            self._intervals.append(interval)
        self.stamp, self._position, self._velocity = stamp, position, velocity
        self._watchdog.feed(now)
        self._compare_clocks(stamp, now)

    def forget(self) -> None:
        """Start over, as if no joint state had ever come."""
        self._watchdog.reset()
        self._intervals.clear()
        self.forget_clock()

    def forget_clock(self) -> None:
        """Compare the stamps with our clock anew: theirs was set."""
        self._offset, self._delay = float("inf"), 0.0

    def silence(self, now: float) -> float:
        """Time since the latest joint state came [s]; infinite before the first."""
        return self._watchdog.age(now)

    def age(self, now: float) -> float:
        """Of what the latest joint state says [s]; infinite before the first.

        That is the time since it came, and how much longer than usual it took to come.
        """
        return self._watchdog.age(now) + self._delay

    def stale(self, now: float) -> bool:
        """Whether the latest joint state is too old to move on."""
        return self._watchdog.expired(now) or self.age(now) > self._config.state_timeout

    def problem(self, now: float) -> str:
        """Why no motion may start from what is measured; empty if one may."""
        return next((finding.problem for finding in self.findings(now) if finding.problem), "")

    def findings(self, now: float) -> list[Finding]:
        """What must be right for a motion to start from what is measured."""
        if not self._intervals:
            missing = "no joint_states yet; is the driver or the simulation running?"
            return [Finding("joint states", missing)]
        stale = f"joint_states are {self.age(now):.2f} s old" if self.stale(now) else ""
        return [
            Finding("joint states", stale),
            Finding("state rate", self._rate_problem()),
            Finding("at rest", self._motion_problem()),
        ]

    def _rate_problem(self) -> str:
        interval = float(np.median(self._intervals))
        if interval <= 1.5 * self._config.policy_period:
            return ""
        return (
            f"joint_states come every {interval:.3f} s, too rarely for a policy period of "
            f"{self._config.policy_period} s; use the driver's full-rate topic"
        )

    def _motion_problem(self) -> str:
        fastest = int(np.argmax(np.abs(self._velocity)))
        if abs(self._velocity[fastest]) <= self._config.rest_velocity:
            return ""
        return (
            f"{self._names[fastest]} still moves at {self._velocity[fastest]:.3f} rad/s; "
            "waiting for the arm to be at rest"
        )

    def _compare_clocks(self, stamp: int, now: float) -> None:
        """How late this joint state is, as far as stamps of another clock can tell."""
        if not stamp:
            self._delay = 0.0
            return
        offset = now - 1e-9 * stamp
        usual = self._offset + _DRIFT * (now - self._offset_at)
        if offset <= usual:
            self._offset, self._offset_at, usual = offset, now, offset
        self._delay = offset - usual

    def tracking_error(self, commanded: Array) -> tuple[str, float]:
        """The joint farthest from where it was sent: its name and the distance [rad]."""
        errors = np.abs(self._position - commanded)
        worst = int(np.argmax(errors))
        return self._names[worst], float(errors[worst])
