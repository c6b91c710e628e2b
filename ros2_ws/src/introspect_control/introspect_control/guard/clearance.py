"""How far an arm may still move before it leaves its workspace or touches itself or the table."""

from __future__ import annotations

from collections import deque
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
_REMEMBERED = 3  # configurations: the hardest stop's end, silence's end, and one to spare
_BETTER = 1e-6  # by which a clearance must grow to count as a way out [m]


class Room(NamedTuple):
    """How far some joints may move points of the arm."""

    distance: float  # [m]
    joints: tuple[int, int]  # from the one, before the other


class Clearance(NamedTuple):
    """How far a configuration is from trouble, and from which."""

    distance: float  # negative in trouble [m]
    what: str  # of the nearest trouble, to go on with "the arm would ..."
    rooms: tuple[Room, ...]  # while all of them last, there is no trouble


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
        self._lower = [float(x) for x in lower]
        self._upper = [float(x) for x in upper]

    def clearance(self, position: Array) -> Clearance:
        """Of the tool from the nearest face of the box."""
        tool = self._chain.forward(position[None])[0][0].tolist()
        room = [
            *(x - low for x, low in zip(tool, self._lower, strict=True)),
            *(high - x for x, high in zip(tool, self._upper, strict=True)),
        ]
        face = room.index(min(room))
        axis = face % 3
        bound, side = (self._lower, ">=") if face < 3 else (self._upper, "<=")
        return Clearance(
            room[face],
            f"bring the tool out of {'xyz'[axis]} {side} {bound[axis]:g} m",
            (Room(room[face], (0, self._chain.joints)),),
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
        # What the model has not seen is beyond its reach.
        self._beyond = Room(model.reach - margin, (0, len(model.arm.joint_names)))

    def clearance(self, position: Array) -> Clearance:
        """Of the two nearest links."""
        gaps, margin = self._model.gaps(position), self._margin
        rooms = tuple(Room(gap.distance - margin, gap.joints) for gap in gaps)
        rooms = (*rooms, self._beyond)
        if not gaps:
            return Clearance(self._beyond.distance, "", rooms)
        nearest = min(gaps)
        return Clearance(
            nearest.distance - margin,
            f"come within {margin:g} m: {nearest.first} and {nearest.second}",
            rooms,
        )


class ClearanceWatch:
    """Says whether an arm may come to rest at a configuration.

    No point of the arm moves farther than ``sum |dq_j| · lever_j``, where a joint's lever is the
    length of the arm beyond it; and two links come nearer by no more than the joints between them
    allow. So as long as these bounds, counted from a configuration measured before, are below the
    distances found there, nothing has to be measured.

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
        self._clear: deque[tuple[list[float], list[Room]]] = deque(maxlen=_REMEMBERED)

    def obstruction(self, present: Sequence[float], rest: Sequence[float]) -> str:
        """What the arm would do by coming to rest somewhere; empty if nothing is wrong with it.

        What leads out of trouble is not wrong.

        Args:
            present: where the arm would come to rest otherwise (joints,) [rad].
            rest: where it would now (joints,) [rad].
        """
        if any(self._lasts(configuration, rooms, rest) for configuration, rooms in self._clear):
            return ""
        here, there = np.array(present), np.array(rest)
        clear, rooms = True, list[Room]()
        for hazard in self._hazards:
            found = hazard.clearance(there)
            # Each by itself: a way out of one trouble must not lead into another.
            if found.distance < 0.0 and (
                found.distance <= hazard.clearance(here).distance + _BETTER
            ):
                return found.what
            clear = clear and found.distance > 0.0
            rooms += found.rooms
        if clear:
            self._clear.appendleft((list(rest), rooms))
        return ""

    def _lasts(self, start: Sequence[float], rooms: Sequence[Room], end: Sequence[float]) -> bool:
        """Whether no point of the arm can have moved too far between two configurations."""
        travel, farthest = 0.0, [0.0]  # by the joints up to each [m]
        for lever, a, b in zip(self.levers, start, end, strict=True):
            travel += lever * abs(a - b)
            farthest.append(travel)
        return all(farthest[last] - farthest[first] < distance for distance, (first, last) in rooms)
