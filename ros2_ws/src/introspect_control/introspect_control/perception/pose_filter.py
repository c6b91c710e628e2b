"""Steadies poses that are seen again and again: less noise, no outliers, and silence in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.pose import Pose, rotation_matrix, rotation_vector

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FilterConfig:
    """How much poses are trusted, and for how long."""

    cutoff: float = 1.0  # of what is at rest [Hz]
    cutoff_per_speed: float = 40.0  # more for what moves [Hz per m/s]
    cutoff_per_turn: float = 4.0  # more for what turns [Hz per rad/s]
    speed_cutoff: float = 1.0  # of the speeds themselves [Hz]
    gate: float = 0.02  # a pose further off than this is an outlier [m]
    gate_turn: float = 0.35  # or turned by more than this [rad]
    speed: float = 0.5  # by which the gate grows with the time between two pictures [m/s]
    turn: float = 2.0  # and that of the rotation [rad/s]
    confirmations: int = 2  # poses that agree, before the first and before a jump is believed
    timeout: float = 0.5  # without a pose after which nothing is known any more [s]

    def __post_init__(self) -> None:
        """Refuse what filters nothing, or everything."""
        if self.confirmations < 1:
            raise PerceptionError(f"confirmations must be at least 1, got {self.confirmations}")
        for name in ("cutoff", "speed_cutoff", "gate", "gate_turn", "timeout"):
            if not getattr(self, name) > 0.0:
                raise PerceptionError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("cutoff_per_speed", "cutoff_per_turn", "speed", "turn"):
            if not getattr(self, name) >= 0.0:
                raise PerceptionError(f"{name} must not be negative, got {getattr(self, name)}")


class PoseFilter:
    """A low pass that opens with speed, behind a gate.

    ``pose += α · (seen - pose)`` with ``α = 1 / (1 + 1 / (2π f dt))`` and ``f = cutoff + k·speed``:
    what rests is steady, what moves does not lag. A pose outside the gate is held back until others
    agree with it: then the object has been moved, else it was an error.

    Args:
        config: cutoffs, gates and times.

    Attributes:
        outliers: poses that were held back so far.

    Source: Casiez, Roussel and Vogel, 1 € filter, CHI 2012.
    """

    def __init__(self, config: FilterConfig | None = None) -> None:
        self.config = config or FilterConfig()
        self.outliers = 0
        self._pose: Pose | None = None
        self._velocity, self._turning = np.zeros(3), np.zeros(3)
        self._time = -np.inf
        self._waiting: list[tuple[Pose, float]] = []

    def latest(self, time: float) -> Pose | None:
        """The pose as it was known last; None where that is too long ago.

        Args:
            time: now, on the clock of ``update`` [s].
        """
        if not 0.0 <= time - self._time <= self.config.timeout:
            return None
        return self._pose

    def update(self, seen: Pose, time: float) -> Pose | None:
        """Take a pose that was just seen.

        Args:
            seen: the pose.
            time: when it was seen [s]; a time that does not increase starts all over.

        Returns:
            The steadied pose; None while the one that was seen is not believed.
        """
        if self._waiting and not 0.0 < time - self._waiting[-1][1] <= self.config.timeout:
            self._waiting.clear()
        before = self.latest(time)
        if before is not None and time > self._time:
            if self._within(before, seen, time - self._time):
                self._waiting.clear()
                return self._follow(before, seen, time)
            believed = self._confirm(seen, time)
            self.outliers += believed is None
            return believed
        self._pose = None
        return self._confirm(seen, time)

    def _follow(self, before: Pose, seen: Pose, time: float) -> Pose:
        dt = time - self._time
        shift = seen.translation - before.translation
        turn = rotation_vector(seen.rotation @ before.rotation.T)
        config = self.config
        slow = _share(config.speed_cutoff, dt)
        self._velocity += slow * (shift / dt - self._velocity)
        self._turning += slow * (turn / dt - self._turning)
        speed, turning = np.linalg.norm(self._velocity), np.linalg.norm(self._turning)
        moved = _share(config.cutoff + config.cutoff_per_speed * float(speed), dt)
        turned = _share(config.cutoff + config.cutoff_per_turn * float(turning), dt)
        self._pose = Pose(
            rotation_matrix(turned * turn) @ before.rotation, before.translation + moved * shift
        )
        self._time = time
        return self._pose

    def _confirm(self, seen: Pose, time: float) -> Pose | None:
        """Hold a pose back until enough others agree with it."""
        if self._waiting:
            last, when = self._waiting[-1]
            if not self._within(last, seen, time - when):
                self._waiting.clear()
        self._waiting.append((seen, time))
        if len(self._waiting) < self.config.confirmations:
            return None
        self._waiting.clear()
        self._velocity, self._turning = np.zeros(3), np.zeros(3)
        self._pose, self._time = seen, time
        return seen

    def _within(self, one: Pose, other: Pose, dt: float) -> bool:
        shift, turn = one.distance(other)
        config = self.config
        return shift <= config.gate + config.speed * dt and turn <= (
            config.gate_turn + config.turn * dt
        )


def _share(cutoff: float, dt: float) -> float:
    return 1.0 / (1.0 + 1.0 / (2.0 * np.pi * cutoff * dt))
