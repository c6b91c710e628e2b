"""A mock arm as a whole: it follows, lags, stops and goes on as a real one, in either engine."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from mock_rig import EPOCH, FLAWLESS, PERIOD, MockRig

from introspect_description import ArmDescription
from introspect_sim.commands import CommandError
from introspect_sim.mock import ArmState, Manners, RecoveryError, make_mock_world, read_schedule
from introspect_sim.task_scene import SimulationError
from introspect_sim.worlds import World

PANDA = ArmDescription.load("panda")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    pytest.importorskip("mujoco")
    world = make_mock_world(PANDA, "mujoco")
    yield world
    world.close()


@pytest.fixture(scope="module", params=["mujoco", "pybullet"])
def either(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world in either engine."""
    pytest.importorskip(request.param)
    world = make_mock_world(PANDA, request.param)
    yield world
    world.close()


@pytest.fixture
def rig(world: World) -> MockRig:
    return MockRig(world)


@pytest.fixture
def poor(world: World) -> MockRig:
    """An arm with the default manners."""
    return MockRig(world, Manners())


def test_it_holds_its_home_posture_until_it_is_told_to_move(rig: MockRig) -> None:
    rig.run(0.5)

    assert np.abs(rig.position - rig.home).max() < 1e-3
    assert rig.state is ArmState.READY
    assert len(rig.joints) == 50


def test_joint_states_come_at_the_controllers_rate_with_names_and_what_is_measured(
    rig: MockRig,
) -> None:
    rig.send(rig.home + 0.1, 0.3)
    rig.run(0.5)

    stamps = np.array([report.stamp for _, report in rig.joints])
    assert (np.diff(stamps) == 10_000_000).all()
    latest = rig.joints[-1][1]
    assert latest.names == (*PANDA.joint_names, *PANDA.gripper.joint_names)
    np.testing.assert_array_equal(latest.position[:7], rig.position)
    np.testing.assert_array_equal(latest.velocity[:7], rig.velocity)
    assert latest.position[7:].sum() == pytest.approx(rig.world.gripper_width[0], abs=1e-3)


def test_a_trajectory_in_any_order_of_joints_is_followed_from_when_it_arrives(
    either: World,
) -> None:
    rig = MockRig(either)
    wanted = rig.home + 0.05 * np.arange(7)
    rig.run(0.5)

    rig.send(wanted[::-1], 0.5, PANDA.joint_names[::-1])

    rig.run(0.25)
    assert np.abs(rig.position - 0.5 * (rig.home + wanted)).max() < 0.02
    rig.run(0.4)
    assert np.abs(rig.position - wanted).max() < 3e-3


def test_unknown_joints_are_refused_at_once_with_both_lists(rig: MockRig) -> None:
    with pytest.raises(CommandError) as refusal:
        rig.send(rig.home, names=[name.replace("panda", "fr3") for name in PANDA.joint_names])

    assert "fr3_joint1" in str(refusal.value)
    assert ", ".join(PANDA.joint_names) in str(refusal.value)


def first_motion(rig: MockRig) -> float:
    """How long after a command the arm moves [s]."""
    rig.run(0.3)
    rig.velocities.clear()
    rig.send(rig.home + 0.2, 0.4)
    rig.run(0.3)
    return PERIOD * int(np.argmax(np.abs(rig.velocities).max(axis=1) > 0.05))


def test_commands_take_their_time(world: World) -> None:
    late = Manners(**{**vars(FLAWLESS), "command_latency": 0.1})

    assert first_motion(MockRig(world, late)) == pytest.approx(
        first_motion(MockRig(world)) + 0.1, abs=0.011
    )


def test_joint_states_take_their_time_and_carry_the_stamp_of_the_arms_own_clock(
    world: World,
) -> None:
    changed = {
        "state_latency": 0.03,
        "state_jitter": 0.02,
        "clock_offset": 2.0,
        "clock_drift": 0.01,
    }
    rig = MockRig(world, Manners(**{**vars(FLAWLESS), **changed}), step=0.001)

    rig.run(2.0)

    arrival = np.array([at for at, _ in rig.joints])
    stamp = np.array([1e-9 * (report.stamp - EPOCH) for _, report in rig.joints])
    taken = rig.start + (stamp - 2.0 - rig.start) / 1.01  # by the host's clock
    latency = arrival - taken
    assert latency.min() >= 0.03 - 1e-6
    assert latency.max() <= 0.05 + 0.001
    assert latency.std() > 0.003
    assert (np.diff(stamp) > 0.0).all()


def test_the_arm_lags_behind_its_trajectory_and_stands_beside_its_goal(world: World) -> None:
    def errors(**changes: float) -> tuple[float, float]:
        rig = MockRig(world, Manners(**{**vars(FLAWLESS), **changes}))
        rig.send(rig.home + 0.4, 0.8)
        rig.run(0.4)
        moving = float((rig.home + 0.2 - rig.position).max())
        rig.run(1.0)
        return moving, float(np.abs(rig.position - rig.home - 0.4).max())

    behind, beside = errors()
    lagging, _ = errors(tracking_lag=0.05)
    _, off = errors(static_error=0.02)

    assert lagging - behind == pytest.approx(0.05 * 0.75, rel=0.2)  # lag · speed
    assert beside < 2e-3
    assert 5e-3 < off <= 0.021


def test_the_same_seed_gives_the_same_episode_and_another_one_another(either: World) -> None:
    def episode(seed: int) -> list[bytes]:
        rig = MockRig(either, Manners(), seed, read_schedule("[{fault: command_loss, at: 0.2}]"))
        for k in range(20):
            rig.send(rig.home + 0.02 * np.sin(k + np.arange(7)), 0.2)
            rig.arm.move_gripper(0.004 * k, rig.now)
            rig.run(0.05)
        states = [np.r_[at, r.stamp, r.position, r.velocity].tobytes() for at, r in rig.joints]
        poses = [np.r_[at, r.stamp, r.object_pose, r.goal].tobytes() for at, r in rig.poses]
        return states + poses

    assert episode(3) == episode(3)
    assert episode(3) != episode(4)


def test_it_does_not_matter_how_often_one_looks(world: World) -> None:
    def states(step: float) -> list[bytes]:
        rig = MockRig(world, Manners(), step=step)
        rig.send(rig.home + 0.1, 0.2)
        rig.run(0.5)
        return [report.position.tobytes() for _, report in rig.joints][:45]

    assert states(0.01) == states(0.0025) == states(0.05)


def test_time_that_the_machine_was_too_slow_for_is_skipped_and_counted(rig: MockRig) -> None:
    rig.run(0.1)
    rig.start += 30.0
    rig.joints.clear()

    rig.run(PERIOD)

    assert rig.arm.skipped == pytest.approx(29.0, abs=0.05)
    assert len(rig.joints) == pytest.approx(100, abs=2)
    stamps = np.array([report.stamp for _, report in rig.joints])
    assert (np.diff(stamps) > 0).all()


# Stops.

STOPS = ("emergency_stop", "reflex", "controller_inactive", "driver_disconnect")


@pytest.mark.parametrize("stop", [*STOPS, "trajectory_aborted", "speed_scaling", "tracking_error"])
@pytest.mark.parametrize("manners", [FLAWLESS, Manners()], ids=["flawless", "poor"])
def test_nothing_that_happens_makes_the_arm_jump(world: World, stop: str, manners: Manners) -> None:
    rig = MockRig(world, manners)
    rig.swing()

    momentary = stop in ("reflex", "trajectory_aborted")
    rig.inject(stop, duration=0.0 if momentary else 0.3)
    rig.run(0.1)
    rig.send(rig.position + 0.1, 0.6)  # whoever commands goes on
    rig.run(0.7)
    if rig.state is not ArmState.READY:
        rig.run_to_rest()
        rig.arm.recover()
    rig.run(0.5)

    assert rig.state is ArmState.READY
    assert rig.largest_jump() < 1.4


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_brakes_with_all_the_arm_has_and_then_ignores_commands(
    rig: MockRig, stop: str
) -> None:
    rig.swing()
    fastest = (np.abs(rig.velocity) / PANDA.limits.acceleration).max()

    rig.inject(stop)

    assert rig.run_to_rest() < fastest + 0.12
    at_rest = rig.position
    rig.send(rig.home, 0.5)
    rig.run(1.0)
    assert np.abs(rig.position - at_rest).max() < 2e-3
    assert rig.arm.ignored + rig.arm.lost == 1


def test_after_recovery_the_arm_holds_where_it_is_until_a_new_command_comes(poor: MockRig) -> None:
    poor.swing()
    poor.arm.press_emergency_stop(True)
    poor.run_to_rest()
    at_rest = poor.position
    with pytest.raises(RecoveryError, match="still pressed"):
        poor.arm.recover()

    poor.arm.press_emergency_stop(False)
    assert poor.state is ArmState.EMERGENCY_STOP
    poor.arm.recover()
    poor.run(1.0)

    assert poor.state is ArmState.READY
    assert np.abs(poor.position - at_rest).max() < 3e-3
    poor.send(poor.home, 1.0)
    poor.run(1.5)
    assert np.abs(poor.position - poor.home).max() < 6e-3


def test_an_arm_that_still_moves_is_not_recovered(rig: MockRig) -> None:
    rig.swing()
    rig.inject("reflex")
    rig.run(2 * PERIOD)

    with pytest.raises(RecoveryError, match="still moves; wait until it is at rest"):
        rig.arm.recover()


@pytest.mark.parametrize(
    ("joint", "by", "seconds", "reason"),
    [
        (0, 2.5, 0.01, "panda_joint1 was sent at"),
        (0, 0.08, 0.01, "panda_joint1 was accelerated with"),
        (6, 2.4, 3.0, "its limits are [-2.8973, 2.8973] rad"),
    ],
    ids=["velocity", "acceleration", "position"],
)
def test_commands_beyond_its_limits_make_the_arm_stop_by_itself_and_say_why(
    poor: MockRig, joint: int, by: float, seconds: float, reason: str
) -> None:
    poor.send(poor.home + by * np.eye(7)[joint], seconds)

    poor.run(seconds + 0.5)

    assert poor.state is ArmState.REFLEX
    assert reason in poor.arm.status.reason
    assert poor.arm.reflexes == 1
    assert np.abs(poor.velocity).max() < 0.01
    lower, upper = PANDA.limits.lower, PANDA.limits.upper
    assert ((poor.position > lower - 0.05) & (poor.position < upper + 0.05)).all()
    poor.arm.recover()
    poor.run(0.3)
    assert poor.state is ArmState.READY


def test_at_speed_zero_the_trajectory_stands_still_and_then_goes_on_as_if_nothing_had_been(
    rig: MockRig,
) -> None:
    goal = rig.home + 0.5
    rig.send(goal, 1.2)
    rig.run(0.6)

    rig.inject("speed_scaling", 0.0, duration=2.0)
    assert rig.run_to_rest() < 0.5
    assert rig.arm.status.speed_scaling == 0.0
    assert rig.state is ArmState.READY
    standing = rig.position
    rig.run(1.0)
    assert np.abs(rig.position - standing).max() < 2e-3
    assert np.abs(rig.position - goal).max() > 0.1
    rig.run(2.0)

    assert np.abs(rig.position - goal).max() < 3e-3
    assert rig.arm.status.speed_scaling == 1.0
    assert rig.largest_jump() < 1.4


def test_at_half_speed_a_trajectory_takes_twice_as_long(rig: MockRig) -> None:
    rig.inject("speed_scaling", 0.5)
    rig.run(0.1)
    rig.send(rig.home + 0.4, 1.0)

    rig.run(1.0)
    assert np.abs(rig.position - rig.home - 0.2).max() < 0.03
    rig.run(1.1)
    assert np.abs(rig.position - rig.home - 0.4).max() < 3e-3


def test_a_trajectory_that_the_arm_cannot_keep_up_with_is_aborted_and_the_next_one_followed(
    world: World,
) -> None:
    rig = MockRig(world, Manners(**{**vars(FLAWLESS), "path_tolerance": 0.02, "tracking_lag": 0.1}))
    rig.send(rig.home + 0.4, 0.8)
    rig.run(0.8)

    assert rig.arm.aborted == 1
    assert rig.state is ArmState.READY
    assert "from its trajectory, tolerance 0.02" in rig.arm.status.reason
    rig.run_to_rest()
    rig.send(rig.position + 0.01, 1.0)
    rig.run(1.5)
    assert rig.arm.status.reason == ""
    assert rig.arm.aborted == 1


# The gripper, the table, the camera.


def test_the_gripper_is_slow_late_and_told_now_and_then(poor: MockRig) -> None:
    poor.run(0.2)
    poor.joints.clear()
    sent = poor.now
    poor.arm.move_gripper(0.0, poor.now)
    poor.run(1.2)

    widths = np.array([report.position[7:].sum() for _, report in poor.joints])
    times = np.array([at for at, _ in poor.joints]) - sent
    assert widths[times < 0.05].min() > 0.078
    assert widths[-1] < 0.005
    assert -np.diff(widths).min() < 0.1 * (1 / 30 + PERIOD) + 2e-3  # its speed, its rate
    repeated = np.mean(np.diff(widths[(times > 0.2) & (times < 0.6)]) == 0.0)
    assert 0.5 < repeated < 0.8  # told at 30 Hz in states of 100 Hz


def test_the_force_is_there_while_the_gripper_holds_the_object(rig: MockRig) -> None:
    grasp(rig)

    assert rig.arm.gripper_force == PANDA.gripper.grip_force
    rig.arm.move_gripper(0.08, rig.now)
    rig.run(0.5)
    assert rig.arm.gripper_force == 0.0


def grasp(rig: MockRig) -> None:
    """Have the object in the gripper, above the table."""
    tool, _ = rig.arm._chain.forward(rig.position[None])
    pose = np.r_[tool[0], 0.0, 0.0, 0.0, 1.0]
    rig.arm.move_gripper(0.0, rig.now)
    for _ in range(120):  # by the hand of somebody
        rig.world.set_object_pose(np.zeros(1, dtype=np.int64), pose[None])
        rig.run(PERIOD)
    rig.run(0.3)
    assert rig.world.object_pose[0, 2] > 0.2, "the object fell"


def test_a_reset_moves_object_and_goal_and_not_the_arm_even_what_the_gripper_holds(
    either: World,
) -> None:
    rig = MockRig(either)
    grasp(rig)
    before, goal = rig.position, rig.arm.scene.goal

    assert rig.arm.reset(7) == "start of seed 7; the arm stays where it is"
    rig.run(0.5)

    np.testing.assert_allclose(rig.world.object_pose[0], rig.arm.scene.object_start, atol=2e-3)
    assert rig.world.object_pose[0, 2] < 0.03
    assert not np.array_equal(goal, rig.arm.scene.goal)
    assert np.abs(rig.position - before).max() < 3e-3
    assert rig.arm.reset() == "next start; the arm stays where it is"


def test_a_reset_under_the_gripper_is_refused_and_nothing_is_changed(rig: MockRig) -> None:
    low = np.array([0.0, 0.266, 0.0, -2.495, 0.0, 2.761, 0.785])  # tool at (0.47, 0, 0.08)
    rig.send(low, 1.0)
    rig.run(1.2)
    start = rig.arm.scene.start
    place = np.array([0.47, 0.0, 0.02])
    seeds = range(200)
    under = next(
        seed for seed in seeds if np.linalg.norm(start(seed).object_pose[0, :3] - place) < 0.05
    )
    before, goal = rig.world.object_pose, rig.arm.scene.goal

    with pytest.raises(
        SimulationError, match=r"m from where the object is to lie, less than 0\.1 m"
    ):
        rig.arm.reset(under)

    np.testing.assert_array_equal(rig.world.object_pose, before)
    np.testing.assert_array_equal(rig.arm.scene.goal, goal)
    with pytest.raises(SimulationError, match="seed must be 0 or more"):
        rig.arm.reset(-2)


def test_a_drop_opens_the_gripper_for_a_moment(rig: MockRig) -> None:
    rig.arm.move_gripper(0.0, rig.now)
    rig.run(1.2)

    rig.arm.drop_object(rig.now)

    rig.run(0.3)
    assert rig.world.gripper_width[0] > 0.02
    rig.run(0.8)
    assert rig.world.gripper_width[0] < 0.01


def test_poses_come_at_the_cameras_rate_late_noisy_and_with_the_hosts_stamps(
    poor: MockRig,
) -> None:
    poor.run(3.0)

    at = np.array([at for at, _ in poor.poses])
    seen = np.array([1e-9 * (report.stamp - EPOCH) for _, report in poor.poses])
    assert len(poor.poses) == pytest.approx(90, abs=3)
    assert (at - seen).min() > 0.03 - 1e-6
    assert (at - seen).max() < 0.04 + PERIOD
    position = np.array([report.object_pose[:3] for _, report in poor.poses])
    turn = np.array([report.object_pose[3:] for _, report in poor.poses])
    goals = np.array([report.goal for _, report in poor.poses])
    np.testing.assert_allclose(position.std(axis=0), 0.002, rtol=0.4)
    np.testing.assert_allclose(goals.std(axis=0), 0.002, rtol=0.4)
    np.testing.assert_allclose(position.mean(axis=0), poor.world.object_pose[0, :3], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(turn, axis=1), 1.0)
    assert 0.01 < 2.0 * np.arcsin(turn[:, 2]).std() < 0.03


def test_broken_physics_leaves_the_arm_where_it_was_in_a_reflex(
    rig: MockRig, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(tmp_path))  # MuJoCo leaves a log where it runs
    rig.send(rig.home + 0.2, 0.5)
    rig.run(1.0)
    before = rig.position
    pose = np.array([[float("nan"), 0.0, 0.02, 0.0, 0.0, 0.0, 1.0]])
    rig.world.set_object_pose(np.zeros(1, dtype=np.int64), pose)

    rig.run(0.3)

    assert rig.arm.diverged == 1
    assert rig.state is ArmState.REFLEX
    assert np.abs(rig.position - before).max() < 0.01
    assert np.isfinite(rig.world.object_pose).all()
