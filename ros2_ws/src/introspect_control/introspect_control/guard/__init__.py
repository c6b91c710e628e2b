"""What stands between a policy and the arm."""

from introspect_control.guard.clearance import ClearanceWatch, Hazard, SelfCollision, Workspace
from introspect_control.guard.command_guard import CommandGuard
from introspect_control.guard.config import GuardConfig
from introspect_control.guard.decision import GuardDecision, GuardState, Verdict
from introspect_control.guard.scalar_limiter import ScalarLimiter
from introspect_control.guard.watchdog import Watchdog

__all__ = [
    "ClearanceWatch",
    "CommandGuard",
    "GuardConfig",
    "GuardDecision",
    "GuardState",
    "Hazard",
    "ScalarLimiter",
    "SelfCollision",
    "Verdict",
    "Watchdog",
    "Workspace",
]
