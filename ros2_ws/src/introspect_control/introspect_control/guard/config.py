"""How the command guard is set up."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True)
class GuardConfig:
    """What the guard takes for nonsense, and how much of it."""

    max_age: float = 0.1  # of a command, older ones are rejected [s]
    max_lead: float = 0.05  # of a command's stamp before the clock, later ones are rejected [s]
    reject_ratio: float = 4.0  # steps above this many times velocity limit · period are rejected
    rejects_in_a_row: int = 3  # that latch a fault
    reject_time: float = 1.0  # of nothing but rejected commands that latches a fault [s]
    soft_margin: float = 0.1  # before a position limit, where joints are slowed down [rad]
    start_tolerance: float = 0.01  # by which the arm may be off where a motion starts from [rad]

    def __post_init__(self) -> None:
        """Refuse values that would switch the guard off."""
        for name in ("soft_margin", "start_tolerance"):
            value = getattr(self, name)
            if not 0.0 <= value <= 0.5:
                raise ValueError(f"{name} must be in [0, 0.5] rad, got {value}")
        for name in ("max_age", "max_lead", "reject_time"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0.0):
                raise ValueError(f"{name} must be positive and finite, got {value} s")
        if not (isfinite(self.reject_ratio) and self.reject_ratio >= 1.0):
            raise ValueError(f"reject_ratio must be at least 1, got {self.reject_ratio}")
        if self.rejects_in_a_row < 1:
            raise ValueError(f"rejects_in_a_row must be at least 1, got {self.rejects_in_a_row}")
