"""Joint commands that never exceed position, velocity, acceleration or jerk limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.checks import finite
from introspect_control.kernels import limiter as kernels

if TYPE_CHECKING:
    from introspect_description import JointLimits

Array = NDArray[np.float64]

_MARGIN = 1.0 - 1e-7  # keeps finite differences of the float64 output below the limits


class JointLimiter:
    """Follows a desired joint position, one tick at a time, inside all four limits.

    State is what was last sent: position q, velocity v and acceleration a, where every tick does
    ``v += a·dt, q += v·dt``; so v, a and the change of a are the finite differences that whoever
    receives the commands will see. A tick picks, joint by joint, the acceleration nearest to the
    wanted one among those that

    * respect the jerk and acceleration limits,
    * let the velocity settle below its limit: ``v + (a + ramp(a))·dt <= V``, where ``ramp(a)`` sums
      the accelerations of the ticks that bring a to zero at full jerk,
    * let the joint stop before its position limit: ``max_k q_k <= upper`` under the hardest stop.

    Each condition, once true, stays true under the hardest stop, so a stop is always possible
    (recursive feasibility) and no input can make the output leave the limits. A desired position
    that satisfies all of them is passed through exactly.

    Args:
        limits: of the joints [rad, rad/s, rad/s², rad/s³].
        period: of one tick [s].
        n: number of arms.

    Raises:
        ValueError: A period that is not positive, or a joint range too short to stop within; in
            what is called later, a wrong shape or a number that is not finite.
    """

    def __init__(self, limits: JointLimits, period: float, n: int = 1) -> None:
        if not period > 0.0:
            raise ValueError(f"period must be positive, got {period}")
        self.limits = limits
        self.period = period
        A, V = limits.acceleration * _MARGIN, limits.velocity * _MARGIN
        J = limits.jerk * period * _MARGIN  # largest change of acceleration in a tick
        ramp_time = (np.ceil(2.0 * A / J) + 2.0) * period
        # Farther than this from both ends the position condition cannot bind.
        stop_distance = V * (V / A + ramp_time)
        short = limits.upper - limits.lower < 2.0 * stop_distance
        if short.any():
            names = [name for name, bad in zip(limits.names, short, strict=True) if bad]
            raise ValueError(
                f"joint range too short to stop within at these limits: {names}; "
                "lower the velocity or raise the acceleration limit"
            )
        # Rows as the compiled limiter reads them.
        rows = (limits.lower, limits.upper, V, A, J, stop_distance)
        self._limits = np.array(rows, dtype=np.float64)
        self._largest_change = np.asarray(limits.acceleration * period, dtype=np.float64)
        self._position = np.tile(0.5 * (limits.lower + limits.upper), (n, 1))
        self._velocity = np.zeros_like(self._position)
        self._acceleration = np.zeros_like(self._position)
        self._desired = self._position.copy()

    @property
    def position(self) -> Array:
        """(n, joints) [rad] that was last sent."""
        return self._position.copy()

    @property
    def velocity(self) -> Array:
        """(n, joints) [rad/s], the difference of the last two positions."""
        return self._velocity.copy()

    @property
    def acceleration(self) -> Array:
        """(n, joints) [rad/s²], the difference of the last two velocities."""
        return self._acceleration.copy()

    def reset(self, position: Array, rows: NDArray[np.int64] | None = None) -> None:
        """Start from rest.

        Args:
            position: (k, joints) [rad]; what lies beyond a limit is moved onto it.
            rows: the k arms to reset, or None for all.
        """
        where: slice | NDArray[np.int64] = slice(None) if rows is None else rows
        start = np.clip(position, self.limits.lower, self.limits.upper)
        self._position[where] = start
        self._desired[where] = start
        self._velocity[where] = 0.0
        self._acceleration[where] = 0.0

    def resume(self, position: Array, velocity: Array, acceleration: Array) -> None:
        """Go on from what was really sent, where that is not what this limiter made.

        Args:
            position: (n, joints) [rad], within the limits.
            velocity: (n, joints) [rad/s].
            acceleration: (n, joints) [rad/s²]; such that the joints can still stop in time.
        """
        shape = self._position.shape
        self._position = finite("position", position, shape).copy()
        self._velocity = finite("velocity", velocity, shape).copy()
        self._acceleration = finite("acceleration", acceleration, shape).copy()
        self._desired = self._position.copy()

    def step(self, desired_position: Array) -> Array:
        """Advance one tick towards a desired position.

        Args:
            desired_position: (n, joints) [rad], finite.

        Returns:
            The position to send (n, joints) [rad]: the desired one, to the bit, where allowed.
        """
        desired = finite("desired", desired_position, self._position.shape)
        kernels.limit_position(desired, self._desired, self._limits, self.period, *self._state)
        self._desired = desired
        return self.position

    def step_velocity(self, desired_velocity: Array) -> Array:
        """Advance one tick towards a desired joint velocity.

        Args:
            desired_velocity: (n, joints) [rad/s], finite.

        Returns:
            The position to send (n, joints) [rad].
        """
        desired = finite("desired", desired_velocity, self._position.shape)
        kernels.limit_velocity(desired, self._limits, self.period, *self._state)
        self._desired[:] = self._position
        return self.position

    def follow(self, desired_velocity: Array, ticks: int) -> tuple[Array, Array]:
        """Advance some ticks towards a desired joint velocity, the joints of an arm in proportion.

        What is asked for in one tick differs from the present velocity by a common share of the
        difference, so large that no joint exceeds its acceleration limit.

        Args:
            desired_velocity: (n, joints) [rad/s], finite.
            ticks: how many, 1 or more.

        Returns:
            Positions [rad] and velocities [rad/s] to send, (ticks, n, joints) each.
        """
        if ticks < 1:
            raise ValueError(f"ticks must be 1 or more, got {ticks}")
        desired = finite("desired", desired_velocity, self._position.shape)
        positions = np.empty((ticks, *desired.shape))
        velocities = np.empty_like(positions)
        kernels.follow_velocity(
            desired,
            self._largest_change,
            self._limits,
            self.period,
            *self._state,
            positions,
            velocities,
        )
        self._desired[:] = self._position
        return positions, velocities

    def stop(self) -> Array:
        """Advance one tick of the fastest stop; repeated, it ends at rest exactly."""
        return self.step_velocity(np.zeros_like(self._velocity))

    @property
    def at_rest(self) -> NDArray[np.bool_]:
        """(n,) whether velocity and acceleration are zero."""
        moving = np.any(self._velocity, axis=1) | np.any(self._acceleration, axis=1)
        still: NDArray[np.bool_] = np.logical_not(moving)
        return still

    @property
    def _state(self) -> tuple[Array, Array, Array]:
        return self._position, self._velocity, self._acceleration
