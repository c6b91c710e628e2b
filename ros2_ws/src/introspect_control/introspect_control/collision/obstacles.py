"""What stands around the arm beside the table: boxes and spheres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from introspect_control.collision.errors import CollisionError


@dataclass(frozen=True)
class Box:
    """A box at rest."""

    name: str  # to be told by, as links are
    position: tuple[float, float, float]  # of its middle, in the arm's base frame [m]
    size: tuple[float, float, float]  # along its own x, y and z [m]
    orientation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)  # quaternion x, y, z, w

    def __post_init__(self) -> None:
        """Refuse what is no box."""
        _check(self.name, "position", self.position, 3)
        _check(self.name, "size", self.size, 3, positive=True)
        _check(self.name, "orientation", self.orientation, 4)
        if abs(np.linalg.norm(self.orientation) - 1.0) > 1e-3:
            raise CollisionError(
                f"orientation of obstacle '{self.name}' must be a quaternion x, y, z, w of length "
                f"1, got {self.orientation}"
            )


@dataclass(frozen=True)
class Sphere:
    """A sphere at rest."""

    name: str  # to be told by, as links are
    position: tuple[float, float, float]  # of its middle, in the arm's base frame [m]
    radius: float  # [m]

    def __post_init__(self) -> None:
        """Refuse what is no sphere."""
        _check(self.name, "position", self.position, 3)
        _check(self.name, "radius", (self.radius,), 1, positive=True)


Obstacle = Box | Sphere


def _check(
    obstacle: str, field: str, values: tuple[float, ...], size: int, positive: bool = False
) -> None:
    if len(values) != size or not np.isfinite(values).all():
        raise CollisionError(
            f"{field} of obstacle '{obstacle}' must be {size} finite numbers, got {values}"
        )
    if positive and min(values) <= 0.0:
        raise CollisionError(f"{field} of obstacle '{obstacle}' must be positive, got {values} m")
