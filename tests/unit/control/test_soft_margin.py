"""Close to the end of its range a joint slows down, and only on the way there."""

from __future__ import annotations

import numpy as np
import pytest

from introspect_control.guard import CommandGuard, GuardConfig, Verdict
from introspect_control.guard.soft_margin import SoftMargin
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
ENVELOPE = ARM.limits.scaled(0.5, 0.5, 500.0)
PERIOD, MARGIN = 0.01, 0.1


def margin() -> SoftMargin:
    return SoftMargin(ENVELOPE, PERIOD, MARGIN)


def test_far_from_the_limits_nothing_changes() -> None:
    last = ARM.home.tolist()
    wanted = (ARM.home + 0.9 * ENVELOPE.velocity * PERIOD).tolist()

    assert margin().soften(wanted, last) is wanted


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("upward", [True, False])
def test_the_step_shrinks_in_proportion_to_the_room_that_is_left(
    share: float, upward: bool
) -> None:
    # given every joint at a share of the margin before one of its limits
    room = share * MARGIN
    last = ENVELOPE.upper - room if upward else ENVELOPE.lower + room
    full = ENVELOPE.velocity * PERIOD * (1.0 if upward else -1.0)

    softened = np.array(margin().soften((last + full).tolist(), last.tolist()))

    np.testing.assert_allclose(softened - last, share * full, atol=1e-12)


def test_the_way_back_is_not_slowed_down() -> None:
    last = ENVELOPE.upper.copy()
    wanted = (last - ENVELOPE.velocity * PERIOD).tolist()

    assert margin().soften(wanted, last.tolist()) is wanted


def test_without_a_margin_nothing_changes() -> None:
    last = (ENVELOPE.upper - 1e-6).tolist()
    wanted = ENVELOPE.upper.tolist()

    assert SoftMargin(ENVELOPE, PERIOD, 0.0).soften(wanted, last) is wanted


def test_a_guarded_joint_creeps_into_its_limit_and_says_why() -> None:
    # given a joint sent past its end at full speed
    guard = CommandGuard(ENVELOPE, PERIOD)
    start = ARM.home.copy()
    start[1] = ENVELOPE.upper[1] - 0.5
    guard.start(start)
    target, speeds, rooms, reasons = start.copy(), [], [], set()

    # when
    for tick in range(400):
        target[1] = min(target[1] + ENVELOPE.velocity[1] * PERIOD, ENVELOPE.upper[1])
        target[1] = min(target[1], guard.position[1] + ENVELOPE.velocity[1] * PERIOD)
        decision = guard.check(target, tick * PERIOD, tick * PERIOD)
        rooms.append(ENVELOPE.upper[1] - decision.position[1])
        speeds.append(decision.velocity[1])
        reasons.add((decision.verdict, decision.reason))

    # then in the inner half of the margin it is at most at half of its speed
    room, speed = np.array(rooms), np.array(speeds)
    assert room[-1] < 1e-3
    assert (room >= -1e-9).all()
    assert (Verdict.CLAMP, "close to a position limit") in reasons
    assert speed[room < 0.5 * MARGIN].max() < 0.75 * ENVELOPE.velocity[1]


def test_a_margin_beyond_reason_is_refused() -> None:
    with pytest.raises(ValueError, match=r"soft_margin must be in \[0, 0\.5\] rad, got 0\.6"):
        GuardConfig(soft_margin=0.6)
