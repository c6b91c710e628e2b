"""A gripper as a real one is: finite speed, a force only while it holds, a width now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from introspect_description import GripperDescription

_SQUEEZE = 0.003  # that a gripper is told to close beyond what it holds [m]
_STILL = 0.004  # width's speed up to which the fingers count as still [m/s]
_SETTLED = 0.15  # after which fingers that stand still hold something [s]


class MockGripper:
    """What the gripper is driven to, and what it tells of itself.

    Args:
        gripper: its data.
        rate: at which it tells its width [Hz].
    """

    def __init__(self, gripper: GripperDescription, rate: float) -> None:
        self._gripper = gripper
        self._interval = 1.0 / rate
        self._wanted = gripper.width_max
        self._stuck_at: float | None = None
        self._told_at: float | None = None
        self._still = 0.0  # how long the fingers have stood still [s]
        self.width = gripper.width_max  # as told last [m]
        self.velocity = 0.0  # of the width, as told last [m/s]

    @property
    def holding(self) -> bool:
        """Whether it holds something, as far as it can tell."""
        squeezing = self._wanted < self.width - _SQUEEZE
        return squeezing and self._still >= _SETTLED and self._stuck_at is None

    @property
    def force(self) -> float:
        """Of both fingers together [N]; 0 unless it holds something."""
        return self._gripper.grip_force if self.holding else 0.0

    def move(self, width: float) -> None:
        """Open or close to a width [m] within its range."""
        if width != self._wanted:
            self._wanted, self._still = width, 0.0

    def target(self, measured: float, stuck: bool, dropping: bool) -> float:
        """The width to drive the fingers to [m].

        Args:
            measured: the width now [m].
            stuck: whether it stays as it is.
            dropping: whether it opens, whatever it is told.
        """
        if dropping:
            return self._gripper.width_max
        if not stuck:
            self._stuck_at = None
            return self._wanted
        if self._stuck_at is None:  # with what it holds, if it holds something
            self._stuck_at = self._wanted if self.holding else measured
        return self._stuck_at

    def sense(self, measured: float, now: float) -> None:
        """Tell its width [m] at time ``now`` [s], if it is time to."""
        since = self._interval if self._told_at is None else now - self._told_at
        if since < self._interval - 1e-9:
            return
        self.velocity = 0.0 if self._told_at is None else (measured - self.width) / since
        self.width, self._told_at = measured, now
        self._still = self._still + since if abs(self.velocity) < _STILL else 0.0
