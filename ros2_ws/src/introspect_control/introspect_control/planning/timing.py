"""When to be where on a path of straight lines: as fast as the limits allow, to rest at corners."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.bridge.motion_sampler import LONGEST
from introspect_control.extras import PLANNING
from introspect_control.planning.planner import PlanningError
from introspect_control.trajectory import Trajectory

if TYPE_CHECKING:
    from introspect_description import JointLimits

Array = NDArray[np.float64]

_SHARE = 0.99  # of each limit in use: the guard's discrete stop is slightly longer
SHORTEST = 1e-9  # line that takes any time [rad]


class Pace(NamedTuple):
    """How much of the limits is used along a line."""

    speed: float = 1.0  # share of velocity and acceleration
    braking: float = 1.0  # share of that acceleration with which the joints slow down

    def slower(self, factor: float) -> Pace:
        """The same with less speed."""
        return self._replace(speed=factor * self.speed)

    def gentler(self, factor: float) -> Pace:
        """The same, but slowing down earlier and longer."""
        return self._replace(braking=factor * self.braking)


def load_ruckig() -> Any:
    """The module ``ruckig``.

    Raises:
        PlanningError: It is not installed.
    """
    try:
        return importlib.import_module("ruckig")
    except ImportError as error:
        raise PlanningError(
            f"motions are timed with Ruckig, which cannot be imported ({error}); run: {PLANNING}"
        ) from error


def time_path(
    waypoints: Sequence[Array],
    limits: JointLimits,
    period: float,
    soft_margin: float,
    paces: Sequence[Pace] = (),
) -> Trajectory:
    """Move along straight lines from corner to corner, at rest in each.

    ``q(t) = q0 + s(t) (q1 - q0)``, with s from 0 to 1 and the limits of the joint that it binds
    first, so that the joints move in phase and the path is the one that was checked. Each line
    takes a whole number of periods, so differences of the points are means of velocity,
    acceleration and jerk, and as limited as they are.

    Args:
        waypoints: two or more corners (joints,) [rad].
        limits: to stay in.
        period: between two points [s].
        soft_margin: before a position limit, within which the guard slows joints down [rad].
        paces: of each line; none: all that the limits allow.

    Returns:
        Points from time 0 on, one each period; the last at rest at the last corner.

    Raises:
        PlanningError: Ruckig is not installed, a corner lies at a position limit, or the motion
            would last longer than any that is followed.

    Source: Berscheid and Kroeger 2021.
    """
    ruckig = load_ruckig()
    positions, velocities = [waypoints[0][None]], [np.zeros((1, len(waypoints[0])))]
    paces = paces or [Pace()] * (len(waypoints) - 1)
    left = LONGEST
    for (start, end), pace in zip(itertools.pairwise(waypoints), paces, strict=True):
        change = end - start
        if np.abs(change).max() < SHORTEST:
            continue
        size = np.maximum(np.abs(change), SHORTEST)
        velocity = limits.velocity * _slowed(end, change, limits, soft_margin)
        along, speed = _profile(
            ruckig,
            pace.speed * float(np.min(velocity / size)),
            pace.speed * float(np.min(limits.acceleration / size)),
            float(np.min(limits.jerk / size)),
            pace.braking,
            period,
            left,
        )
        left -= period * len(along)
        positions.append(start + along[:, None] * change)
        velocities.append(speed[:, None] * change)
        positions[-1][-1], velocities[-1][-1] = end, 0.0
    whole = np.concatenate(positions)
    return Trajectory(
        period * np.arange(len(whole), dtype=np.float64), whole, np.concatenate(velocities)
    )


def line_at(trajectory: Trajectory, point: int) -> int:
    """Which line of a timed path a point is on: the number of those that end before it."""
    at_rest = np.flatnonzero(~trajectory.velocities.any(axis=1))
    return max(int(np.searchsorted(at_rest, point)) - 1, 0)


def _slowed(end: Array, change: Array, limits: JointLimits, soft_margin: float) -> Array:
    """Share (joints,) of its velocity that the guard leaves a joint on its way to an end."""
    if soft_margin == 0.0:
        return np.ones_like(end)
    room = np.where(change > 0.0, limits.upper - end, end - limits.lower)
    share = np.where(np.abs(change) < SHORTEST, 1.0, np.clip(room / soft_margin, 0.0, 1.0))
    worst = int(np.argmin(share))
    if share[worst] < 0.05:
        raise PlanningError(
            f"{limits.names[worst]} = {end[worst]:.4f} rad is too near to its limit: within "
            f"{0.05 * soft_margin:g} rad, where the command guard lets no joint go"
        )
    return np.asarray(share)


def _profile(
    ruckig: Any,
    velocity: float,
    acceleration: float,
    jerk: float,
    braking: float,
    period: float,
    longest: float,
) -> tuple[Array, Array]:
    """From 0 to 1, at rest at both; positions (k,) and velocities (k,) after each period [1/s]."""
    request = ruckig.InputParameter(1)
    request.current_position, request.target_position = [0.0], [1.0]
    request.max_velocity = [_SHARE * velocity]
    request.max_acceleration = [_SHARE * acceleration]
    request.min_acceleration = [-_SHARE * acceleration * braking]
    request.max_jerk = [_SHARE * jerk]
    trajectory = ruckig.Trajectory(1)
    result = ruckig.Ruckig(1).calculate(request, trajectory)
    if result != ruckig.Result.Working:
        raise PlanningError(f"Ruckig cannot time a line: {result}")
    if trajectory.duration > longest:  # before as many points are made
        raise PlanningError(
            f"the motion would last more than {LONGEST:.0f} s, the longest that is followed; "
            "ask for a higher speed"
        )
    periods = max(1, int(np.ceil(trajectory.duration / period - 1e-9)))
    slower = trajectory.duration / (periods * period)
    points = [trajectory.at_time(slower * period * k)[:2] for k in range(1, periods + 1)]
    return (
        np.array([position[0] for position, _ in points]),
        np.array([slower * velocity[0] for _, velocity in points]),
    )
