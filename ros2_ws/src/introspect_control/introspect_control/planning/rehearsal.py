"""A motion as the command guard will see it, before the arm moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from introspect_control.guard import ClearanceWatch, CommandGuard, GuardConfig, Hazard, Verdict

if TYPE_CHECKING:
    from introspect_control.trajectory import Trajectory
    from introspect_description import ArmDescription, JointLimits


def objection(
    trajectory: Trajectory,
    arm: ArmDescription,
    limits: JointLimits,
    period: float,
    hazards: Sequence[Hazard],
) -> str:
    """What a guard would have against a motion; empty where it passes every command unchanged.

    The guard also asks, at every command, whether the arm could come to rest clear of all hazards;
    a joint stops by itself, so that may be beside the path, the farther the faster the motion.

    Args:
        trajectory: with one point each period, from where the guard starts.
        arm: that is to move.
        limits: the guard's envelope.
        period: between two points [s].
        hazards: that the guard keeps clear of.
    """
    guard = CommandGuard(limits, period, GuardConfig(), ClearanceWatch(arm, hazards))
    try:
        guard.start(trajectory.positions[0])
    except ValueError as error:
        return str(error)
    for k, position in enumerate(trajectory.positions[1:], start=1):
        now = k * period
        decision = guard.check(position, now, now)
        if decision.verdict is not Verdict.PASS:
            return f"after {now:.2f} s: {decision.reason}"
    return ""
