"""The arm bridge and a mock arm together: within the limits the arm never stops by itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from mock_rig import MockRig

from introspect_control.bridge import Action, ArmBridge, JointMap
from introspect_control.guard import GuardState
from introspect_description import ArmDescription
from introspect_sim.mock import ArmState, Manners, make_mock_world
from introspect_sim.worlds import World

ARMS = ("panda", "fr3", "iiwa14", "gen3", "xarm7")
Array = np.ndarray


class Pair:
    """A mock arm, its bridge with a timer that is a little late now and then, and a policy.

    Args:
        world: of the mock arm.
        seed: of all chance.
        stalls: share of the ticks after which the next one to four are missed.
        manners: of the mock arm.
    """

    def __init__(
        self, world: World, seed: int, stalls: float = 0.0, manners: Manners | None = None
    ) -> None:
        self.rig = MockRig(world, manners or Manners(), seed, step=0.001)
        self.bridge = ArmBridge(world.arm)
        self._rng = np.random.default_rng(seed)
        self._stalls = stalls
        self._stamp = self._sequence = self._ticks = self._acted = 0
        self._tick_at = 0.0
        self.twist = np.zeros(6)

    def run(self, seconds: float) -> None:
        """Let both go on, and the policy ask for ``twist``."""
        rig, seen = self.rig, len(self.rig.joints)
        for _ in range(round(seconds / rig.step)):
            rig.run(rig.step)
            for _, report in rig.joints[seen:]:
                self._stamp = report.stamp
                self.bridge.on_joint_state(
                    report.stamp, report.position[:7], report.velocity[:7], rig.now
                )
            seen = len(rig.joints)
            if rig.now >= self._tick_at:
                self._tick()

    def _tick(self) -> None:
        rig = self.rig
        self._ticks += 1
        if self._rng.random() < self._stalls:
            self._ticks += int(self._rng.integers(1, 5))
        self._tick_at = rig.start + 0.01 * self._ticks + self._rng.uniform(0.0, 0.004)
        if self._ticks - self._acted >= 4:
            self._acted = self._ticks
            self._sequence += 1
            linear, angular = self.twist[:3], self.twist[3:]
            action = Action(self._stamp, 1, self._sequence, True, linear, angular, 0.08)
            self.bridge.on_action(action, rig.now)
        trajectory = self.bridge.tick(rig.now).trajectory
        if trajectory is not None:
            rig.arm.follow(rig.description.joint_names, *trajectory, now=rig.now)


@pytest.fixture(scope="module", params=ARMS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    pytest.importorskip("mujoco")
    world = make_mock_world(ArmDescription.load(request.param), "mujoco")
    yield world
    world.close()


def test_within_the_limits_the_arm_never_stops_by_itself_for_what_the_bridge_sends(
    world: World,
) -> None:
    pair, rng = Pair(world, seed=len(world.arm.name)), np.random.default_rng(7)
    pair.run(0.2)
    for _ in range(6):  # wildly, this way and that
        direction = rng.normal(size=6)
        pair.twist = 0.8 * direction / np.linalg.norm(direction)
        pair.run(0.4)

    assert pair.bridge.state is GuardState.ACTIVE
    arm = pair.rig.arm
    assert (arm.status.state, arm.reflexes, arm.aborted) == (ArmState.READY, 0, 0)
    assert (np.abs(pair.rig.velocities) / world.arm.limits.velocity).max() > 0.2


def test_an_arm_never_stops_by_itself_for_a_bridge_that_misses_ticks(world: World) -> None:
    # given an arm that is twice as quick to find fault
    strict = Manners(limit_window=0.5 * Manners().limit_window)
    pair, rng = Pair(world, 3, stalls=0.1, manners=strict), np.random.default_rng(8)
    pair.run(0.2)

    # when
    for _ in range(20):
        direction = rng.normal(size=6)
        pair.twist = 0.8 * direction / np.linalg.norm(direction)
        pair.run(0.12)

    # then
    assert pair.bridge.missed > 20
    assert pair.bridge.state is GuardState.ACTIVE
    assert (pair.rig.arm.status.state, pair.rig.arm.reflexes) == (ArmState.READY, 0)


@pytest.mark.parametrize("world", ["panda"], indirect=True)
def test_a_bridge_that_dies_in_the_middle_of_a_motion_leaves_the_arm_at_rest_and_ready(
    world: World,
) -> None:
    pair = Pair(world, seed=1)
    pair.twist[1] = 0.5
    pair.run(0.8)
    assert np.abs(pair.rig.velocity).max() > 0.3

    stopped = pair.rig.run_to_rest()  # and nobody commands any more

    assert stopped < 0.4
    assert pair.rig.state is ArmState.READY
    assert pair.rig.arm.reflexes == 0


@pytest.mark.parametrize("world", ["panda"], indirect=True)
@pytest.mark.parametrize("fault", ["joint_order", "joint_extra"])
def test_faults_that_are_called_harmless_are(world: World, fault: str) -> None:
    rig = MockRig(world)
    rig.inject(fault)
    rig.send(rig.home + 0.1, 0.2)
    rig.run(0.4)

    report = rig.joints[-1][1]
    position, velocity = JointMap(world.arm.joint_names).read(
        report.names, report.position.tolist(), report.velocity.tolist()
    )
    np.testing.assert_array_equal(position, rig.position)
    np.testing.assert_array_equal(velocity, rig.velocity)
