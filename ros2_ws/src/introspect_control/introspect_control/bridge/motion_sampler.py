"""A joint trajectory on its way through the bridge: from the first point to rest at the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.trajectory import HermiteSampler, Trajectory

if TYPE_CHECKING:
    from introspect_description import JointLimits

Array = NDArray[np.float64]

_ROUNDING = 1.0 + 1e-6  # by which a sampled velocity may exceed its limit
_POSITION_ROUNDING = 1e-6  # [rad]
_ACCELERATION_PERIODS = 2  # that an acceleration is the mean of: times are rounded
_ACCELERATION_SLACK = 1.05  # by which it may exceed its limit: positions are rounded, too
_LEAD_IN_SHARE = 0.95  # of the limits that a lead-in takes
LONGEST = 600.0  # trajectory that is followed [s]


class MotionSampler:
    """Samples a trajectory, one command period after the other.

    Args:
        trajectory: whose times count from the start; a point at time 0 is where it starts.
        start: (joints,) where the arm is [rad].
        limits: the envelope to stay in.
        period: of a command [s].
        tolerance: by which the trajectory may start elsewhere than the arm is [rad].
        gripper_width: wanted from the start on [m]; None: as it is.

    Raises:
        ValueError: A trajectory that does not start at the arm, or end at rest, or that leaves the
            limits, or that is none.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        start: Array,
        limits: JointLimits,
        period: float,
        tolerance: float,
        gripper_width: float | None = None,
    ) -> None:
        times, positions, velocities = (np.array(part, dtype=np.float64) for part in trajectory)
        if len(times) and times[0] == 0.0 and positions.shape[1:] == start.shape:
            _check_start(limits.names, positions[0], start, tolerance)
            lead = _lead_in(start, positions[0], limits, period)
            times = np.concatenate([lead.times, times[1:] + lead.times[-1:].sum()])
            positions = np.concatenate([lead.positions, positions[1:]])
            velocities = np.concatenate([lead.velocities, velocities[1:]])
        if gripper_width is not None and not np.isfinite(gripper_width):
            raise ValueError(f"its gripper width is {gripper_width} m")
        self._sampler = HermiteSampler(start)
        self._sampler.follow(Trajectory(times, positions, velocities), 0.0)
        if velocities[-1].any():
            raise ValueError("the last point must be at rest: all its velocities 0")
        self.duration = float(times[-1])
        if self.duration > LONGEST:
            raise ValueError(f"it lasts {self.duration:.0f} s, the longest is {LONGEST:.0f} s")
        self.end: Array = positions[-1]
        self.gripper_width = gripper_width
        self._period = period
        self._elapsed = 0.0
        _check_limits(self._sampler, self.duration, limits, period)

    @property
    def progress(self) -> float:
        """Share of its duration that is over."""
        return min(self._elapsed / self.duration, 1.0)

    @property
    def over(self) -> bool:
        """Whether the last point has been commanded."""
        return self._elapsed >= self.duration

    def advance(self, share: float = 1.0) -> Array:
        """The next command (joints,) [rad], a share of a period after the one before."""
        self._elapsed += share * self._period
        return self._sampler.sample(self._elapsed)[0]


def _lead_in(start: Array, first: Array, limits: JointLimits, period: float) -> Trajectory:
    """From where the arm is to where the trajectory starts, from rest to rest.

    ``q(s) = 10 s³ - 15 s⁴ + 6 s⁵``, so slowly that it keeps the limits; its largest velocity,
    acceleration and jerk are 1.875, 5.774 and 60 over the duration, its square and its cube.
    Without it, a controller that holds what it was told last, not where it is, would feel a step.
    """
    change = first - start
    size = np.abs(change)
    duration = max(
        np.max(1.875 * size / limits.velocity),
        np.max(np.sqrt(5.774 * size / limits.acceleration)),
        np.max(np.cbrt(60.0 * size / limits.jerk)),
    )
    count = int(np.ceil(duration / _LEAD_IN_SHARE / period))
    s = np.arange(1, count + 1)[:, None] / max(count, 1)
    return Trajectory(
        period * np.arange(1.0, count + 1.0),
        start + s**3 * (10.0 - 15.0 * s + 6.0 * s * s) * change,
        30.0 * s**2 * (1.0 - s) ** 2 / (max(count, 1) * period) * change,
    )


def _check_start(names: tuple[str, ...], first: Array, start: Array, tolerance: float) -> None:
    off = np.abs(first - start)
    worst = int(np.argmax(off))
    if not off[worst] <= tolerance:  # NaN compares as false
        raise ValueError(
            f"it starts with {names[worst]} at {first[worst]:.4f} rad, the arm has it at "
            f"{start[worst]:.4f} rad; the most is {tolerance} rad away"
        )


def _check_limits(
    sampler: HermiteSampler, duration: float, limits: JointLimits, period: float
) -> None:
    count = int(np.ceil(duration / period)) + 1
    positions = sampler.sample_many(period * np.arange(float(count)))
    names = limits.names
    outside = (positions < limits.lower - _POSITION_ROUNDING) | (
        positions > limits.upper + _POSITION_ROUNDING
    )
    if outside.any():
        tick, joint = np.argwhere(outside)[0]
        raise ValueError(
            f"{names[joint]} would be at {positions[tick, joint]:.4f} rad after "
            f"{tick * period:.2f} s; its limits are [{limits.lower[joint]}, {limits.upper[joint]}]"
        )
    velocities = np.diff(positions, axis=0) / period
    fast = np.abs(velocities) > limits.velocity * _ROUNDING
    if fast.any():
        tick, joint = np.argwhere(fast)[0]
        raise ValueError(
            f"{names[joint]} would move at {abs(velocities[tick, joint]):.3f} rad/s after "
            f"{tick * period:.2f} s; the bridge allows {limits.velocity[joint]:.3f} rad/s"
        )
    window = _ACCELERATION_PERIODS
    velocities = np.pad(velocities, ((window, window), (0, 0)))  # at rest before and afterwards
    accelerations = np.abs(velocities[window:] - velocities[:-window]) / (window * period)
    sudden = accelerations > limits.acceleration * _ACCELERATION_SLACK
    if sudden.any():
        tick, joint = np.argwhere(sudden)[0]
        raise ValueError(
            f"{names[joint]} would accelerate at {accelerations[tick, joint]:.2f} rad/s² after "
            f"{tick * period:.2f} s; the bridge allows {limits.acceleration[joint]:.2f} rad/s²"
        )
