"""Each fault of the mock arm shows what its line says while it lasts, and then is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from mock_rig import EPOCH, FLAWLESS, PERIOD, MockRig

from introspect_description import ArmDescription
from introspect_sim.mock import FAULTS, ArmState, make_mock_world, read_schedule
from introspect_sim.mock.joint_reports import EXTRA_JOINT, WRONG_PREFIX, JointReport
from introspect_sim.worlds import World

PANDA = ArmDescription.load("panda")
NAMES = (*PANDA.joint_names, *PANDA.gripper.joint_names)
LASTS = 0.3  # a fault in these tests [s]

Array = np.ndarray
Arrivals = list[tuple[float, JointReport]]
Check = Callable[[MockRig], None]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    """The test of the fault that it is named after."""
    CHECKS[function.__name__] = function
    return function


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    pytest.importorskip("mujoco")
    world = make_mock_world(PANDA, "mujoco")
    yield world
    world.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_shows_what_its_line_says_and_ends(world: World, fault: str) -> None:
    assert fault in CHECKS, f"no test of fault {fault}"
    rig = MockRig(world, FLAWLESS)
    rig.run(0.2)

    CHECKS[fault](rig)

    assert not rig.arm.faults(rig.now)
    assert rig.state is ArmState.READY
    rig.run(0.2)
    rig.joints.clear()
    goal = rig.position + 0.05
    rig.send(goal, 0.3)
    rig.run(0.4)
    assert np.abs(rig.position - goal).max() < 5e-3
    assert {report.names for _, report in rig.joints} == {NAMES}
    assert np.diff([report.stamp for _, report in rig.joints]).tolist() == [10_000_000] * 39
    np.testing.assert_array_equal(rig.joints[-1][1].position[:7], rig.position)


def during(rig: MockRig, fault: str, value: float = float("nan")) -> Arrivals:
    """Inject a fault for a time, and return the joint states that came meanwhile."""
    rig.joints.clear()
    rig.inject(fault, value, LASTS)
    rig.run(LASTS - PERIOD)
    came = list(rig.joints)
    rig.run(3 * PERIOD)
    return came


def ages(came: Arrivals) -> Array:
    """How late joint states came [s]."""
    return np.array([at - 1e-9 * (report.stamp - EPOCH) for at, report in came])


# Joint states.


@check
def state_delay(rig: MockRig) -> None:
    came = during(rig, "state_delay", 0.15)
    assert came[0][0] - rig.start == pytest.approx(0.2 + 0.15, abs=0.011)  # nothing before
    np.testing.assert_allclose(ages(came), 0.15, atol=1e-3)
    rig.run(0.3)


@check
def state_jitter(rig: MockRig) -> None:
    late = ages(during(rig, "state_jitter", 0.08))
    assert late.max() > 0.03
    assert late.max() < 0.08 + PERIOD
    assert late.std() > 0.005


@check
def states_frozen(rig: MockRig) -> None:
    rig.send(rig.home + 0.05, 0.3)
    came = during(rig, "states_frozen")
    assert len(came) == 29
    assert len({report.stamp for _, report in came}) == 1
    assert len({report.position.tobytes() for _, report in came}) == 1


@check
def states_stop(rig: MockRig) -> None:
    assert during(rig, "states_stop") == []


@check
def stamp_future(rig: MockRig) -> None:
    np.testing.assert_allclose(ages(during(rig, "stamp_future", 3.0)), -3.0, atol=1e-3)


@check
def stamp_old(rig: MockRig) -> None:
    np.testing.assert_allclose(ages(during(rig, "stamp_old", 3.0)), 3.0, atol=1e-3)


@check
def stamp_zero(rig: MockRig) -> None:
    assert {report.stamp for _, report in during(rig, "stamp_zero")} == {0}


@check
def stamp_jump(rig: MockRig) -> None:
    for by in (-5.0, 10.0):
        del rig.joints[:-1]
        rig.inject("stamp_jump", by)
        rig.run(0.2)
        steps = 1e-9 * np.diff([report.stamp for _, report in rig.joints])
        assert np.sort(steps)[[0, -1]] == pytest.approx(sorted([PERIOD, by + PERIOD]))
        assert (np.abs(steps - PERIOD) > 1e-6).sum() == 1


@check
def state_nan(rig: MockRig) -> None:
    for _, report in during(rig, "state_nan", 3):
        assert np.flatnonzero(np.isnan(report.position)).tolist() == [2]
        assert np.isfinite(report.velocity).all()


@check
def joint_prefix(rig: MockRig) -> None:
    wrong = tuple(WRONG_PREFIX + name for name in NAMES)
    assert {report.names for _, report in during(rig, "joint_prefix")} == {wrong}


@check
def joint_order(rig: MockRig) -> None:
    for _, report in during(rig, "joint_order"):
        assert report.names == NAMES[::-1]
        assert np.abs(report.position[::-1][:7] - rig.home).max() < 1e-3


@check
def joint_missing(rig: MockRig) -> None:
    for _, report in during(rig, "joint_missing", 2):
        assert report.names == (NAMES[0], *NAMES[2:])
        assert len(report.position) == len(report.velocity) == 8


@check
def joint_extra(rig: MockRig) -> None:
    for _, report in during(rig, "joint_extra"):
        assert report.names == (EXTRA_JOINT, *NAMES)
        assert np.abs(report.position[1:8] - rig.home).max() < 1e-3


@check
def degrees(rig: MockRig) -> None:
    for _, report in during(rig, "degrees"):
        assert np.abs(report.position[:7] - np.rad2deg(rig.home)).max() < 0.1
        assert report.position[7:].sum() == pytest.approx(0.08, abs=2e-3)


# Commands.


@check
def command_loss(rig: MockRig) -> None:
    rig.inject("command_loss", 0.5, LASTS)
    for _ in range(200):
        rig.arm.move_gripper(0.08, rig.now)
    assert 70 < rig.arm.lost < 130
    rig.inject("command_loss", 1.0, LASTS)
    rig.send(rig.home + 0.3, 0.3)
    rig.run(LASTS)
    assert np.abs(rig.position - rig.home).max() < 1e-3


@check
def command_latency(rig: MockRig) -> None:
    rig.inject("command_latency", 0.3, LASTS)
    rig.send(rig.home + 0.05, 0.3)
    rig.run(0.3)
    assert np.abs(rig.position - rig.home).max() < 1e-3
    rig.run(0.4)
    assert np.abs(rig.position - rig.home - 0.05).max() < 3e-3


@check
def tracking_error(rig: MockRig) -> None:
    rig.inject("tracking_error", 0.08, 1.2)
    rig.run(1.2)
    np.testing.assert_allclose(rig.position - rig.home, 0.08, atol=3e-3)
    rig.run(1.2)
    assert np.abs(rig.position - rig.home).max() < 3e-3


# The arm's condition.


def swing_through(rig: MockRig, fault: str, lasts: float = LASTS) -> None:
    """Have a fault come in the middle of a motion, and see that it brings the arm to rest."""
    rig.swing()
    rig.inject(fault, duration=lasts)
    rig.run_to_rest()


def recover(rig: MockRig, state: ArmState) -> None:
    """See that the arm is in a state that needs to be ended, and end it."""
    assert rig.state is state
    at_rest = rig.position
    rig.send(rig.home, 0.4)
    rig.run(0.6)
    assert np.abs(rig.position - at_rest).max() < 3e-3
    assert rig.arm.recover().startswith(f"recovered from {state.name}")
    rig.run(0.2)
    assert np.abs(rig.position - at_rest).max() < 3e-3


@check
def reflex(rig: MockRig) -> None:
    swing_through(rig, "reflex", 0.0)
    recover(rig, ArmState.REFLEX)


@check
def emergency_stop(rig: MockRig) -> None:
    swing_through(rig, "emergency_stop")
    rig.run(LASTS)
    recover(rig, ArmState.EMERGENCY_STOP)


@check
def speed_scaling(rig: MockRig) -> None:
    swing_through(rig, "speed_scaling", 0.8)
    assert rig.arm.status.speed_scaling == 0.0
    assert rig.state is ArmState.READY
    rig.run(2.0)
    assert rig.arm.status.speed_scaling == 1.0
    assert rig.position[0] == pytest.approx(rig.home[0] + 0.6, abs=3e-3)


@check
def controller_inactive(rig: MockRig) -> None:
    swing_through(rig, "controller_inactive", 1.0)
    assert rig.state is ArmState.INACTIVE
    at_rest = rig.position
    rig.send(rig.home, 0.2)
    rig.run(1.2)
    assert np.abs(rig.position - at_rest).max() < 3e-3


@check
def trajectory_aborted(rig: MockRig) -> None:
    swing_through(rig, "trajectory_aborted", 0.0)
    assert rig.state is ArmState.READY
    assert rig.arm.status.reason == "the latest trajectory was aborted: a fault was injected"
    assert rig.arm.aborted == 1
    assert abs(rig.position[0] - rig.home[0] - 0.6) > 0.05


@check
def driver_disconnect(rig: MockRig) -> None:
    rig.swing()
    rig.inject("driver_disconnect", duration=LASTS)
    rig.run(PERIOD)
    rig.joints.clear()
    rig.run(LASTS - 2 * PERIOD)
    assert rig.state is ArmState.DISCONNECTED
    assert not rig.joints
    rig.run(0.1)
    assert rig.joints
    recover(rig, ArmState.REFLEX)


# Gripper and camera.


@check
def gripper_stuck(rig: MockRig) -> None:
    rig.arm.move_gripper(0.0, rig.now)
    rig.run(0.3)
    rig.inject("gripper_stuck", duration=0.5)
    rig.run(0.1)
    width = float(rig.world.gripper_width[0])
    rig.run(0.4)
    assert float(rig.world.gripper_width[0]) == pytest.approx(width, abs=1e-3)
    assert 0.03 < width < 0.07
    rig.run(1.0)
    assert float(rig.world.gripper_width[0]) < 0.005


def seen(rig: MockRig, fault: str, value: float = float("nan"), lasts: float = 1.0) -> list[Array]:
    """What the camera shows of the object, which is pushed, while there is a fault."""
    rig.inject(fault, value, lasts)
    rig.run(2 * PERIOD)
    rig.poses.clear()
    rig.arm.scene.push_object(np.array([0.3, 0.0, 0.0]))
    rig.run(lasts - 3 * PERIOD)
    poses = [report.object_pose for _, report in rig.poses if report.object_pose is not None]
    assert len(rig.poses) > 10
    assert len({report.stamp for _, report in rig.poses}) == len(rig.poses)
    rig.run(0.2)
    true = rig.world.object_pose[0, :3]
    assert np.abs(rig.poses[-1][1].object_pose[:3] - true).max() < 1e-6
    return poses


@check
def object_frozen(rig: MockRig) -> None:
    before = rig.world.object_pose[0]
    poses = seen(rig, "object_frozen")
    np.testing.assert_allclose(poses, np.tile(before, (len(poses), 1)), atol=1e-4)
    assert np.linalg.norm(rig.world.object_pose[0, :3] - before[:3]) > 3e-3


@check
def object_lost(rig: MockRig) -> None:
    assert not seen(rig, "object_lost")


@check
def object_noise(rig: MockRig) -> None:
    poses = np.array(seen(rig, "object_noise", 0.02, 1.5))
    assert 0.01 < poses[10:, 1].std() < 0.03


# All of them.


def test_there_is_no_test_of_a_fault_that_does_not_exist() -> None:
    assert set(CHECKS) == set(FAULTS)


def test_a_schedule_counts_from_the_start_of_the_arm(world: World) -> None:
    text = "[{fault: reflex, at: 0.5}, {fault: state_delay, value: 0.3, at: 0.2, duration: 0.1}]"
    rig = MockRig(world, FLAWLESS, schedule=read_schedule(text))

    rig.run(0.19)
    assert not rig.arm.faults(rig.now)
    rig.run(0.02)
    assert [planned.description for planned in rig.arm.faults(rig.now)] == ["state_delay of 0.3 s"]
    rig.run(0.28)
    assert rig.state is ArmState.READY
    rig.run(0.05)
    assert rig.state is ArmState.REFLEX


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("{fault: reflex, at: 1.0}", ArmState.REFLEX),
        ("{fault: emergency_stop, at: 1.0, duration: 2.0}", ArmState.READY),
    ],
)
def test_of_what_was_due_before_the_arm_lives_only_what_takes_no_duration_happens(
    world: World, fault: str, state: ArmState
) -> None:
    rig = MockRig(world, FLAWLESS, schedule=read_schedule(f"[{fault}]"))
    rig.start, rig.now = rig.start + 5.0, rig.now + 5.0
    rig.arm.rest_until(rig.now)  # as while its node is not active

    rig.run(0.1)

    assert rig.state is state


@pytest.mark.parametrize("scheduled", [True, False])
def test_a_fault_shorter_than_a_period_happens_all_the_same(world: World, scheduled: bool) -> None:
    text = "[{fault: emergency_stop, at: 0.001, duration: 0.005}]"
    rig = MockRig(world, FLAWLESS, schedule=read_schedule(text if scheduled else ""))
    if not scheduled:
        rig.arm.inject("emergency_stop", float("nan"), 0.001, 0.005, rig.now)

    rig.run(0.1)

    assert rig.state is ArmState.EMERGENCY_STOP
    assert not rig.arm.faults(rig.now)


@pytest.mark.parametrize("fault", ["object_lost", "object_frozen"])
def test_the_object_counts_as_seen_only_where_a_picture_shows_where_it_is(
    world: World, fault: str
) -> None:
    rig = MockRig(world, FLAWLESS)
    rig.run(0.2)
    rig.inject(fault, duration=0.5)
    rig.run(0.1)
    seen_at = rig.arm.object_seen_at
    assert rig.start < seen_at < rig.now

    rig.run(0.3)
    assert rig.arm.object_seen_at == seen_at
    rig.run(0.2)
    assert rig.arm.object_seen_at > rig.now - 0.1
