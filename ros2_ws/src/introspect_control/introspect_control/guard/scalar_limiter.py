"""The joint limiter again, for one arm and in plain Python, for the command guard."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, sqrt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from introspect_description import JointLimits

_MARGIN = 1.0 - 1e-7  # keeps finite differences of the float64 output below the limits
_BISECTIONS = 24


class LimiterState(NamedTuple):
    """All that a limiter remembers, (joints,) each."""

    position: list[float]  # [rad]
    velocity: list[float]  # [rad/s]
    acceleration: list[float]  # [rad/s²]
    desired: list[float]  # [rad]


class ScalarLimiter:
    """Same rules and same results, to the bit, as ``JointLimiter`` with n = 1.

    A second writing of the rules, tested against the first: what the command guard checks with is
    not the code that the servo made the command with.

    Args:
        limits: of the joints [rad, rad/s, rad/s², rad/s³].
        period: of one tick [s].

    Raises:
        ValueError: A period that is not positive, or a joint range too short to stop within.
    """

    def __init__(self, limits: JointLimits, period: float) -> None:
        if not period > 0.0:
            raise ValueError(f"period must be positive, got {period}")
        self.period = period
        self.joints = len(limits.names)
        self._bounds = []
        short = []
        for name, lower, upper, velocity, acceleration, jerk in zip(
            limits.names,
            limits.lower.tolist(),
            limits.upper.tolist(),
            limits.velocity.tolist(),
            limits.acceleration.tolist(),
            limits.jerk.tolist(),
            strict=True,
        ):
            V, A, J = velocity * _MARGIN, acceleration * _MARGIN, jerk * period * _MARGIN
            stop = V * (V / A + (ceil(2.0 * A / J) + 2.0) * period)
            if upper - lower < 2.0 * stop:
                short.append(name)
            # Below this speed no allowed acceleration can lead to the velocity limit: A + ramp(A).
            ramp = sum(max(A - k * J, 0.0) for k in range(ceil(A / J) + 1))
            calm = V - ramp * period * (1.0 + 1e-9)
            self._bounds.append((lower, upper, V, A, J, calm, lower + stop, upper - stop))
        if short:
            raise ValueError(
                f"joint range too short to stop within at these limits: {short}; "
                "lower the velocity or raise the acceleration limit"
            )
        self.reset([0.5 * (bound[0] + bound[1]) for bound in self._bounds])

    def reset(self, position: Sequence[float]) -> None:
        """Start from rest at (joints,) [rad]; what lies beyond a limit is moved onto it."""
        self.position = [
            min(max(value, bound[0]), bound[1])
            for value, bound in zip(position, self._bounds, strict=True)
        ]
        self.velocity = [0.0] * self.joints
        self.acceleration = [0.0] * self.joints
        self._desired = list(self.position)

    def step(self, desired: Sequence[float]) -> bool:
        """Advance one tick towards a desired position.

        Args:
            desired: (joints,) [rad], finite.

        Returns:
            Whether ``position`` is now the desired one, to the bit.
        """
        dt = self.period
        exactly = True
        for j, (goal, before, bound) in enumerate(
            zip(desired, self._desired, self._bounds, strict=True)
        ):
            q, v, a = self.position[j], self.velocity[j], self.acceleration[j]
            low, high = _allowed(v, a, bound, dt)
            error = goal - q
            exact = (error / dt - v) / dt
            feasible = low <= exact <= high
            wanted = exact
            if not feasible:
                V, A, J = bound[2], bound[3], bound[4]
                size = abs(error)
                catch_up = min(size / (4.0 * dt), sqrt(0.7 * A * size))
                speed = (goal - before) / dt + (catch_up if error > 0.0 else -catch_up)
                wanted = _towards(min(max(speed, -V), V) - v, low, high, J, dt)
            a = self._advance(j, wanted, low, high, bound)
            if feasible and a == exact:
                self.position[j] = goal
            else:
                exactly = False
        self._desired = list(desired)
        return exactly

    def save(self) -> LimiterState:
        """The present state, for ``restore``."""
        return LimiterState(
            list(self.position), list(self.velocity), list(self.acceleration), list(self._desired)
        )

    def restore(self, state: LimiterState) -> None:
        """Go back to a saved state."""
        self.position, self.velocity, self.acceleration, self._desired = map(list, state)

    def rest_position(self) -> list[float]:
        """Where the fastest stop from now on would end, (joints,) [rad]."""
        dt = self.period
        ends = []
        for q, v, a, bound in zip(
            self.position, self.velocity, self.acceleration, self._bounds, strict=True
        ):
            _, _, _, A, J, _, _, _ = bound
            if v > 0.0 or (v == 0.0 and a > 0.0):
                ends.append(_farthest(q, v, a, A, J, dt))
            else:
                ends.append(-_farthest(-q, -v, -a, A, J, dt))
        return ends

    def stop(self) -> None:
        """Advance one tick of the fastest stop; repeated, it ends at rest exactly."""
        dt = self.period
        for j, bound in enumerate(self._bounds):
            low, high = _allowed(self.velocity[j], self.acceleration[j], bound, dt)
            wanted = _towards(0.0 - self.velocity[j], low, high, bound[4], dt)
            self._advance(j, wanted, low, high, bound)
        self._desired = list(self.position)

    def coast(self) -> None:
        """Advance one tick at the present velocity, whatever the jerk.

        Joints too close to a position limit for that are kept from it as ever.
        """
        dt = self.period
        for j, bound in enumerate(self._bounds):
            v = self.velocity[j]
            ahead = self.position[j] + v * dt
            if bound[6] <= ahead <= bound[7]:
                self.position[j], self.acceleration[j] = ahead, 0.0
            else:
                low, high = _allowed(v, self.acceleration[j], bound, dt)
                self._advance(j, min(max(0.0, low), high), low, high, bound)
        self._desired = list(self.position)

    @property
    def at_rest(self) -> bool:
        """Whether velocity and acceleration are zero."""
        return not (any(self.velocity) or any(self.acceleration))

    def _advance(
        self, j: int, wanted: float, low: float, high: float, bound: tuple[float, ...]
    ) -> float:
        q, v, dt = self.position[j], self.velocity[j], self.period
        a = wanted
        if q > bound[7]:
            a = _respect(a, low, q, v, bound[1], bound[3], bound[4], dt)
        if q < bound[6]:
            a = -_respect(-a, -high, -q, -v, -bound[0], bound[3], bound[4], dt)
        v += a * dt
        self.acceleration[j] = a
        self.velocity[j] = v
        self.position[j] = q + v * dt
        return a


def _allowed(v: float, a: float, bound: tuple[float, ...], dt: float) -> tuple[float, float]:
    """Accelerations that jerk, acceleration and velocity limits allow."""
    _, _, V, A, J, calm, _, _ = bound
    low, high = max(a - J, -A), min(a + J, A)
    if -calm < v < calm:
        return low, high
    slowest = max(low, -_fastest(V + v, J, dt))
    fastest = min(high, _fastest(V - v, J, dt))
    return min(slowest, high), max(fastest, low)


def _towards(room: float, low: float, high: float, J: float, dt: float) -> float:
    """The allowed acceleration that closes a difference of velocity fastest."""
    if room == 0.0:
        return min(max(0.0, low), high)
    wanted = _fastest(abs(room), J, dt)
    return min(max(wanted if room > 0.0 else -wanted, low), high)


def _fastest(room: float, J: float, dt: float) -> float:
    """Largest a with ``(a + ramp(a))·dt <= room``; see ``kernels/limiter.pyx``."""
    total = room / dt
    m = floor(0.5 * (sqrt(1.0 + 8.0 * max(total, 0.0) / J) - 1.0))
    return (total + 0.5 * J * m * (m + 1.0)) / (m + 1.0)


def _respect(
    a: float, hardest: float, q: float, v: float, upper: float, A: float, J: float, dt: float
) -> float:
    """``a``, or less where the hardest stop after it would pass ``upper``."""
    v1 = v + a * dt
    if _farthest(q + v1 * dt, v1, a, A, J, dt) <= upper:
        return a
    inside, outside = min(hardest, a), a
    for _ in range(_BISECTIONS):
        middle = 0.5 * (inside + outside)
        v1 = v + middle * dt
        if _farthest(q + v1 * dt, v1, middle, A, J, dt) > upper:
            outside = middle
        else:
            inside = middle
    return inside


def _farthest(q: float, v: float, a: float, A: float, J: float, dt: float) -> float:
    """Largest position reached from (q, v, a) when every next tick lowers a by J, down to -A."""
    ramp = floor((a + A) / J)
    half = a - 0.5 * J
    v_ramp = v + dt * (ramp * a - 0.5 * J * ramp * (ramp + 1.0))
    k: float = ramp
    if v_ramp <= 0.0:
        discriminant = half * half + 2.0 * J * v / dt
        if discriminant <= 0.0:
            k = 0.0
        else:
            k = min(max(floor((half + sqrt(discriminant)) / J), 0.0), ramp)
    q_k = q + dt * (k * v + dt * (0.5 * a * k * (k + 1.0) - J * k * (k + 1.0) * (k + 2.0) / 6.0))
    v_rest = max(v_ramp, 0.0)
    m = floor(v_rest / (A * dt))
    q_m = q_k + dt * m * (v_ramp - 0.5 * A * dt * (m + 1.0))
    return max(q, q_k, q_m)
