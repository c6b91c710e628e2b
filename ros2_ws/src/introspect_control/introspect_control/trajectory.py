"""Short trajectories that end at rest, and how a joint trajectory controller follows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_description import JointLimits

Array = NDArray[np.float64]

LONGEST_HORIZON = 0.2  # [s]
_TICK = 1e-6  # resolution of the times of points [s]
_SNAP = 1e-9  # a time this close to a point's is that point's [s]


class Trajectory(NamedTuple):
    """Points for a joint trajectory controller."""

    times: Array  # (k,) from the start, increasing [s]
    positions: Array  # (k, joints) [rad]
    velocities: Array  # (k, joints) [rad/s]


def trajectory_in_order(
    joints: Sequence[str],
    names: Sequence[str],
    times: Sequence[float],
    positions: Sequence[Sequence[float]],
    velocities: Sequence[Sequence[float]],
) -> Trajectory:
    """A trajectory with its joints in the arm's order, from whatever order a message has.

    Args:
        joints: of the arm.
        names: of the message's joints.
        times: of the points, from the start [s].
        positions: per point and joint [rad].
        velocities: per point and joint [rad/s].

    Raises:
        ValueError: Unknown, missing or repeated joints, no points, or points without a position
            and a velocity for each joint. That times increase is for who follows it to see.
    """
    names = list(names)
    if sorted(names) != sorted(joints):
        raise ValueError(
            f"it names {', '.join(names) or 'no joint'}; the arm has {', '.join(joints)}"
        )
    if not len(times):
        raise ValueError("it has no points")
    counts = len(times), len(positions), len(velocities)
    if len(set(counts)) > 1:
        raise ValueError("it has {} times, {} positions and {} velocities".format(*counts))
    lengths = sorted({len(values) for values in (*positions, *velocities)})
    if lengths != [len(names)]:
        raise ValueError(
            f"each point needs {len(names)} positions and as many velocities, got {lengths}"
        )
    order = [names.index(name) for name in joints]
    return Trajectory(
        np.array(times, dtype=np.float64),
        np.array(positions, dtype=np.float64)[:, order],
        np.array(velocities, dtype=np.float64)[:, order],
    )


class ShortHorizon:
    """Extends one joint command into a trajectory that would bring the arm to rest.

    The command is for one period ahead. It is continued at the same velocity to the first point,
    at ``lead``, and for one period more, so that a next command may come a little late unnoticed;
    then the joints slow down evenly and together: ``q(t) = q + v·t``, then ``v(t) = v·(1 - t/T)``
    to rest at the end. A joint too near to its position limit for that slows down at once, and
    sooner. Whoever follows the points with cubic (Hermite) interpolation follows exactly this
    motion, and stays within the position, velocity and acceleration limits even if no other command
    ever comes.

    With a lead of one period the commands are followed to the bit, if they arrive one period after
    the other. An arm that they reach now sooner, now later makes up for it until the first point,
    which takes an acceleration of ``6·v·delay / lead²``: it needs a longer lead.

    Args:
        arm: the arm's own limits; slowing down may take all of its acceleration.
        envelope: the limits that commands keep.
        period: between two commands [s].
        duration: of the whole trajectory [s].
        points: of the trajectory at least.
        lead: until the first point, in periods.

    Raises:
        ValueError: A duration beyond 0.2 s, or too short to stop in from the envelope's velocity.
    """

    def __init__(
        self,
        arm: JointLimits,
        envelope: JointLimits,
        period: float,
        duration: float = LONGEST_HORIZON,
        points: int = 5,
        lead: int = 1,
    ) -> None:
        if lead < 1:
            raise ValueError(f"lead must be at least 1, got {lead}")
        shortest = (lead + 2.0) * period
        if not shortest <= duration <= LONGEST_HORIZON:
            raise ValueError(
                f"duration must be between {lead + 2} periods ({shortest:g} s) and "
                f"{LONGEST_HORIZON} s, got {duration} s"
            )
        if points < 3:
            raise ValueError(f"points must be at least 3, got {points}")
        self.duration = duration
        self._period = period
        self._coast_end = (lead + 1.0) * period
        self._braking = duration - self._coast_end
        self._lower, self._upper = arm.lower, arm.upper
        self._acceleration = arm.acceleration
        too_fast = envelope.velocity > arm.acceleration * self._braking
        if too_fast.any():
            largest = np.min(arm.acceleration * self._braking / arm.velocity)
            names = [name for name, bad in zip(arm.names, too_fast, strict=True) if bad]
            raise ValueError(
                f"{names} cannot stop within {duration} s from the envelope's velocity; "
                f"use at most {largest:.0%} of the arm's velocity"
            )
        self._times = np.concatenate(
            [[lead * period], np.linspace(self._coast_end, duration, points - 1)]
        ).round(6)

    @property
    def coast(self) -> float:
        """Time at full velocity for as far as the arm goes beyond a command [s]."""
        return self._coast_end - self._period + 0.5 * self._braking

    def plan(self, position: Array, velocity: Array) -> Trajectory:
        """The trajectory for one command.

        Args:
            position: (joints,) to be at one period from now [rad].
            velocity: (joints,) there [rad/s]; such that the joints can still stop before their
                limits within the envelope, as a ``JointLimiter`` sees to.
        """
        times = self._times
        speed = np.abs(velocity)
        room = np.maximum(
            np.where(velocity > 0.0, self._upper - position, position - self._lower), 0.0
        )
        near = speed * (self._coast_end - self._period + 0.5 * self._braking) > room
        start: Array | float = self._coast_end
        braking: Array | float = self._braking
        if near.any():
            start = np.where(near, self._period, self._coast_end)
            shorter = np.maximum(2.0 * room, speed * speed / self._acceleration)
            shorter /= np.maximum(speed, 1e-9)
            shorter = np.clip(np.floor(shorter / _TICK) * _TICK, _TICK, self._braking)
            stops = self._period + shorter[near]
            braking = np.where(near, shorter, self._braking)
            times = np.unique(np.concatenate([times, stops.round(6)]))
        share = np.clip((times[:, None] - start) / braking, 0.0, 1.0)  # of the slowing down, done
        share[-1] = 1.0
        share = np.broadcast_to(share, (len(times), len(velocity)))
        coasted = np.minimum(times[:, None], start) - self._period
        travelled = coasted + braking * share * (1.0 - 0.5 * share)
        return Trajectory(times, position + velocity * travelled, velocity * (1.0 - share))


class HermiteSampler:
    """Follows trajectories as a joint trajectory controller does, from its own last command on.

    Between two points: the cubic that meets the positions and velocities of both. From the present
    command to the first point: the same. After the last point: held.

    Args:
        position: (joints,) to hold at first [rad].
    """

    def __init__(self, position: Array) -> None:
        self.reset(position)

    def reset(self, position: Array) -> None:
        """Drop the trajectory and hold (joints,) [rad] at rest."""
        self._times = np.zeros(1)
        self._positions = np.array(position, dtype=np.float64)[None]
        self._velocities = np.zeros_like(self._positions)
        self._start = 0.0

    def follow(self, trajectory: Trajectory, now: float) -> None:
        """Follow a new trajectory from now on.

        Args:
            trajectory: its times count from now.
            now: [s], on any clock that never goes back.

        Raises:
            ValueError: Wrong shapes, times that do not increase from above 0, or a number that is
                not finite; what was followed before is followed on.
        """
        times, positions, velocities = (np.array(part, dtype=np.float64) for part in trajectory)
        joints = self._positions.shape[1]
        if times.ndim != 1 or len(times) == 0:
            raise ValueError(f"times must be (k,) with k > 0, got {times.shape}")
        for name, array in (("positions", positions), ("velocities", velocities)):
            if array.shape != (len(times), joints):
                raise ValueError(f"{name} must be ({len(times)}, {joints}), got {array.shape}")
        if not all(np.isfinite(array).all() for array in (times, positions, velocities)):
            raise ValueError("every number of a trajectory must be finite")
        if times[0] <= 0.0 or (np.diff(times) <= 0.0).any():
            raise ValueError(f"times must increase from above 0, got {times.tolist()}")
        position, velocity = self.sample(now)
        self._times = np.concatenate([[0.0], times])
        self._positions = np.concatenate([position[None], positions])
        self._velocities = np.concatenate([velocity[None], velocities])
        self._start = now

    def sample(self, now: float) -> tuple[Array, Array]:
        """The command at time ``now`` [s]: position (joints,) [rad] and velocity [rad/s]."""
        t = now - self._start
        k = int(np.searchsorted(self._times, t + _SNAP, side="right"))
        if k == 0:
            return self._positions[0].copy(), self._velocities[0].copy()
        before = self._times[k - 1]
        if k == len(self._times):
            held = t > before + _SNAP
            velocity = self._velocities[-1]
            return self._positions[-1].copy(), np.zeros_like(velocity) if held else velocity.copy()
        if t - before <= _SNAP:
            return self._positions[k - 1].copy(), self._velocities[k - 1].copy()
        h = self._times[k] - before
        s = (t - before) / h
        q0, q1 = self._positions[k - 1], self._positions[k]
        v0, v1 = self._velocities[k - 1] * h, self._velocities[k] * h
        c2 = 3.0 * (q1 - q0) - 2.0 * v0 - v1
        c3 = -2.0 * (q1 - q0) + v0 + v1
        position = q0 + s * (v0 + s * (c2 + s * c3))
        velocity = (v0 + s * (2.0 * c2 + s * 3.0 * c3)) / h
        return position, velocity

    def sample_many(self, times: Array) -> Array:
        """The commands' positions (k, joints) [rad] at times (k,) [s], not before the start."""
        if len(self._times) == 1:
            return np.repeat(self._positions, len(times), axis=0)
        t = np.clip(times - self._start, 0.0, self._times[-1])
        k = np.clip(np.searchsorted(self._times, t, side="right"), 1, len(self._times) - 1)
        h = (self._times[k] - self._times[k - 1])[:, None]
        s = (t - self._times[k - 1])[:, None] / h
        q0, q1 = self._positions[k - 1], self._positions[k]
        v0, v1 = self._velocities[k - 1] * h, self._velocities[k] * h
        c2 = 3.0 * (q1 - q0) - 2.0 * v0 - v1
        c3 = -2.0 * (q1 - q0) + v0 + v1
        result: Array = q0 + s * (v0 + s * (c2 + s * c3))
        return result

    def done(self, now: float) -> bool:
        """Whether the last point has been reached."""
        return bool(now - self._start >= self._times[-1] - _SNAP)
