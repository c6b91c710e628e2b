"""How far an arm may still move before it leaves its workspace or touches itself or the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from introspect_control.kinematics import KinematicChain

if TYPE_CHECKING:
    from introspect_control.collision import CollisionModel
    from introspect_description import ArmDescription

Array = NDArray[np.float64]

_BEYOND_TOOL = 0.15  # radius of the gripper around the tool frame [m]
_BETTER = 1e-6  # by which a clearance must grow to count as a way out [m]


class Clearance(NamedTuple):
    """How far a configuration is from trouble, and from which."""

    distance: float  # negative in trouble [m]
    what: str  # of the nearest trouble, to go on with "the arm would ..."


class Hazard(Protocol):
    """Something to stay clear of."""

    def clearance(self, position: Array) -> Clearance:
        """Of a configuration (joints,) [rad]."""


class Workspace:
    """The box that the tool must stay in.

    Args:
        chain: from the base frame to the tool.
        lower: corner of the box (3,) in the base frame [m].
        upper: the opposite corner (3,) [m].

    Raises:
        ValueError: Corners that span no box.
    """

    def __init__(
        self, chain: KinematicChain, lower: Sequence[float], upper: Sequence[float]
    ) -> None:
        if len(lower) != 3 or len(upper) != 3 or not np.less(lower, upper).all():
            raise ValueError(
                f"the workspace's lower corner {tuple(lower)} must be three numbers, each below "
                f"those of its upper corner {tuple(upper)}"
            )
        self._chain = chain
        self._lower = np.array(lower, dtype=np.float64)
        self._upper = np.array(upper, dtype=np.float64)

    def clearance(self, position: Array) -> Clearance:
        """Of the tool from the nearest face of the box."""
        tool = self._chain.forward(position[None])[0][0]
        room = np.concatenate([tool - self._lower, self._upper - tool])
        face = int(np.argmin(room))
        axis = face % 3
        bound, side = (self._lower, ">=") if face < 3 else (self._upper, "<=")
        return Clearance(
            float(room[face]), f"bring the tool out of {'xyz'[axis]} {side} {bound[axis]:g} m"
        )


class SelfCollision:
    """The arm itself and the table.

    Args:
        model: that measures distances.
        margin: that must remain [m].

    Raises:
        ValueError: A margin that is not positive.
    """

    def __init__(self, model: CollisionModel, margin: float) -> None:
        if not margin > 0.0:
            raise ValueError(f"collision_margin must be positive, got {margin} m")
        self._model = model
        self._margin = margin

    def clearance(self, position: Array) -> Clearance:
        """Of the two nearest links."""
        nearest = self._model.nearest(position)
        return Clearance(
            nearest.distance - self._margin,
            f"come within {self._margin:g} m: {nearest.first} and {nearest.second}",
        )


class ClearanceWatch:
    """Says whether an arm may come to rest at a configuration.

    No point of the arm moves farther than ``sum |dq_j| · lever_j``, where a joint's lever is the
    length of the arm beyond it. So as long as this bound, counted from the configuration measured
    last, is below the clearance found there, nothing has to be measured.

    Args:
        arm: whose chain tells the levers.
        hazards: what to stay clear of.

    Attributes:
        levers: (joints,) length of the arm beyond each joint, at most [m].
    """

    def __init__(self, arm: ArmDescription, hazards: Sequence[Hazard]) -> None:
        lengths = [float(np.linalg.norm(frame.translation)) for frame in arm.chain()]
        beyond = np.cumsum(lengths[::-1])[::-1] - lengths  # of all frames after each
        self.levers: list[float] = (beyond[: len(arm.joint_names)] + _BEYOND_TOOL).tolist()
        self._hazards = tuple(hazards)
        self._measured: list[float] = []  # configuration measured last, where it was clear
        self._distance = 0.0  # found there [m]

    def obstruction(self, present: Sequence[float], rest: Sequence[float]) -> str:
        """What the arm would do by coming to rest somewhere; empty if nothing is wrong with it.

        What leads out of trouble is not wrong.

        Args:
            present: where the arm would come to rest otherwise (joints,) [rad].
            rest: where it would now (joints,) [rad].
        """
        if self._measured and self._travel(rest) < self._distance:
            return ""
        here, there = np.array(present), np.array(rest)
        nearest = float("inf")
        for hazard in self._hazards:
            found = hazard.clearance(there)
            nearest = min(nearest, found.distance)
            # Each by itself: a way out of one trouble must not lead into another.
            if found.distance < 0.0 and (
                found.distance <= hazard.clearance(here).distance + _BETTER
            ):
                self._measured = []
                return found.what
        self._measured = list(rest) if nearest >= 0.0 else []
        self._distance = nearest
        return ""

    def _travel(self, rest: Sequence[float]) -> float:
        return sum(
            lever * abs(a - b)
            for lever, a, b in zip(self.levers, rest, self._measured, strict=True)
        )
