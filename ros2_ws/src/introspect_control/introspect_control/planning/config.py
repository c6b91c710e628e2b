"""How the built-in planner is set up."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from introspect_control.bridge import BridgeConfig

_BRIDGE = BridgeConfig()
_SERVO = _BRIDGE.servo


@dataclass(frozen=True)
class PlannerConfig:
    """The bridge's limits, and how hard to look for a way within them."""

    velocity_scale: float = _SERVO.velocity_scale  # share of the joint limits, (0, 1]
    acceleration_scale: float = _SERVO.acceleration_scale  # share of the joint limits, (0, 1]
    jerk: float = _SERVO.jerk  # cap on joint jerk [rad/s³]
    period: float = _BRIDGE.period  # between two points of a trajectory [s]
    workspace_lower: tuple[float, float, float] = _BRIDGE.workspace_lower  # of the tool's box [m]
    workspace_upper: tuple[float, float, float] = _BRIDGE.workspace_upper  # opposite corner [m]
    collision_margin: float = _BRIDGE.collision_margin  # that the bridge keeps [m]; 0: none
    horizon: float = _BRIDGE.horizon  # of each trajectory that the bridge sends [s]
    lead: int = _BRIDGE.lead  # periods until its first point; in lockstep the bridge has fewer
    extra_margin: float = 0.004  # that a path is planned to keep beyond that [m]
    timeout: float = 5.0  # of one search, and of slowing down what it found [s]
    seed: int = 0  # of every search: same request, same motion
    restarts: int = 64  # of inverse kinematics
    goals: int = 12  # solutions of inverse kinematics that are tried, nearest first
    step: float = 0.8  # longest edge of the search tree [rad]
    shortcuts: int = 80  # tried on a path that a search has found

    def __post_init__(self) -> None:
        """Refuse values that would find nothing, or nothing safe."""
        for name in ("velocity_scale", "acceleration_scale"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}")
        for name in ("jerk", "period", "extra_margin", "timeout", "step"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0.0):
                raise ValueError(f"{name} must be positive and finite, got {value}")
        if not 0.0 <= self.collision_margin <= 0.1:
            raise ValueError(
                f"collision_margin must be in [0, 0.1] m, got {self.collision_margin} m"
            )
        for name in ("seed", "shortcuts"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        for name in ("restarts", "goals"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
