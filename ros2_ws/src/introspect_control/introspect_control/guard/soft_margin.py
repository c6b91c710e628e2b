"""Joints slow down before the ends of their ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from introspect_description import JointLimits


class SoftMargin:
    """Makes steps towards a position limit shorter: ``|dq| <= V·dt·d / margin`` at a distance d.

    Args:
        limits: of the joints.
        period: of a step [s].
        margin: before each limit in which this holds [rad]; 0 for none.
    """

    def __init__(self, limits: JointLimits, period: float, margin: float) -> None:
        self._margin = margin
        self._bounds = list(
            zip(
                limits.lower.tolist(),
                limits.upper.tolist(),
                (limits.velocity * period).tolist(),
                strict=True,
            )
        )

    def soften(self, wanted: list[float], last: list[float]) -> list[float]:
        """The wanted positions, nearer to the last ones where a limit is near.

        Args:
            wanted: (joints,) [rad].
            last: (joints,) that the step begins at [rad].

        Returns:
            ``wanted`` itself where there is nothing to change.
        """
        softened = wanted
        for j, (lower, upper, largest) in enumerate(self._bounds):
            step = wanted[j] - last[j]
            room = upper - last[j] if step > 0.0 else last[j] - lower
            if room >= self._margin or step == 0.0:
                continue
            allowed = largest * max(room, 0.0) / self._margin
            if abs(step) > allowed:
                softened = list(wanted) if softened is wanted else softened
                softened[j] = last[j] + (allowed if step > 0.0 else -allowed)
        return softened
