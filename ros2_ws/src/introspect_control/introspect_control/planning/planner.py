"""What every planner does: from where the arm is, to a goal, touching nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from introspect_control.trajectory import Trajectory

Array = NDArray[np.float64]


class PlanningError(Exception):
    """There is no motion as asked for; the message says why."""


@dataclass(frozen=True, eq=False)
class JointGoal:
    """Joints to come to rest at."""

    position: Array  # (7,) in the arm's order [rad]

    def __post_init__(self) -> None:
        """Check and freeze the numbers."""
        object.__setattr__(self, "position", _frozen("joint_positions", self.position, 7))


@dataclass(frozen=True, eq=False)
class PoseGoal:
    """A pose of the tool frame to come to rest at, in the arm's base frame."""

    position: Array  # (3,) [m]
    orientation: Array  # (4,) unit quaternion x, y, z, w

    def __post_init__(self) -> None:
        """Check and freeze the numbers."""
        object.__setattr__(self, "position", _frozen("position", self.position, 3))
        orientation = _frozen("orientation", self.orientation, 4)
        length = float(np.linalg.norm(orientation))
        if not abs(length - 1.0) < 1e-2:
            raise PlanningError(
                f"orientation must be a quaternion x, y, z, w of length 1, got {orientation}"
            )
        object.__setattr__(self, "orientation", _frozen("orientation", orientation / length, 4))


Goal = JointGoal | PoseGoal


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion from rest to rest that touches nothing on its way."""

    trajectory: Trajectory  # from time 0 and the start on
    waypoints: Array  # (k, 7) corners of its path [rad]; empty where the planner does not tell
    planning_time: float  # that it took to find [s]

    @property
    def duration(self) -> float:
        """Of the motion [s]."""
        return float(self.trajectory.times[-1])


class Planner(Protocol):
    """Finds motions."""

    def plan(
        self,
        start: Array,
        goal: Goal,
        speed: float = 1.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Motion:
        """Find a motion.

        Args:
            start: (7,) where the arm is at rest [rad].
            goal: where to come to rest.
            speed: share of the planner's velocities and accelerations to use, in (0, 1].
            cancelled: tells, now and then, whether nobody wants the motion any more.

        Raises:
            PlanningError: There is none, or none was found in time.
        """


def _frozen(name: str, values: Array, size: int) -> Array:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise PlanningError(f"{name} must be {size} numbers, got {values!r}") from None
    if array.shape != (size,) or not np.isfinite(array).all():
        raise PlanningError(f"{name} must be {size} finite numbers, got {array.tolist()}")
    array.flags.writeable = False
    return array
