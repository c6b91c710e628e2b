"""A motion as the bridge's command guard will see it, before the arm moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from introspect_control.guard import ClearanceWatch, CommandGuard, GuardConfig, Hazard, Verdict

if TYPE_CHECKING:
    from introspect_control.trajectory import Trajectory
    from introspect_description import ArmDescription, JointLimits


class Objection(NamedTuple):
    """What a guard has against a motion."""

    point: int  # of the trajectory, the first that would not be passed unchanged
    reason: str


def objection(
    trajectory: Trajectory,
    arm: ArmDescription,
    limits: JointLimits,
    period: float,
    hazards: Sequence[Hazard],
    coast: float,
) -> Objection | None:
    """What a guard would have against a motion; None where it passes every command unchanged.

    The guard also asks, at every command, whether the arm could come to rest clear of all hazards:
    by the hardest stop, where a joint stops by itself, so beside the path, the farther the faster
    the motion; and where it comes to rest if commands cease, which is ahead, beyond the end, too.

    Args:
        trajectory: with one point each period, from where the guard starts.
        arm: that is to move.
        limits: the guard's envelope.
        period: between two points [s].
        hazards: that the guard keeps clear of.
        coast: time for which the arm goes on at its velocity if commands cease [s].
    """
    guard = CommandGuard(limits, period, GuardConfig(), ClearanceWatch(arm, hazards), coast)
    try:
        guard.start(trajectory.positions[0])
    except ValueError as error:
        return Objection(0, str(error))
    for k, position in enumerate(trajectory.positions[1:], start=1):
        now = k * period
        decision = guard.check(position, now, now)
        if decision.verdict is not Verdict.PASS:
            return Objection(k, f"after {now:.2f} s: {decision.reason}")
    return None
