"""Where the arm may be, and along which straight lines it may move between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from introspect_control.guard import Hazard
from introspect_control.guard.clearance import Clearance
from introspect_control.planning.planner import PlanningError

Array = NDArray[np.float64]

_GROWTH = 1e-5  # of the clearance with every step of an escape [m]
_ESCAPE_STEP = 0.004  # of the farthest point of the arm [m]
_ESCAPE_STEPS = 150  # in one direction
_DIRECTIONS = 60  # that are tried
_PROBE = 1e-3  # that a joint is moved by to see whether it helps [rad]


class FreeSpace:
    """Configurations that are clear of all hazards, by at least a margin that those know.

    No point of the arm moves farther than ``sum |dq_j| · lever_j``. A configuration with a
    clearance c beyond the margin therefore vouches for all within ``c + slack`` of it, where
    anything is still clear by the margin less the slack; ``first_trouble`` steps along a line so
    that every point of it is vouched for.

    Args:
        hazards: to be clear of.
        levers: (joints,) farthest that a point which a joint moves can be from its axis [m].
        slack: of the margin that may be used up between two configurations looked at [m].
    """

    def __init__(self, hazards: Sequence[Hazard], levers: Array, slack: float) -> None:
        self._hazards = tuple(hazards)
        self._levers = levers
        self._slack = slack

    def clearance(self, joint_position: Array) -> Clearance:
        """Of a configuration (joints,) [rad]; negative in trouble."""
        return min(
            (hazard.clearance(joint_position) for hazard in self._hazards),
            key=lambda clearance: clearance.distance,
        )

    def clear(self, joint_position: Array) -> bool:
        """Whether a configuration (joints,) [rad] is clear of all hazards."""
        return self.clearance(joint_position).distance >= 0.0

    def first_trouble(self, start: Array, end: Array) -> Clearance | None:
        """The first trouble on a straight line between two configurations; None if it is clear."""
        change = end - start
        length = float(np.abs(change) @ self._levers)
        done = 0.0
        while True:
            clearance = self.clearance(start + done * change)
            if clearance.distance < 0.0:
                return clearance
            if done >= 1.0:
                return None
            travel = clearance.distance + 2.0 * self._slack
            done = min(1.0, done + travel / length) if length > 0.0 else 1.0

    def escape(self, start: Array, lower: Array, upper: Array, rng: np.random.Generator) -> Array:
        """A clear configuration to which a straight line leads, ever farther from trouble.

        Args:
            start: (joints,) in trouble [rad].
            lower: (joints,) of the range to stay in [rad].
            upper: (joints,) of the range to stay in [rad].
            rng: for directions to try, after the one that helps most at first.

        Raises:
            PlanningError: There is no such line.
        """
        trouble = self.clearance(start)
        ascent = np.array(
            [
                self.clearance(start + probe).distance - self.clearance(start - probe).distance
                for probe in _PROBE * np.eye(len(start))
            ]
        )
        directions = [ascent, *np.eye(len(start)), *-np.eye(len(start))]
        directions += list(rng.normal(size=(_DIRECTIONS - len(directions), len(start))))
        for direction in directions:
            travel = float(np.abs(direction) @ self._levers)
            if travel > 0.0:
                found = self._walk(start, direction * _ESCAPE_STEP / travel, lower, upper)
                if found is not None:
                    return found
        raise PlanningError(
            f"the arm is where it would {trouble.what} ({trouble.distance:+.3f} m), and no way "
            "leads out; move it by hand or with its own tools"
        )

    def _walk(self, start: Array, step: Array, lower: Array, upper: Array) -> Array | None:
        before = self.clearance(start).distance
        for k in range(1, _ESCAPE_STEPS):
            position = start + k * step
            if ((position < lower) & (step < 0.0) | (position > upper) & (step > 0.0)).any():
                return None
            clearance = self.clearance(position).distance
            if clearance < before + _GROWTH:
                return None
            if clearance >= 0.0:
                return position
            before = clearance
        return None
