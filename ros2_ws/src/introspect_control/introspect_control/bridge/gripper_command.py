"""When the gripper is told its width, and which."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from introspect_description import GripperDescription


class GripperCommander:
    """Tells a gripper its width when it changes, and again now and then, in case it was lost.

    Args:
        gripper: whose range of widths is kept to.
        interval: after which an unchanged width is told again [s].
    """

    def __init__(self, gripper: GripperDescription, interval: float) -> None:
        self._gripper = gripper
        self._interval = interval
        self._told: float | None = None  # [m]
        self._told_at = 0.0

    @property
    def width(self) -> float:
        """The latest width told [m]; open if there was none."""
        return self._gripper.width_max if self._told is None else self._told

    def clip(self, width: float) -> float:
        """The nearest width that the gripper has [m]."""
        return float(min(max(width, self._gripper.width_min), self._gripper.width_max))

    def forget(self) -> None:
        """Start over, as if nothing had been told."""
        self._told = None

    def command(self, width: float, now: float) -> float | None:
        """What to tell the gripper that is to have this width [m] at ``now`` [s], if anything."""
        width = self.clip(width)
        if width == self._told and now - self._told_at < self._interval:
            return None
        self._told, self._told_at = width, now
        return width
