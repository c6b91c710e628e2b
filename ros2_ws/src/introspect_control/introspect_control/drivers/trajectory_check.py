"""The last look at a trajectory before an arm that has no controller of its own follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.trajectory import LONGEST_HORIZON, Trajectory

if TYPE_CHECKING:
    from introspect_description import JointLimits

Array = NDArray[np.float64]

_ROUNDING = 1e-3  # share of a limit, [rad] and [rad/s]
_TICK = 1e-6  # by which a duration may be rounded up [s]
_LATE = 2.0  # that a command may come late or early, in periods of the bridge
_SHARES = np.linspace(0.0, 1.0, 17)[1:, None]  # of each segment, where the curve is looked at


def check_trajectory(
    trajectory: Trajectory,
    position: Array,
    velocity: Array,
    limits: JointLimits,
    period: float = 0.01,
) -> None:
    """Refuse what leaves the limits, jumps, begins early, lasts long or does not end at rest.

    Looked at are not the points but the cubics between them, which a ``HermiteSampler`` follows.
    The way to the first point may be longer by what the fastest command moves in two periods: one
    that comes late or early is no jump. Making up for that is faster than the limit, the more so
    the nearer that point is, so it is at least one period ahead; a cubic is up to twice as far
    above its mean as that.

    Args:
        trajectory: (k,) points, finite, of the arm's joints.
        position: (joints,) that the arm is commanded to now [rad].
        velocity: (joints,) likewise [rad/s].
        limits: of the arm.
        period: between two commands of the bridge [s].

    Raises:
        ValueError: The message names the joint or the time, its value and the limit.
    """
    times, points, velocities = trajectory
    if times[-1] > LONGEST_HORIZON + _TICK:
        raise ValueError(f"it lasts {times[-1]:g} s, but may last {LONGEST_HORIZON} s at most")
    if times[0] < period - _TICK:
        raise ValueError(
            f"its first point is at {times[0]:g} s, but may be at {period:g} s at the earliest"
        )
    if (moving := np.abs(velocities[-1]) > _ROUNDING).any():
        joint = int(np.argmax(moving))
        raise ValueError(
            f"{limits.names[joint]} would end at {velocities[-1, joint]:.2f} rad/s; a trajectory "
            "must end at rest"
        )
    places, speeds = _curve(trajectory, position, velocity)
    _check_places(places, position, limits)
    fastest = (1.0 + _ROUNDING) * limits.velocity
    late = _LATE * period
    reach = fastest * (times[0] + late)
    way = np.abs(points[0] - position)
    if (jumps := way > reach).any():
        joint = int(np.argmax(jumps))
        _refuse_speed(limits, joint, way[joint] / times[0])
    allowed = np.broadcast_to(fastest, points.shape).copy()
    # What it already has it may keep: the splice before may not have come to its end.
    allowed[0] = np.maximum(fastest * (1.0 + 2.0 * late / times[0]), np.abs(velocity))
    too_fast = np.argwhere(np.abs(speeds) > allowed[:, None])
    if len(too_fast):
        segment, _, joint = too_fast[0]
        _refuse_speed(limits, joint, np.abs(speeds[segment, :, joint]).max())


def _curve(trajectory: Trajectory, position: Array, velocity: Array) -> tuple[Array, Array]:
    """Positions and velocities (segments, 16, joints) from a position and velocity on."""
    times, points, velocities = trajectory
    h = np.diff(times, prepend=0.0)[:, None, None]
    q0 = np.concatenate([position[None], points[:-1]])[:, None]
    v0 = np.concatenate([velocity[None], velocities[:-1]])[:, None] * h
    way, v1, s = points[:, None] - q0, velocities[:, None] * h, _SHARES
    c2, c3 = 3.0 * way - 2.0 * v0 - v1, v0 + v1 - 2.0 * way
    return q0 + s * (v0 + s * (c2 + s * c3)), (v0 + s * (2.0 * c2 + s * 3.0 * c3)) / h


def _check_places(places: Array, position: Array, limits: JointLimits) -> None:
    low, high = limits.lower - _ROUNDING, limits.upper + _ROUNDING
    # An arm that stands outside them may come back.
    lows = np.broadcast_to(low, (len(places), len(low))).copy()
    highs = np.broadcast_to(high, lows.shape).copy()
    lows[0], highs[0] = np.minimum(low, position), np.maximum(high, position)
    outside = np.argwhere((places < lows[:, None]) | (places > highs[:, None]))
    if len(outside):
        joint = outside[0][2]
        way = places[..., joint].ravel()
        middle = 0.5 * (low[joint] + high[joint])
        furthest = way[np.argmax(np.abs(way - middle))]
        raise ValueError(
            f"{limits.names[joint]} = {furthest:.3f} rad is outside its limits "
            f"[{limits.lower[joint]}, {limits.upper[joint]}]"
        )


def _refuse_speed(limits: JointLimits, joint: int, speed: float) -> None:
    raise ValueError(
        f"{limits.names[joint]} would move at {speed:.2f} rad/s, its limit is "
        f"{limits.velocity[joint]} rad/s"
    )
