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
# NumPy takes longer to convert a Python number than to multiply a batch by it.
_0, _HALF, _1, _8 = (np.array(number) for number in (0.0, 0.5, 1.0, 8.0))


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
        shape = (n, len(limits.names))

        def tiled(row: Array) -> Array:
            # NumPy is twice as fast on operands of one shape as on a row beside a matrix.
            return np.broadcast_to(row, shape).copy()

        self._A, self._V, self._J = tiled(A), tiled(V), tiled(J)
        self._minus_A, self._minus_V, self._half_J = -self._A, -self._V, 0.5 * self._J
        self._dt = tiled(np.full_like(A, period))
        self._upper, self._minus_lower = tiled(limits.upper), tiled(-limits.lower)
        self._inner_lower = tiled(limits.lower + stop_distance)
        self._inner_upper = tiled(limits.upper - stop_distance)
        self._ramp_time = tiled(ramp_time + period)
        # What the velocity can still gain before it falls.
        self._rise = tiled(A * period * (np.ceil(A / J) + 1.0))
        self.position = tiled(0.5 * (limits.lower + limits.upper))
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
        low, high = self._bounds()
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
            wanted = np.where(feasible, exact, np.clip(self._towards(room), low, high))
        self._desired = np.array(desired_position)
        sent = self._advance(wanted)
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
        # A velocity within its limit needs no other bound on the way there: _fastest is monotone.
        desired = np.minimum(np.maximum(desired_velocity, self._minus_V), self._V)
        a = self.acceleration
        floor, ceiling = np.maximum(a - self._J, self._minus_A), np.minimum(a + self._J, self._A)
        towards = self._towards(desired - self.velocity)
        self.position = self._advance(np.minimum(np.maximum(towards, floor), ceiling))
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

    def _towards(self, room: Array) -> Array:
        """Acceleration that gains this much velocity soonest, whatever the limits say of it."""
        return np.copysign(_fastest(np.abs(room), self._J, self._half_J, self._dt), room)

    def _bounds(self) -> tuple[Array, Array]:
        """Accelerations that jerk, acceleration and velocity limits allow, (n, joints) each."""
        a, v, V, A, J = self.acceleration, self.velocity, self._V, self._A, self._J
        slower = -_fastest(V + v, J, self._half_J, self._dt)
        faster = _fastest(V - v, J, self._half_J, self._dt)
        floor, ceiling = np.maximum(a - J, self._minus_A), np.minimum(a + J, A)
        low, high = np.maximum(floor, slower), np.minimum(ceiling, faster)
        return np.minimum(low, ceiling), np.maximum(high, floor)

    def _advance(self, wanted: Array) -> Array:
        q, a = self.position, wanted
        near = (q > self._inner_upper) | (q < self._inner_lower)
        if near.any():
            a = self._respect(a, np.nonzero(near))
        self.acceleration = a
        self.velocity = self.velocity + a * self._dt
        return q + self.velocity * self._dt

    def _respect(self, wanted: Array, near: tuple[NDArray[np.int64], ...]) -> Array:
        """Where the hardest stop after ``wanted`` would pass a position limit, ask for less."""
        side = np.where(self.position[near] > self._inner_upper[near], 1.0, -1.0)
        # Joints near their lower end are looked at in a mirror, as if near the upper one.
        q, v = side * self.position[near], side * self.velocity[near]
        upper = np.where(side > 0.0, self._upper[near], self._minus_lower[near])
        peak = np.maximum(v, 0.0) + self._rise[near]
        reach = peak * (peak / self._A[near] + self._ramp_time[near])
        close = q + reach > upper  # no other can pass, whatever it does now
        if not close.any():
            return wanted
        where = near[0][close], near[1][close]
        q, v, upper, side = q[close], v[close], upper[close], side[close]
        a, A, J, half_J = (x[where] for x in (self.acceleration, self._A, self._J, self._half_J))
        dt = self.period
        a, ask = side * a, side * wanted[where]

        def passes(candidate: Array) -> NDArray[np.bool_]:
            v1 = v + candidate * dt
            return _farthest(q + v1 * dt, v1, candidate, A, J, dt) > upper

        bad = passes(ask)
        if not bad.any():
            return wanted
        hardest = np.maximum(np.maximum(a - J, -A), -_fastest(self._V[where] + v, J, half_J, dt))
        hardest = np.minimum(hardest, np.minimum(a + J, A))
        inside, outside = np.minimum(hardest, ask), ask
        for _ in range(_BISECTIONS):
            middle = 0.5 * (inside + outside)
            over = passes(middle)
            outside = np.where(over, middle, outside)
            inside = np.where(over, inside, middle)
        respected = wanted.copy()
        respected[where] = side * np.where(bad, inside, ask)
        return respected


def _fastest(room: Array, J: Array, half_J: Array, dt: Array | float) -> Array:
    """Largest a with ``(a + ramp(a))·dt <= room``, ramp(a) = sum of max(a - kJ, 0) over k >= 1.

    Piecewise linear in a: with m full ramp ticks, ``a + ramp(a) = (m + 1)·a - J·m(m + 1)/2``, and
    ``m = floor(½(√(1 + 8·room/(J·dt)) - 1))``.
    """
    total = room / dt
    m = np.maximum(total, _0)
    m *= _8
    m /= J
    m += _1
    np.sqrt(m, out=m)
    m -= _1
    m *= _HALF
    np.floor(m, out=m)
    ticks = m + _1
    m *= half_J
    m *= ticks
    m += total
    m /= ticks
    fastest: Array = m
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
