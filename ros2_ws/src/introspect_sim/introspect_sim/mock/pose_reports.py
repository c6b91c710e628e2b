"""Object and goal as a camera and its software see them: noisy, late, now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.transforms import about, multiply

if TYPE_CHECKING:
    from introspect_sim.mock.fault_board import FaultBoard
    from introspect_sim.mock.manners import Manners

Array = NDArray[np.float64]

_UP = (0.0, 0.0, 1.0)


class PoseReport(NamedTuple):
    """What one picture showed."""

    stamp: int  # of the host's clock [ns]
    seen_at: float  # the same on the clock of ``now`` [s]
    object_pose: Array | None  # (7,) x y z qx qy qz qw; None where it was not seen
    goal: Array  # (3,) [m]
    fresh: bool  # whether the object was seen, and where it is rather than where it was


class PoseSensor:
    """Takes pictures at a camera's rate and tells the poses in them.

    Args:
        manners: rate and noise.
        faults: of this moment.
        rng: draws the noise.
    """

    def __init__(self, manners: Manners, faults: FaultBoard, rng: np.random.Generator) -> None:
        self._manners = manners
        self._faults = faults
        self._rng = rng
        self._interval = 1.0 / manners.pose_rate
        self._due: float | None = None  # the next picture [s]
        self._frozen: Array | None = None

    def look(self, object_pose: Array, goal: Array, now: float, stamp: int) -> PoseReport | None:
        """The poses of a picture taken now, if one is.

        Args:
            object_pose: (7,) as it is.
            goal: (3,) as it is [m].
            now: time [s].
            stamp: of the host's clock then [ns].
        """
        if self._due is not None and now < self._due - 1e-9:
            return None
        late = self._due is None or now - self._due > self._interval
        self._due = (now if late or self._due is None else self._due) + self._interval
        extra = self._faults.amount("object_noise", now) or 0.0
        deviation = float(np.hypot(self._manners.pose_noise, extra))
        seen = object_pose.copy()
        seen[:3] += self._rng.normal(0.0, deviation, 3)
        turn = about(_UP, float(self._rng.normal(0.0, self._manners.pose_turn_noise)))
        x, y, z, w = object_pose[3:].tolist()
        seen[3:] = multiply(turn, (x, y, z, w))
        goal = goal + self._rng.normal(0.0, deviation, 3)
        if not self._faults.on("object_frozen", now):
            self._frozen = None
        elif self._frozen is None:
            self._frozen = seen
        shown = None
        if not self._faults.on("object_lost", now):
            shown = seen if self._frozen is None else self._frozen
        return PoseReport(stamp, now, shown, goal, fresh=shown is seen)
