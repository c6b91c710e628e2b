"""Where the tool was when a picture was taken: joint states of the last moments."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from introspect_control.kinematics import KinematicChain
from introspect_control.perception.pose import Pose

Array = NDArray[np.float64]


class JointHistory:
    """Joint positions between those that were told, never beyond them.

    Args:
        joint_names: of the arm.
        chain: base to tool.
        span: of the past that is kept [s].
        gap: between two joint states at most, for what lies between them to be known [s].
    """

    def __init__(
        self,
        joint_names: Sequence[str],
        chain: KinematicChain,
        span: float = 1.0,
        gap: float = 0.1,
    ) -> None:
        self._names, self._chain = tuple(joint_names), chain
        self._span, self._gap = span, gap
        self._states: deque[tuple[float, Array]] = deque()

    def add(self, positions: Mapping[str, float], time: float) -> None:
        """Take joint states.

        Args:
            positions: by joint name [rad]; without all of the arm's they are another device's.
            time: their stamp [s]; one that goes back starts all over.
        """
        if not all(name in positions for name in self._names):
            return
        q = np.array([positions[name] for name in self._names])
        if not np.isfinite(q).all():
            return
        if self._states and time <= self._states[-1][0]:
            self._states.clear()
        self._states.append((time, q))
        while self._states[0][0] < time - self._span:
            self._states.popleft()

    def tool(self, time: float) -> Pose | None:
        """Pose of the tool in the base frame at a time [s]; None where that is not known."""
        after = next((k for k, (stamp, _) in enumerate(self._states) if stamp >= time), None)
        if after is None:
            return None
        later, q = self._states[after]
        if later > time:
            if after == 0:
                return None
            earlier, before = self._states[after - 1]
            if later - earlier > self._gap:
                return None
            q = before + (q - before) * (time - earlier) / (later - earlier)
        place, rotation = self._chain.forward(q[None])
        return Pose(rotation[0], place[0])
