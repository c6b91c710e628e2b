"""How a policy at work is set up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExecutorConfig:
    """How periods and episodes run. Times are of joint state stamps, unless wall time is said."""

    period: float = 0.04  # of the policy [s]
    patience: float = 0.02  # longest wait for the choreographer within a period [s]
    decision_timeout: float = 0.2  # without any decision, after which the arm is held [s]
    first_patience: float = 0.1  # after which the first observation is taken anew [s]
    start_timeout: float = 5.0  # longest wait for everything needed to begin [s of wall time]
    silence: float = 2.0  # longest time without newer joint states [s of wall time]
    jump: float = 1.0  # largest step of the stamps that is taken for time going by [s]
    success_periods: int = 10  # in a row at the goal that end an episode

    def __post_init__(self) -> None:
        """Refuse values that no episode could run with."""
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not self.patience < self.period:
            raise ValueError(
                f"patience must be below period {self.period} s, got {self.patience} s"
            )
