"""A planned trajectory goes through the bridge's guard, from where the arm is to rest."""

from __future__ import annotations

import re

import numpy as np
import pytest
from arm_rig import ARM, PERIOD, Rig
from numpy.typing import NDArray

from introspect_control import KinematicChain
from introspect_control.bridge import MotionOutcome
from introspect_control.guard import GuardState
from introspect_control.planning import BuiltinPlanner, JointGoal
from introspect_control.trajectory import Trajectory

Array = NDArray[np.float64]
END = ARM.home + np.array([0.3, 0.1, -0.2, 0.1, 0.0, 0.0, 0.4])


def smooth(start: Array, end: Array, duration: float = 3.0, points: int = 60) -> Trajectory:
    """From rest to rest, ``10 s³ - 15 s⁴ + 6 s⁵``."""
    s = np.linspace(0.0, 1.0, points + 1)
    way = 10 * s**3 - 15 * s**4 + 6 * s**5
    speed = (30 * s**2 - 60 * s**3 + 30 * s**4) / duration
    return Trajectory(
        s * duration, start + np.outer(way, end - start), np.outer(speed, end - start)
    )


@pytest.fixture(params=[False, True], ids=["timer", "lockstep"])
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(lockstep=request.param)


def run_to_end(rig: Rig, seconds: float = 6.0) -> MotionOutcome:
    for _ in range(round(seconds / PERIOD)):
        rig.run(1, policy=False)
        if (outcome := rig.bridge.take_outcome()) is not None:
            return outcome
    raise AssertionError(f"no outcome after {seconds} s: {rig.bridge.status()}")


def test_a_trajectory_is_followed_to_its_end_and_leaves_the_bridge_idle(rig: Rig) -> None:
    # when
    assert rig.bridge.follow(smooth(ARM.home, END), rig.now, 0.02) == ""
    outcome = run_to_end(rig)

    # then
    assert outcome.success, outcome
    assert outcome.final_error < 1e-3
    np.testing.assert_allclose(rig.arm.sample(rig.now)[0], END, atol=1e-3)
    assert rig.bridge.state is GuardState.IDLE
    assert rig.bridge.status().clamped == 0
    assert rig.widths[0] == 0.02
    assert rig.bridge.take_outcome() is None


def test_the_policy_is_not_followed_meanwhile_and_may_go_on_afterwards(rig: Rig) -> None:
    rig.bridge.follow(smooth(ARM.home, END), rig.now)
    rig.run(100)
    assert rig.bridge.refusal == "the arm is following a trajectory"
    rig.act(rig.hold())
    assert run_to_end(rig).success

    rig.run(20)

    assert rig.bridge.state is GuardState.ACTIVE


def test_a_trajectory_is_refused_while_the_policy_moves_the_arm(rig: Rig) -> None:
    rig.run(60)

    problem = rig.bridge.follow(smooth(ARM.home, END), rig.now)

    assert problem == "the arm is following actions"
    assert rig.bridge.state is GuardState.ACTIVE


def test_progress_grows_from_nothing_to_all(rig: Rig) -> None:
    assert rig.bridge.progress is None
    rig.bridge.follow(smooth(ARM.home, END), rig.now)

    seen = []
    for _ in range(300):
        rig.run(1, policy=False)
        seen.append(rig.bridge.progress)

    numbers = [value for value in seen if value is not None]
    assert numbers == sorted(numbers)
    assert numbers[0] < 0.01
    assert numbers[-1] > 0.99


@pytest.mark.parametrize(
    ("trajectory", "problem"),
    [
        (
            smooth(ARM.home + 0.02, END),
            r"it starts with panda_joint\d at .* rad, the arm has it at .* 0.01 rad away",
        ),
        (smooth(ARM.home, END, duration=0.2), r"panda_joint\d would move at .* the bridge allows"),
        (
            smooth(ARM.home, END + 9.0, duration=60.0),
            r"panda_joint\d would be at .* its limits are",
        ),
        (smooth(ARM.home, END)._replace(velocities=np.ones((61, 7))), r"must be at rest"),
        (smooth(ARM.home, END)._replace(times=np.zeros(61)), r"times must increase"),
        (smooth(ARM.home, END * np.nan), r"at nan rad"),
        (smooth(ARM.home, END, duration=700.0), r"it lasts 700 s, the longest is 600 s"),
        (Trajectory(np.zeros(0), np.zeros((0, 7)), np.zeros((0, 7))), r"times must be"),
    ],
    ids=["elsewhere", "fast", "outside", "no rest", "times", "nan", "long", "empty"],
)
def test_what_is_no_trajectory_for_this_arm_is_refused_with_the_reason(
    trajectory: Trajectory, problem: str
) -> None:
    rig = Rig()
    rig.run(5, policy=False)

    answer = rig.bridge.follow(trajectory, rig.now)

    assert answer.startswith("trajectory refused: ")
    assert re.search(problem, answer), answer
    assert rig.bridge.state is GuardState.IDLE
    assert rig.trajectories == []


@pytest.mark.parametrize("share", [0.2, 0.5, 0.7])
def test_a_velocity_that_jumps_within_its_limit_is_refused(share: float) -> None:
    """The guard would clamp it: the arm would not move as it was asked to."""
    # given a joint that moves evenly from the first moment to the last
    rig = Rig()
    limit = rig.bridge.config.servo.velocity_scale * ARM.limits.velocity[0]
    times = np.linspace(0.5, 1.0, 11)
    jump = Trajectory(times, np.tile(ARM.home, (11, 1)), np.zeros((11, 7)))
    jump.positions[:, 0] += share * limit * (times - 0.5)
    jump.velocities[:-1, 0] = share * limit
    rest = Trajectory(np.array([0.49]), ARM.home[None], np.zeros((1, 7)))

    # when
    answer = rig.bridge.follow(
        Trajectory(*(np.concatenate(parts) for parts in zip(rest, jump, strict=True))), rig.now
    )

    # then
    allowed = rig.bridge.config.servo.acceleration_scale * ARM.limits.acceleration[0]
    assert re.fullmatch(
        r"trajectory refused: panda_joint1 would accelerate at \d+\.\d\d rad/s² after "
        rf"0\.\d\d s; the bridge allows {allowed:.2f} rad/s²",
        answer,
    ), answer


@pytest.mark.parametrize("points", [4, 60, 1000])
def test_a_smooth_trajectory_near_its_acceleration_limit_is_followed_unclamped(points: int) -> None:
    """However many points it is written down with."""
    rig = Rig()
    allowed = rig.bridge.config.servo.acceleration_scale * ARM.limits.acceleration
    way = 0.05 * np.ones(7)
    duration = float(np.sqrt(5.774 * way / (0.9 * allowed)).max())
    if points < 10:  # cubics between few points go faster
        duration *= 1.1

    assert rig.bridge.follow(smooth(ARM.home, ARM.home + way, duration, points), rig.now) == ""
    assert run_to_end(rig).success
    assert rig.bridge.status().clamped == 0


def test_a_planned_motion_at_full_speed_is_followed_unclamped() -> None:
    pytest.importorskip("ruckig")
    rig = Rig()
    end = ARM.home + np.array([1.2, 0.2, -0.5, -0.2, 0.3, 0.2, 0.8])
    motion = BuiltinPlanner(ARM).plan(ARM.home, JointGoal(end))

    assert rig.bridge.follow(motion.trajectory, rig.now) == ""
    assert run_to_end(rig).success
    assert rig.bridge.status().clamped == 0


def test_a_cancelled_trajectory_has_ended_once_the_arm_is_at_rest_without_a_fault(
    rig: Rig,
) -> None:
    rig.bridge.follow(smooth(ARM.home, END), rig.now)
    rig.run(150, policy=False)

    rig.bridge.cancel("cancelled")
    assert rig.bridge.state is GuardState.STOPPING
    assert rig.bridge.take_outcome() is None
    outcome = run_to_end(rig)

    assert rig.bridge.state is GuardState.IDLE
    rig.run(30, policy=False)
    far = np.abs(rig.arm.sample(rig.now)[0] - END).max()
    assert outcome == MotionOutcome(False, pytest.approx(far, abs=2e-3), "cancelled")
    assert far > 0.05


def test_a_trajectory_that_is_cancelled_while_its_end_is_waited_for_has_ended_at_once() -> None:
    # given an arm that does not get there
    rig = Rig()
    rig.bridge.follow(smooth(ARM.home, END), rig.now)
    rig.run(200, policy=False)
    rig.offset = np.full(7, 0.05)
    rig.run_until(GuardState.IDLE)
    assert rig.bridge.take_outcome() is None

    # when
    rig.bridge.cancel("cancelled")

    # then
    outcome = rig.bridge.take_outcome()
    assert outcome == MotionOutcome(False, pytest.approx(0.05, abs=1e-3), "cancelled")


def test_a_trajectory_has_ended_when_the_bridge_falls_silent(rig: Rig) -> None:
    rig.bridge.follow(smooth(ARM.home, END), rig.now)
    rig.run(150, policy=False)

    rig.bridge.fall_silent("the arm bridge was deactivated")

    outcome = rig.bridge.take_outcome()
    assert outcome is not None
    assert (outcome.success, outcome.message) == (False, "the arm bridge was deactivated")
    assert rig.bridge.progress is None


def test_a_stop_ends_a_trajectory_and_tells_its_reason(rig: Rig) -> None:
    rig.bridge.follow(smooth(ARM.home, END), rig.now)
    rig.run(150, policy=False)

    rig.bridge.stop("stopped by guard/stop")
    outcome = run_to_end(rig)

    assert not outcome.success
    assert outcome.message == "stopped by guard/stop"
    assert rig.bridge.state is GuardState.FAULT


def test_a_trajectory_into_the_table_stops_before_it_without_a_fault(rig: Rig) -> None:
    # given a way from home straight down through the table's top
    down = ARM.home.copy()
    down[1] += 0.8
    down[3] -= 0.1

    # when
    assert rig.bridge.follow(smooth(ARM.home, down), rig.now) == ""
    outcome = run_to_end(rig)

    # then
    assert not outcome.success
    assert "the trajectory is given up" in outcome.message
    assert "table" in outcome.message or "z >= 0 m" in outcome.message
    rig.run_until(GuardState.IDLE)
    # and back is free
    back = smooth(rig.arm.sample(rig.now)[0], ARM.home)
    rig.run(5, policy=False)
    assert rig.bridge.follow(back, rig.now) == ""
    assert run_to_end(rig).success


def test_an_arm_that_does_not_get_there_is_told_of() -> None:
    rig = Rig()
    rig.bridge.follow(smooth(ARM.home, END), rig.now)
    rig.run(200, policy=False)
    rig.offset = np.full(7, 0.05)

    outcome = run_to_end(rig)

    assert not outcome.success
    assert "stayed 0.050 rad away from the end" in outcome.message


def test_an_arm_whose_speed_scaling_is_nothing_stops_and_starts_anew_where_it_is(rig: Rig) -> None:
    # given
    rig.run(60)
    rig.bridge.on_speed_scaling(0.0, rig.now)
    assert rig.bridge.state is GuardState.IDLE
    assert "speed scaling is 0%" in rig.bridge.status().reason

    # when it goes on somewhere else
    rig.run(20)
    rig.arm.reset(rig.arm.sample(rig.now)[0] - 0.05)
    rig.bridge.on_speed_scaling(1.0, rig.now)
    before = len(rig.trajectories)
    rig.run(12)
    assert "bringing its latest trajectory to an end" in rig.bridge.refusal
    rig.run(60)

    # then it starts from there
    assert rig.bridge.state is GuardState.ACTIVE
    first = rig.trajectories[before]
    assert np.abs(first.positions[0] - rig.arm.sample(rig.now)[0]).max() < 0.02


def test_half_the_speed_scaling_is_half_the_speed() -> None:
    speeds = []
    for share in (1.0, 0.5):
        rig = Rig()
        rig.bridge.on_speed_scaling(share, rig.now)
        rig.run(100)
        speeds.append(np.linalg.norm(rig.sent[-1].linear))

    assert speeds[1] == pytest.approx(0.5 * speeds[0], rel=0.05)


def test_the_findings_name_all_that_was_looked_at() -> None:
    rig = Rig()
    rig.bridge.unblock("publishers")
    rig.bridge.block("arm", "the arm is inactive: switched away")

    findings = {finding.what: finding.problem for finding in rig.bridge.findings(rig.now)}

    assert findings == {
        "publishers": "",
        "arm": "the arm is inactive: switched away",
        "joint states": "",
        "state rate": "",
        "at rest": "",
        "guard": "",
    }


@pytest.mark.parametrize("offset", [1e-3, 3e-3, 9e-3])
def test_a_trajectory_that_starts_slightly_elsewhere_is_led_in_to_unclamped(offset: float) -> None:
    """A planner starts from the measured joints, the guard from its last command."""
    rig = Rig()
    rig.bridge.follow(smooth(ARM.home, END), rig.now)
    assert run_to_end(rig).success
    before = rig.bridge.status()

    # when the next one is planned from where the arm seems to be
    rig.run(5, policy=False)
    elsewhere = END + offset * np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0])
    assert rig.bridge.follow(smooth(elsewhere, ARM.home), rig.now) == ""
    assert run_to_end(rig).success

    # then
    after = rig.bridge.status()
    assert (after.clamped, after.rejected) == (before.clamped, before.rejected)
    np.testing.assert_allclose(rig.arm.sample(rig.now)[0], ARM.home, atol=1e-3)


def test_a_gripper_width_that_is_no_number_is_refused() -> None:
    rig = Rig()

    problem = rig.bridge.follow(smooth(ARM.home, END), rig.now, np.nan)

    assert problem == "trajectory refused: its gripper width is nan m"


def test_a_motion_waits_for_an_arm_that_missed_ticks_fell_behind() -> None:
    # given a motion at its limits, and a machine that is busy while it accelerates
    pytest.importorskip("ruckig")
    rig = Rig()
    end = ARM.home + np.array([1.2, 0.2, -0.5, -0.2, 0.3, 0.2, 0.8])
    motion = BuiltinPlanner(ARM).plan(ARM.home, JointGoal(end))
    assert rig.bridge.follow(motion.trajectory, rig.now) == ""
    random = np.random.default_rng(5)

    # when
    for _ in range(30):
        rig.run(int(random.integers(1, 4)), policy=False)
        rig.run(int(random.integers(1, 5)), policy=False, ticks=False)
    outcome = run_to_end(rig)

    # then
    assert rig.bridge.missed > 50
    assert outcome.success, outcome.message
    assert rig.bridge.status().rejected == 0


def test_after_an_abort_the_bridge_begins_where_the_arm_has_stopped() -> None:
    """Not at its last command, however near: nobody holds that any more."""
    # given an arm that braked a little before where its trajectory would have ended
    rig = Rig()
    rig.run(100)
    rig.bridge.on_abort("given up")
    stopped = rig.trajectories[-1].positions[-1] - 0.005
    rig.arm.reset(stopped)
    rig.run(30, policy=False)
    count = len(rig.trajectories)

    # when it goes on
    rig.run(8)

    # then
    assert len(rig.trajectories) > count
    assert np.abs(rig.trajectories[count].positions[0] - stopped).max() < 0.002


@pytest.mark.parametrize("speed", [0.02, 0.05, 0.1])
def test_a_bridge_that_stalled_goes_on_from_where_its_trajectory_has_ended(speed: float) -> None:
    """Not from its last command: the arm has gone on from there, and is held where that ended."""
    # given an arm that came to rest by itself
    rig = Rig()
    rig.twist = np.array([speed, 0.0, 0.0])
    rig.run(100)
    rig.run(30, policy=False, ticks=False)
    rig.take(rig.bridge.tick(rig.now))
    assert rig.bridge.state is not GuardState.ACTIVE
    rig.bridge.rearm()
    rig.run(10, policy=False)
    held, before = rig.arm.sample(rig.now)[0], len(rig.trajectories)

    # when it goes on
    rig.run(6)

    # then its first trajectory does not lead back
    assert len(rig.trajectories) > before
    onwards = (rig.trajectories[before].positions[0] - held) * np.sign(held - ARM.home)
    assert onwards.min() > -1e-4


def test_a_bridge_that_dies_leaves_the_arm_as_clear_of_the_table_as_a_stop_does() -> None:
    from introspect_control.collision import CollisionModel

    model, random = CollisionModel(ARM), np.random.default_rng(2)
    for _ in range(4):
        rig = Rig()
        rig.twist = np.array([*random.uniform(-0.3, 0.3, 2), -0.4])
        for _ in range(250):
            rig.run(1)
            if rig.trajectories:
                end = rig.trajectories[-1].positions[-1]
                assert model.nearest(end).distance > 0.009


def test_missed_ticks_bring_no_arm_nearer_to_the_table_than_others() -> None:
    from introspect_control.collision import CollisionModel

    model, random, silent = CollisionModel(ARM), np.random.default_rng(3), 0
    for _ in range(6):
        rig = Rig()
        for _ in range(120):
            rig.twist = np.array([*random.uniform(-0.5, 0.5, 2), -0.4])
            rig.run(2)
            rig.run(int(random.integers(0, 5)), ticks=False)
            if rig.trajectories:
                end = rig.trajectories[-1].positions[-1]
                assert model.nearest(end).distance > 0.009
        silent += rig.bridge.stalls
    assert silent > 0


def test_a_tool_that_was_kept_from_the_table_goes_up_when_it_is_told_to() -> None:
    # given a policy that turns and pushes down for long
    rig = Rig()
    rig.bridge = type(rig.bridge)(ARM, rig.bridge.config)
    rig.run(5, policy=False)
    rig.twist = np.array([0.0, 0.0, -0.1])
    for _ in range(100):
        rig.run(1, policy=False)
        if rig.ticks % 4 == 0:
            rig.act(rig.action(angular=np.array([0.0, 1.0, 0.0])))
    for _ in range(400):
        rig.run(1, policy=False)
        if rig.ticks % 4 == 0:
            rig.act(rig.action(angular=np.array([0.0, 1.0, 0.0])))
    assert "the arm would" in rig.bridge.status().reason
    chain = KinematicChain(ARM.chain())
    low = chain.forward(rig.arm.sample(rig.now)[0][None])[0][0, 2]

    # when
    rig.twist = np.array([0.0, 0.0, 0.1])
    rig.run(150)

    # then
    assert chain.forward(rig.arm.sample(rig.now)[0][None])[0][0, 2] > low + 0.05


@pytest.mark.parametrize("lockstep", [False, True])
def test_what_an_action_would_have_led_to_is_not_told_of_the_motion_after_it(
    lockstep: bool,
) -> None:
    rig = Rig(lockstep, workspace_upper=(0.6, 0.9, 1.4))  # type: ignore[arg-type]
    rig.run(400)  # forward, until there is no more room
    assert "the arm would" in rig.bridge.status().reason
    rig.act(rig.hold())
    rig.run_until(GuardState.IDLE)

    assert rig.bridge.follow(smooth(rig.arm.sample(rig.now)[0], ARM.home), rig.now) == ""
    rig.run(20, policy=False)

    assert rig.bridge.state is GuardState.ACTIVE
    assert rig.bridge.status().reason == ""
