"""The arm never comes to rest where it must not be, whatever it is told."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from introspect_control.collision import CollisionModel
from introspect_control.guard import (
    ClearanceWatch,
    CommandGuard,
    GuardState,
    Hazard,
    SelfCollision,
    Verdict,
    Workspace,
)
from introspect_control.guard.clearance import Clearance
from introspect_control.guard.scalar_limiter import ScalarLimiter
from introspect_control.kinematics import KinematicChain
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
CHAIN = KinematicChain(ARM.chain())
ENVELOPE = ARM.limits.scaled(0.5, 0.5, 500.0)
PERIOD = 0.01
BOX = ((0.2, -0.4, 0.05), (0.7, 0.4, 0.6))

Array = NDArray[np.float64]


class Counted:
    """A hazard that counts how often it is measured."""

    def __init__(self, hazard: Hazard) -> None:
        self.hazard, self.calls = hazard, 0

    def clearance(self, position: Array) -> Clearance:
        self.calls += 1
        return self.hazard.clearance(position)


def tool(position: Array) -> Array:
    return np.asarray(CHAIN.forward(position[None])[0][0])


def guard_with(hazard: Hazard) -> CommandGuard:
    return CommandGuard(ENVELOPE, PERIOD, watch=ClearanceWatch(ARM, [hazard]))


def inside(position: Array) -> bool:
    return bool((tool(position) >= BOX[0]).all() and (tool(position) <= BOX[1]).all())


def test_the_position_of_rest_is_where_a_stop_ends() -> None:
    random = np.random.default_rng(3)
    limiter = ScalarLimiter(ENVELOPE, PERIOD)
    for _ in range(50):
        limiter.reset(ARM.home.tolist())
        direction = random.uniform(-1.0, 1.0, 7) * ENVELOPE.velocity * PERIOD
        for _ in range(int(random.integers(1, 60))):
            limiter.step((np.array(limiter.position) + direction).tolist())
        foretold = limiter.rest_position()
        while not limiter.at_rest:
            limiter.stop()

        np.testing.assert_allclose(limiter.position, foretold, atol=2e-3)


def test_no_random_command_brings_the_tool_out_of_its_box() -> None:
    # given
    random = np.random.default_rng(5)
    avoided = 0
    for _ in range(20):
        guard = guard_with(Workspace(CHAIN, *BOX))
        guard.start(ARM.home)
        direction = random.uniform(-1.0, 1.0, 7) * ENVELOPE.velocity * PERIOD

        # when
        for tick in range(400):
            if random.random() < 0.02:
                direction = random.uniform(-1.0, 1.0, 7) * ENVELOPE.velocity * PERIOD
            decision = guard.check(guard.position + direction, tick * PERIOD, tick * PERIOD)
            avoided += decision.verdict is Verdict.AVOID

            # then the path bends by no more than what the joints do while they stop
            outside = np.maximum(BOX[0] - tool(decision.position), 0.0) + np.maximum(
                tool(decision.position) - BOX[1], 0.0
            )
            assert outside.max() < 0.01
    assert avoided > 1000


def test_what_leads_away_is_followed_again_without_rearming() -> None:
    # given an arm that was kept from leaving the box upwards
    guard = guard_with(Workspace(CHAIN, *BOX))
    guard.start(ARM.home)
    up = np.zeros(7)
    up[1] = -0.5 * ENVELOPE.velocity[1] * PERIOD
    reasons = {
        guard.check(guard.position + up, tick * PERIOD, tick * PERIOD).reason for tick in range(600)
    }
    assert any("bring the tool out of z <= 0.6 m" in reason for reason in reasons) or any(
        "bring the tool out of x >= 0.2 m" in reason for reason in reasons
    )
    assert guard.state is GuardState.ACTIVE
    kept = guard.position

    # when
    for tick in range(600, 700):
        guard.check(guard.position - up, tick * PERIOD, tick * PERIOD)

    # then
    assert guard.position[1] > kept[1] + 0.1


def test_an_arm_that_starts_outside_may_move_inwards_but_not_further_out() -> None:
    # given a tool above the box
    start = ARM.home.copy()
    start[1] -= 1.0
    assert not inside(start)
    workspace = Workspace(CHAIN, *BOX)
    guard = guard_with(workspace)
    guard.start(start)
    homeward = np.sign(ARM.home - start) * 0.3 * ENVELOPE.velocity * PERIOD

    # when sent outwards, then inwards
    for tick in range(100):
        guard.check(guard.position - homeward, tick * PERIOD, tick * PERIOD)
    stayed = guard.position
    for tick in range(100, 700):
        guard.check(guard.position + homeward, tick * PERIOD, tick * PERIOD)

    # then
    assert workspace.clearance(stayed).distance > workspace.clearance(start).distance - 0.01
    assert inside(guard.position)


def test_far_from_hazards_little_is_measured() -> None:
    hazard = Counted(Workspace(CHAIN, (-2.0, -2.0, -2.0), (2.0, 2.0, 2.0)))
    guard = guard_with(hazard)
    guard.start(ARM.home)
    step = 0.2 * ENVELOPE.velocity * PERIOD

    for tick in range(200):
        assert guard.check(guard.position + step, tick * PERIOD, tick * PERIOD)

    assert hazard.calls < 20


@pytest.mark.parametrize("arm", ["panda", "fr3", "iiwa14", "gen3", "xarm7"])
def test_what_is_remembered_hides_no_trouble(arm: str) -> None:
    """A watch that measures every time says the same."""
    # given
    description = ArmDescription.load(arm)
    limits, random = description.limits, np.random.default_rng(4)
    chain = KinematicChain(description.chain())
    hazards = [
        Workspace(chain, (-0.4, -0.9, -0.5), (0.9, 0.9, 1.0)),
        SelfCollision(CollisionModel(description, reach=0.06), margin=0.01),
    ]
    counted = [Counted(hazard) for hazard in hazards]
    watch = ClearanceWatch(description, counted)
    told, asked = set(), 0
    for _ in range(10):
        present = description.home.tolist()
        direction = random.uniform(-0.005, 0.005, 7)
        direction[1] += 0.005  # forwards and down
        for _ in range(240):
            # when
            rest = np.clip(present + direction, limits.lower, limits.upper).tolist()
            obstruction = watch.obstruction(present, rest)
            asked += 1

            # then
            assert obstruction == ClearanceWatch(description, hazards).obstruction(present, rest)
            if obstruction:
                break
            present = rest
        told.add(obstruction.partition(":")[0])
    assert {"", "come within 0.01 m"} <= told
    assert counted[1].calls < 0.7 * asked


@pytest.mark.parametrize("arm", ["panda", "fr3", "iiwa14", "gen3", "xarm7"])
def test_no_point_of_the_tool_moves_farther_than_the_levers_allow(arm: str) -> None:
    description = ArmDescription.load(arm)
    chain = KinematicChain(description.chain())
    watch = ClearanceWatch(description, [])
    random = np.random.default_rng(1)
    a = random.uniform(description.limits.lower, description.limits.upper, (500, 7))
    b = a + random.uniform(-0.3, 0.3, a.shape)

    moved = np.linalg.norm(chain.forward(a)[0] - chain.forward(b)[0], axis=1)

    assert (moved <= np.abs(a - b) @ np.array(watch.levers)).all()


def test_a_workspace_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"lower corner \(0, 0, 1\) must be three numbers"):
        Workspace(CHAIN, (0, 0, 1), (1, 1, 1))
