"""Whether the commands of a moment ask for more than an arm can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_description import JointLimits

Array = NDArray[np.float64]

_SLACK = 1.02  # share of a velocity or acceleration limit at which it counts as exceeded
_POSITION_SLACK = 1e-3  # beyond a position limit [rad]


class LimitWindow:
    """Compares joint commands with the arm's own limits, as the arm itself does.

    Velocity and acceleration are differences over a window W,
    ``v = (q(t) - q(t-W))/W`` and ``a = (q(t) - 2 q(t-W) + q(t-2W))/W²``: what is shorter, as the
    splices of trajectories that arrive a little early or late, an arm smooths by itself. A jump of
    a joint is noticed from ``a_max·W²`` on.

    Args:
        limits: the arm's own.
        window: W [s].
        tick: between two commands [s].
    """

    def __init__(self, limits: JointLimits, window: float, tick: float) -> None:
        self._limits = limits
        self._ticks = max(1, round(window / tick))
        self._window = self._ticks * tick
        self._past = np.zeros((2 * self._ticks, len(limits.names)))
        self._next = 0
        self._velocity = _SLACK * limits.velocity
        self._acceleration = _SLACK * limits.acceleration
        self.restart(0.5 * (limits.lower + limits.upper))

    def restart(self, position: Array) -> None:
        """Begin anew at rest at (joints,) [rad], even where that is beyond a limit."""
        self._past[:] = position
        self._lower = np.minimum(self._limits.lower, position) - _POSITION_SLACK
        self._upper = np.maximum(self._limits.upper, position) + _POSITION_SLACK

    def check(self, position: Array) -> str:
        """What is wrong with the command of a tick, (joints,) [rad]; empty if nothing is."""
        oldest = self._past[self._next].copy()
        middle = self._past[(self._next + self._ticks) % len(self._past)]
        self._past[self._next] = position
        self._next = (self._next + 1) % len(self._past)
        step = position - middle
        velocity = step / self._window
        acceleration = (step - (middle - oldest)) / self._window**2
        beyond = (position < self._lower) | (position > self._upper)
        fast = np.abs(velocity) > self._velocity
        abrupt = np.abs(acceleration) > self._acceleration
        if not (beyond | fast | abrupt).any():
            return ""
        names, limits = self._limits.names, self._limits
        if beyond.any():
            k = int(np.argmax(beyond))
            return (
                f"{names[k]} was sent to {position[k]:.3f} rad, its limits are "
                f"[{limits.lower[k]:g}, {limits.upper[k]:g}] rad"
            )
        if fast.any():
            k = int(np.argmax(np.abs(velocity) / limits.velocity))
            return (
                f"{names[k]} was sent at {abs(velocity[k]):.2f} rad/s, its limit is "
                f"{limits.velocity[k]:g} rad/s"
            )
        k = int(np.argmax(np.abs(acceleration) / limits.acceleration))
        return (
            f"{names[k]} was accelerated with {abs(acceleration[k]):.1f} rad/s^2, its limit is "
            f"{limits.acceleration[k]:g} rad/s^2"
        )
