"""What stands between a policy and the arm."""

from introspect_control.guard.command_guard import (
    CommandGuard,
    GuardConfig,
    GuardDecision,
    GuardState,
    Verdict,
)
from introspect_control.guard.scalar_limiter import ScalarLimiter
from introspect_control.guard.watchdog import Watchdog

__all__ = [
    "CommandGuard",
    "GuardConfig",
    "GuardDecision",
    "GuardState",
    "ScalarLimiter",
    "Verdict",
    "Watchdog",
]
