"""Joint commands that never exceed position, velocity, acceleration or jerk limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_description import JointLimits

Array = NDArray[np.float64]

_MARGIN = 1.0 - 1e-7  # keeps finite differences of the float64 output below the limits
_BISECTIONS = 24


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
        ValueError: A period that is not positive, or a joint range too short to stop within.
    """

    def __init__(self, limits: JointLimits, period: float, n: int = 1) -> None:
        if not period > 0.0:
            raise ValueError(f"period must be positive, got {period}")
        self.limits = limits
        self.period = period
        self._A = limits.acceleration * _MARGIN
        self._V = limits.velocity * _MARGIN
        self._J = limits.jerk * period * _MARGIN  # largest change of acceleration in a tick
        ramp_time = (np.ceil(2.0 * self._A / self._J) + 2.0) * period
        # Farther than this from both ends the position condition cannot bind.
        self._stop_distance = self._V * (self._V / self._A + ramp_time)
        short = limits.upper - limits.lower < 2.0 * self._stop_distance
        if short.any():
            names = [name for name, bad in zip(limits.names, short, strict=True) if bad]
            raise ValueError(
                f"joint range too short to stop within at these limits: {names}; "
                "lower the velocity or raise the acceleration limit"
            )
        self._inner_lower = limits.lower + self._stop_distance
        self._inner_upper = limits.upper - self._stop_distance
        self._ramp_time = ramp_time + period
        self._rise = self._A * period * (np.ceil(self._A / self._J) + 1.0)  # of v, before it falls
        shape = (n, len(limits.names))
        self.position = np.broadcast_to(0.5 * (limits.lower + limits.upper), shape).copy()
        self.velocity = np.zeros(shape)
        self.acceleration = np.zeros(shape)
        self._desired = self.position.copy()

    def reset(self, position: Array, rows: NDArray[np.int64] | None = None) -> None:
        """Start from rest.

        Args:
            position: (k, joints) [rad]; what lies beyond a limit is moved onto it.
            rows: the k arms to reset, or None for all.
        """
        where: slice | NDArray[np.int64] = slice(None) if rows is None else rows
        start = np.clip(position, self.limits.lower, self.limits.upper)
        self.position[where] = start
        self._desired[where] = start
        self.velocity[where] = 0.0
        self.acceleration[where] = 0.0

    def step(self, desired_position: Array) -> Array:
        """Advance one tick towards a desired position.

        Args:
            desired_position: (n, joints) [rad], finite.

        Returns:
            The position to send (n, joints) [rad]: the desired one, to the bit, where allowed.
        """
        dt = self.period
        error = desired_position - self.position
        exact = (error / dt - self.velocity) / dt
        low, high, _ = self._bounds()
        feasible = (low <= exact) & (exact <= high)
        if feasible.all():
            wanted = exact
        else:
            # Catch up at a speed from which it is still possible to stop at the desired position.
            follow = (desired_position - self._desired) / dt
            catch_up = np.sign(error) * np.minimum(
                np.abs(error) / (4.0 * dt), np.sqrt(0.7 * self._A * np.abs(error))
            )
            room = np.clip(follow + catch_up, -self._V, self._V) - self.velocity
            towards = np.sign(room) * _fastest(np.abs(room), self._J, dt)
            wanted = np.where(feasible, exact, np.clip(towards, low, high))
        self._desired = np.array(desired_position)
        sent = self._advance(wanted, low, high)
        passed = feasible & (self.acceleration == exact)
        self.position = np.where(passed, desired_position, sent)
        return self.position.copy()

    def step_velocity(self, desired_velocity: Array) -> Array:
        """Advance one tick towards a desired joint velocity.

        Args:
            desired_velocity: (n, joints) [rad/s], finite.

        Returns:
            The position to send (n, joints) [rad].
        """
        room = desired_velocity - self.velocity
        low, high, fastest = self._bounds(np.abs(room))
        wanted = np.minimum(np.maximum(np.sign(room) * fastest, low), high)
        self.position = self._advance(wanted, low, high)
        self._desired = self.position
        return self.position.copy()

    def stop(self) -> Array:
        """Advance one tick of the fastest stop; repeated, it ends at rest exactly."""
        return self.step_velocity(np.zeros_like(self.velocity))

    @property
    def at_rest(self) -> NDArray[np.bool_]:
        """(n,) whether velocity and acceleration are zero."""
        moving = np.any(self.velocity, axis=1) | np.any(self.acceleration, axis=1)
        still: NDArray[np.bool_] = np.logical_not(moving)
        return still

    def _bounds(self, room: Array | None = None) -> tuple[Array, Array, Array]:
        """Accelerations that jerk, acceleration and velocity limits allow, (n, joints) each.

        Args:
            room: (n, joints) velocity to gain; its ``_fastest`` is the third result.
        """
        a, v = self.acceleration, self.velocity
        slower, faster = self._V + v, self._V - v
        rooms = np.array([slower, faster] if room is None else [slower, faster, room])
        fastest = _fastest(rooms, self._J, self.period)
        floor, ceiling = np.maximum(a - self._J, -self._A), np.minimum(a + self._J, self._A)
        low, high = np.maximum(floor, -fastest[0]), np.minimum(ceiling, fastest[1])
        return np.minimum(low, ceiling), np.maximum(high, floor), fastest[-1]

    def _advance(self, wanted: Array, low: Array, high: Array) -> Array:
        q, v, dt = self.position, self.velocity, self.period
        a = wanted
        above, below = q > self._inner_upper, q < self._inner_lower
        if above.any():
            a = self._respect(a, low, q, v, self.limits.upper, above)
        if below.any():
            a = -self._respect(-a, -high, -q, -v, -self.limits.lower, below)
        self.acceleration = a
        self.velocity = v + a * dt
        return q + self.velocity * dt

    def _respect(
        self, a: Array, hardest: Array, q: Array, v: Array, upper: Array, near: NDArray[np.bool_]
    ) -> Array:
        """Lower ``a`` where the hardest stop after it would pass ``upper``."""
        rows, joint = np.nonzero(near)
        peak = np.maximum(v[rows, joint], 0.0) + self._rise[joint]
        reach = peak * (peak / self._A[joint] + self._ramp_time[joint])
        close = q[rows, joint] + reach > upper[joint]  # no other can pass, whatever it does now
        if not close.any():
            return a
        where = rows, joint = rows[close], joint[close]
        q, v, upper, A, J = q[where], v[where], upper[joint], self._A[joint], self._J[joint]
        dt = self.period

        def passes(candidate: Array) -> NDArray[np.bool_]:
            v1 = v + candidate * dt
            return _farthest(q + v1 * dt, v1, candidate, A, J, dt) > upper

        wanted, safe = a[where], np.minimum(hardest[where], a[where])
        bad = passes(wanted)
        if not bad.any():
            return a
        inside, outside = safe.copy(), wanted.copy()
        for _ in range(_BISECTIONS):
            middle = 0.5 * (inside + outside)
            over = passes(middle)
            outside = np.where(over, middle, outside)
            inside = np.where(over, inside, middle)
        a = a.copy()
        a[where] = np.where(bad, inside, wanted)
        return a


def _fastest(room: Array, J: Array, dt: float) -> Array:
    """Largest a with ``(a + ramp(a))·dt <= room``, ramp(a) = sum of max(a - kJ, 0) over k >= 1.

    Piecewise linear in a: with m full ramp ticks, ``a + ramp(a) = (m + 1)·a - J·m(m + 1)/2``.
    """
    total = room / dt
    m = np.floor(0.5 * (np.sqrt(1.0 + 8.0 * np.maximum(total, 0.0) / J) - 1.0))
    fastest: Array = (total + 0.5 * J * m * (m + 1.0)) / (m + 1.0)
    return fastest


def _farthest(q: Array, v: Array, a: Array, A: Array, J: Array, dt: float) -> Array:
    """Largest position reached from (q, v, a) when every next tick lowers a by J, down to -A."""
    ramp = np.floor((a + A) / J)  # ticks until a is down to -A
    half = a - 0.5 * J
    discriminant = half * half + 2.0 * J * v / dt
    crossing = np.floor((half + np.sqrt(np.maximum(discriminant, 0.0))) / J)  # last tick with v > 0
    v_ramp = v + dt * (ramp * a - 0.5 * J * ramp * (ramp + 1.0))
    k = np.where(v_ramp > 0.0, ramp, np.clip(crossing, 0.0, ramp) * (discriminant > 0.0))
    q_k = q + dt * (k * v + dt * (0.5 * a * k * (k + 1.0) - J * k * (k + 1.0) * (k + 2.0) / 6.0))
    m = np.floor(np.maximum(v_ramp, 0.0) / (A * dt))  # ticks at -A with v > 0
    q_m = q_k + dt * m * (v_ramp - 0.5 * A * dt * (m + 1.0))
    farthest: Array = np.maximum(q, np.maximum(q_k, q_m))
    return farthest
