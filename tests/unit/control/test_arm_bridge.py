"""Every decision of the arm bridge, with a simulated arm that follows its trajectories."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from arm_rig import ARM, FORWARD, Rig
from numpy.typing import NDArray

from introspect_control import CartesianServo, ServoConfig
from introspect_control.bridge import ArmBridge, BridgeConfig
from introspect_control.guard import GuardState
from introspect_control.trajectory import HermiteSampler

Array = NDArray[np.float64]


@pytest.fixture(params=[False, True], ids=["timer", "lockstep"])
def rig(request: pytest.FixtureRequest) -> Rig:
    return Rig(lockstep=request.param)


@pytest.fixture
def moving(rig: Rig) -> Rig:
    rig.run(60)
    assert rig.bridge.state is GuardState.ACTIVE
    return rig


def test_an_idle_bridge_is_silent(rig: Rig) -> None:
    rig.run(50, policy=False)

    assert rig.bridge.state is GuardState.IDLE
    assert (rig.trajectories, rig.widths, rig.sent) == ([], [], [])


def test_the_first_action_starts_the_motion_from_the_measured_joints(rig: Rig) -> None:
    # given an arm that is not at home
    rig.arm.reset(ARM.home + 0.05)

    # when
    rig.run(8)

    # then
    assert rig.bridge.state is GuardState.ACTIVE
    first = rig.trajectories[0]
    np.testing.assert_allclose(first.positions[0], ARM.home + 0.05, atol=2e-3)


def test_every_trajectory_ends_at_rest_within_the_horizon(moving: Rig) -> None:
    for trajectory in moving.trajectories:
        assert trajectory.times[-1] <= 0.2
        assert not trajectory.velocities[-1].any()


@pytest.mark.parametrize("lockstep", [False, True])
def test_the_arm_is_sent_exactly_what_the_servo_makes_of_the_actions(lockstep: bool) -> None:
    # given the same servo, as the environments of training use it
    rig = Rig(lockstep=lockstep, lead=1)
    servo = CartesianServo(ARM)
    servo.reset(ARM.home[None])
    rig.ticks += -rig.ticks % 4 - 1

    # when
    for _ in range(10):
        rig.twist = np.array([0.2, -0.1 * rig.sequence, 0.05])
        rig.run(4)
        servo.set_twist(rig.twist[None], np.zeros((1, 3)))
        expected = [servo.tick() for _ in range(4)]

        # then
        for trajectory, command in zip(rig.trajectories[-4:], expected, strict=True):
            np.testing.assert_array_equal(trajectory.positions[0], command.position[0])
            np.testing.assert_array_equal(trajectory.velocities[0], command.velocity[0])
    assert rig.bridge.status().clamped == 0


def test_each_action_is_reported_once_with_the_twist_really_achieved(moving: Rig) -> None:
    assert [action.sequence for action in moving.sent] == list(range(moving.sequence))
    assert moving.sent[0].linear[0] < 0.02  # the arm has only begun to move
    np.testing.assert_allclose(moving.sent[-1].linear, FORWARD, atol=0.005)


def test_a_hold_ramps_to_rest_and_falls_silent(moving: Rig) -> None:
    # when
    moving.act(moving.hold())
    duration = moving.run_until(GuardState.IDLE)
    count = len(moving.trajectories)
    moving.run(50, policy=False)

    # then
    assert duration <= 0.31
    assert len(moving.trajectories) == count
    assert not moving.trajectories[-1].velocities.any()
    assert not moving.sent[-1].moving
    assert moving.bridge.status().reason == "hold asked for by the policy"


def test_a_hold_is_followed_whatever_else_is_in_it(moving: Rig) -> None:
    moving.act(
        moving.hold()._replace(stamp=1, linear=np.full(3, np.nan), gripper_width=float("nan"))
    )

    moving.run_until(GuardState.IDLE)

    assert np.isfinite(moving.sent[-1].linear).all()
    assert moving.sent[-1].gripper_width == moving.width


def test_after_a_hold_the_next_action_starts_again(moving: Rig) -> None:
    moving.act(moving.hold())
    moving.run_until(GuardState.IDLE)
    moving.run(20, policy=False)

    moving.run(4)

    assert moving.bridge.state is GuardState.ACTIVE


def test_an_action_during_a_stop_is_ignored_and_soon_forgotten(moving: Rig) -> None:
    moving.act(moving.hold())
    moving.run(4)
    assert "still stopping (hold asked for by the policy)" in moving.bridge.refusal
    assert moving.bridge.ignored == 1

    moving.run_until(GuardState.IDLE)

    assert moving.bridge.status().reason == "hold asked for by the policy"


def test_a_hold_while_idle_does_nothing(rig: Rig) -> None:
    rig.act(rig.hold())
    rig.run(5, policy=False)

    assert (rig.trajectories, rig.sent) == ([], [])
    assert rig.bridge.ignored == 0


def test_silence_of_the_policy_ramps_to_rest_and_latches_a_fault(moving: Rig) -> None:
    # when
    while moving.bridge.state is GuardState.ACTIVE:
        moving.run(1, policy=False)
    stopping = moving.now
    position = moving.arm.sample(moving.now)[0]
    moving.run_until(GuardState.FAULT)

    # then
    assert moving.now - stopping <= 0.3
    assert np.abs(moving.arm.sample(moving.now)[0] - position).max() <= 0.27
    assert re.fullmatch(r"no policy action for 0\.1\d s", moving.bridge.status().reason)
    assert moving.bridge.status().late >= 1


def test_a_fault_lasts_until_it_is_rearmed(moving: Rig) -> None:
    # given
    moving.run_until(GuardState.FAULT)
    count = len(moving.trajectories)

    # when
    moving.run(40)

    # then
    assert moving.bridge.state is GuardState.FAULT
    assert len(moving.trajectories) == count
    assert "call guard/rearm" in moving.bridge.refusal

    # when
    assert moving.bridge.rearm()
    moving.run(4)

    # then
    assert moving.bridge.state is GuardState.ACTIVE


def test_rearming_is_ready_when_the_arm_is_at_rest_and_says_what_keeps_it_till_then(
    moving: Rig,
) -> None:
    assert moving.bridge.obstacle(moving.now) == ""
    moving.act(moving.hold())

    # when
    obstacles = []
    while not moving.bridge.rearm():
        obstacles.append(moving.bridge.obstacle(moving.now))
        moving.run(1, policy=False)

    # then
    assert obstacles
    assert set(obstacles) == {"still stopping (hold asked for by the policy)"}
    moving.run(1, policy=False)
    assert moving.bridge.obstacle(moving.now) == ""
    moving.bridge.block("test", "another commander")
    assert moving.bridge.rearm()
    assert moving.bridge.obstacle(moving.now) == "another commander"


def test_short_jitter_of_the_policy_changes_nothing(moving: Rig) -> None:
    count = len(moving.trajectories)

    moving.run(4, policy=False)  # one action is lost
    moving.run(8)

    assert moving.bridge.state is GuardState.ACTIVE
    assert moving.bridge.status().late == 1
    assert len(moving.trajectories) >= count + 11


def test_a_gap_in_the_joint_states_ramps_to_rest_and_motion_may_go_on_after_it() -> None:
    rig = Rig()
    rig.run(60)

    # when
    rig.run(13, states=False)

    # then
    assert rig.bridge.state is GuardState.STOPPING
    assert rig.bridge.status().reason == "joint_states are 0.11 s old"
    rig.run_until(GuardState.IDLE)
    rig.run(30)
    assert rig.bridge.state is GuardState.ACTIVE


def test_half_a_second_without_joint_states_latches_a_fault() -> None:
    rig = Rig()
    rig.run(60)

    rig.run(55, states=False)

    assert rig.bridge.state is GuardState.FAULT


def test_no_motion_starts_without_fresh_joint_states() -> None:
    rig = Rig()
    rig.run(20, policy=False, states=False)

    rig.run(4, states=False)

    assert rig.bridge.state is GuardState.IDLE
    assert re.search(r"joint_states are 0\.2\d s old", rig.bridge.refusal)


def test_repeated_joint_states_do_not_count_as_fresh() -> None:
    rig = Rig()
    rig.run(60)
    frozen = rig.stamp

    for _ in range(13):
        rig.run(1, states=False)
        rig.show(stamp=frozen)

    assert rig.bridge.state is GuardState.STOPPING


def test_no_motion_starts_while_the_arm_moves(rig: Rig) -> None:
    position = ARM.home + np.zeros(7)
    velocity = np.array([0.0, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0])
    rig.ticks += 1
    rig.take(rig.bridge.on_joint_state(rig.stamp, position, velocity, rig.now))

    rig.act()

    assert rig.bridge.state is GuardState.IDLE
    assert "panda_joint2 still moves at 0.300 rad/s" in rig.bridge.status().reason


def test_joint_states_too_rare_for_the_policy_are_refused() -> None:
    rig = Rig()
    for _ in range(20):
        rig.run(9, policy=False, states=False)
        rig.run(1, policy=False)

    rig.act()

    assert "joint_states come every 0.100 s, too rarely" in rig.bridge.refusal


def test_an_arm_that_is_not_where_it_was_sent_is_a_fault_and_nothing_more_is_sent(
    moving: Rig,
) -> None:
    # when somebody moves the arm
    moving.offset[3] = 0.3
    count = len(moving.trajectories)
    moving.run(1, policy=False)

    # then
    assert moving.bridge.state is GuardState.FAULT
    assert len(moving.trajectories) == count
    assert re.match(r"panda_joint4 is 0\.\d\d rad away", moving.bridge.status().reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"linear": np.array([0.0, np.nan, 0.0])}, r"its linear velocity is \[0\.0, nan, 0\.0\]"),
        ({"angular": np.array([np.inf, 0.0, 0.0])}, r"its angular velocity is \[inf"),
        ({"linear": np.array([1e30, 0.0, 0.0])}, r"linear speed is 1e\+30 m/s, the most is 1\.0"),
        ({"angular": np.array([0.0, 0.0, -99.0])}, r"angular speed is 99 rad/s, the most is 2\.5"),
        ({"gripper_width": np.nan}, r"its gripper width is nan m"),
    ],
)
def test_a_senseless_action_changes_nothing(
    rig: Rig, changes: dict[str, object], reason: str
) -> None:
    # given two bridges that do the same
    twin = Rig(rig.lockstep)
    rig.run(60)
    twin.run(60)

    # when one of them is asked for nonsense
    rig.act(rig.action(**changes))
    assert re.search(reason, rig.bridge.refusal)
    rig.run(10)
    twin.run(10)

    # then
    np.testing.assert_array_equal(
        rig.trajectories[-1].positions[0], twin.trajectories[-1].positions[0]
    )
    assert rig.bridge.status().rejected == 1
    assert twin.bridge.status().rejected == 0


def test_a_policy_of_nothing_but_nonsense_stops_the_arm(moving: Rig) -> None:
    moving.twist = np.full(3, np.nan)

    moving.run(12)

    assert moving.bridge.state is GuardState.STOPPING
    assert "no policy action" in moving.bridge.status().reason


def test_a_repeated_action_does_not_keep_the_arm_moving(moving: Rig) -> None:
    frozen = moving.action()
    for _ in range(4):
        moving.run(4, policy=False)
        moving.act(frozen)

    assert moving.bridge.state is GuardState.STOPPING


@pytest.mark.parametrize(
    ("age", "reason"),
    [(20, r"its observation is 0\.2\d s old"), (-20, r"its observation is 0\.\d\d s in the futu")],
)
def test_an_action_for_another_time_is_not_followed(rig: Rig, age: int, reason: str) -> None:
    rig.act(rig.action(stamp=rig.stamp - age * 10_000_000))

    assert rig.bridge.state is GuardState.IDLE
    assert re.search(reason, rig.bridge.refusal)
    assert rig.bridge.ignored == 1


def test_an_action_without_a_stamp_is_not_followed(rig: Rig) -> None:
    rig.act(rig.action(stamp=0))

    assert "it has no stamp" in rig.bridge.refusal


def test_a_speed_beyond_the_largest_is_followed_at_the_largest(rig: Rig) -> None:
    other = Rig(rig.lockstep)
    rig.twist, other.twist = np.array([0.0, 3.0, 0.0]), np.array([0.0, 1.0, 0.0])

    rig.run(20)
    other.run(20)

    np.testing.assert_array_equal(rig.trajectories[-1].positions, other.trajectories[-1].positions)


def test_the_gripper_is_commanded_when_its_width_changes_and_twice_a_second(rig: Rig) -> None:
    # given
    rig.ticks += -rig.ticks % 4 - 1
    rig.run(200)
    assert set(rig.widths) == {0.08}
    assert len(rig.widths) in (4, 5)

    # when
    rig.width = -1.0
    rig.run(4)

    # then
    assert rig.widths[-1] == 0.0
    assert rig.sent[-1].gripper_width == 0.0


def test_stop_latches_a_fault(moving: Rig) -> None:
    moving.bridge.stop("asked to by guard/stop")

    moving.run_until(GuardState.FAULT, policy=True)

    assert moving.bridge.status().reason == "asked to by guard/stop"


@pytest.mark.parametrize("lockstep", [False, True], ids=["timer", "lockstep"])
def test_an_alarm_slows_the_arm_for_as_long_as_it_is_told(lockstep: bool) -> None:
    # given
    rig = Rig(lockstep, on_alarm="slow", alarm_speed=0.25)
    rig.run(60)
    full = np.linalg.norm(rig.sent[-1].linear)

    # when
    for _ in range(60):
        rig.bridge.on_alarm(True, 3.21, rig.now)
        rig.run(1)

    # then
    slow = rig.sent[-1].linear
    assert np.linalg.norm(slow) == pytest.approx(0.25 * full, rel=0.02)
    assert slow @ FORWARD == pytest.approx(np.linalg.norm(slow) * 0.1, rel=1e-2)
    status = rig.bridge.status()
    assert (status.state, status.reason) == (
        GuardState.ACTIVE,
        "slow: disturbance alarm (surprise 3.2)",
    )

    # when
    rig.run(120)

    # then
    assert np.linalg.norm(rig.sent[-1].linear) == pytest.approx(full, rel=0.02)
    assert rig.bridge.status().reason == ""
    assert 15 <= rig.bridge.slowed <= 30


@pytest.mark.parametrize("lockstep", [False, True], ids=["timer", "lockstep"])
def test_an_alarm_stops_the_arm_until_it_is_rearmed(lockstep: bool) -> None:
    rig = Rig(lockstep, on_alarm="stop")
    rig.run(60)

    rig.bridge.on_alarm(True, 3.21, rig.now)
    rig.run_until(GuardState.FAULT, policy=True)

    assert rig.bridge.status().reason == "disturbance alarm (surprise 3.2)"
    assert not rig.trajectories[-1].velocities[-1].any()
    rig.run(20)
    assert rig.bridge.state is GuardState.FAULT
    assert rig.bridge.rearm()
    rig.run_until(GuardState.ACTIVE, policy=True)


def test_an_alarm_while_nothing_moves_is_of_no_interest(rig: Rig) -> None:
    rig.bridge.on_alarm(True, 3.0, rig.now)

    assert rig.bridge.state is GuardState.IDLE
    assert rig.bridge.status().reason == ""


def test_an_alarm_does_nothing_unless_asked_for(moving: Rig) -> None:
    moving.bridge.on_alarm(True, 3.0, moving.now)
    moving.run(20)

    assert moving.bridge.state is GuardState.ACTIVE
    assert moving.bridge.slowed == 0


def test_a_block_keeps_the_arm_still_until_it_is_lifted(rig: Rig) -> None:
    # given
    rig.bridge.block("publishers", "2 publishers on panda_arm_controller/joint_trajectory")
    rig.run(8)
    assert rig.bridge.state is GuardState.IDLE
    assert rig.bridge.status().reason.startswith("2 publishers")

    # when
    rig.bridge.unblock("publishers")
    rig.run(4)

    # then
    assert rig.bridge.state is GuardState.ACTIVE


def test_a_block_while_moving_is_a_fault(moving: Rig) -> None:
    moving.bridge.block("publishers", "2 publishers")

    moving.run_until(GuardState.FAULT, policy=True)

    assert moving.bridge.status().reason == "2 publishers"


def test_falling_silent_sends_nothing_more(moving: Rig) -> None:
    count = len(moving.trajectories)

    moving.bridge.fall_silent("deactivated")
    moving.run(20, policy=False)

    assert len(moving.trajectories) == count
    assert moving.bridge.state is GuardState.IDLE
    assert not moving.arm.sample(moving.now)[1].any()


def test_a_tick_that_comes_late_is_caught_up_with_without_a_step_back() -> None:
    # given
    rig = Rig()
    rig.run(60)
    before = rig.arm.sample(rig.now)[0]

    # when the bridge is not run for three periods
    rig.run(3, ticks=False)
    rig.run(1)

    # then
    positions = [rig.arm.sample(rig.now + 1e-3 * k)[0] for k in range(10)]
    steps = np.diff([before, *positions], axis=0)[1:]
    direction = np.sign(positions[0] - before)
    assert rig.bridge.missed == 3
    assert (steps * direction >= -1e-5).all()


def test_a_bridge_that_stalls_for_long_leaves_the_arm_at_rest_and_starts_anew() -> None:
    # given
    rig = Rig()
    rig.run(60)
    count = len(rig.trajectories)

    # when
    rig.run(8, ticks=False)
    rig.run(1)

    # then
    assert rig.bridge.stalls == 1
    assert len(rig.trajectories) == count
    assert rig.bridge.state is GuardState.IDLE
    rig.run(30)
    assert rig.bridge.state is GuardState.ACTIVE


def test_in_lockstep_the_tick_that_begins_a_policy_period_waits_for_its_action() -> None:
    # given
    rig = Rig(lockstep=True)
    rig.run(60)
    rig.run(-rig.ticks % 4 + 3)
    count = len(rig.trajectories)

    # when a state comes that begins a policy period
    rig.ticks += 1
    rig.show()

    # then
    assert len(rig.trajectories) == count
    rig.act()
    assert len(rig.trajectories) == count + 1
    assert rig.sent[-1].stamp == rig.stamp


def test_in_lockstep_an_action_that_does_not_come_is_waited_for_once() -> None:
    rig = Rig(lockstep=True)
    rig.run(60)
    rig.run(-rig.ticks % 4 + 3)
    count = len(rig.trajectories)

    rig.run(3, policy=False)

    assert len(rig.trajectories) == count + 2  # the second state made up for the first
    assert rig.bridge.missed == 1
    rig.run(4)
    assert rig.bridge.state is GuardState.ACTIVE


def test_in_lockstep_simulated_time_that_goes_back_is_a_fault() -> None:
    # given
    rig = Rig(lockstep=True)
    rig.run(60)

    # when
    rig.ticks -= 500
    rig.arm.reset(ARM.home)
    rig.show()

    # then
    assert rig.bridge.state is GuardState.FAULT
    assert "simulated time went back by 5.00 s" in rig.bridge.status().reason
    rig.run(5, policy=False)
    rig.bridge.rearm()
    rig.run(4)
    assert rig.bridge.state is GuardState.ACTIVE


def test_in_lockstep_a_jump_of_simulated_time_ahead_stops_the_arm() -> None:
    rig = Rig(lockstep=True)
    rig.run(60)

    rig.ticks += 1000
    rig.show()

    assert rig.bridge.state is GuardState.FAULT


def test_a_clock_that_is_set_back_does_not_disturb_an_arm_that_runs_on_a_timer() -> None:
    # given stamps from a clock of their own
    rig = Rig()
    rig.run(60)

    # when it is set back by five seconds
    shift = 500 * 10_000_000
    for _ in range(40):
        rig.run(1, policy=False, states=False)
        rig.show(stamp=rig.stamp - shift)
        if rig.ticks % 4 == 0:
            rig.act(rig.action(stamp=rig.stamp - shift))

    # then
    assert rig.bridge.state is GuardState.ACTIVE


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BridgeConfig(command_timeout=1.0), r"command_timeout must be in \[0\.04, 0\.5\]"),
        (lambda: BridgeConfig(policy_period=0.001), r"at least the command period \(0\.01 s\)"),
        (
            lambda: BridgeConfig(policy_period=0.2),
            r"command_timeout must be at least the policy period \(0\.2 s\), got 0\.1 s",
        ),
        (lambda: BridgeConfig(state_fault=0.05), r"state_fault must be at least state_timeout"),
        (lambda: BridgeConfig(linear_speed=np.nan), r"linear_speed must be positive and finite"),
        (lambda: BridgeConfig(reject_ratio=0.5), r"reject_ratio must be at least 1, got 0\.5"),
        (
            lambda: ArmBridge(ARM, BridgeConfig(servo=ServoConfig(velocity_scale=1.0))),
            r"cannot stop within 0\.2 s .* use at most 52%",
        ),
    ],
)
def test_a_configuration_that_is_not_safe_is_refused(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_joint_states_that_come_later_than_usual_stop_the_arm_though_they_keep_coming() -> None:
    # given an arm whose clock has nothing to do with ours
    rig = Rig()
    rig.run(60)
    assert rig.bridge.state is GuardState.ACTIVE

    # when what it tells takes 0.15 s longer from now on
    rig.run(15, states=False, policy=False)
    for _ in range(40):
        rig.ticks += 1
        rig.show(rig.stamp - 150_000_000)
        if rig.ticks % 4 == 0:
            rig.act(rig.action(stamp=rig.stamp - 150_000_000))
        rig.take(rig.bridge.tick(rig.now))

    # then it does not move on, though they come as often as ever
    assert rig.bridge.state is not GuardState.ACTIVE
    rig.bridge.rearm()
    assert re.search(r"joint_states are 0\.1\d s old", rig.bridge.obstacle(rig.now))


def test_a_clock_that_drifts_against_ours_is_not_taken_for_a_delay() -> None:
    rig = Rig()
    for _ in range(3000):
        rig.ticks += 1
        stamp = rig.stamp - round(2e-4 * rig.ticks * 1e7)
        rig.show(stamp)
        if rig.ticks % 4 == 0:
            rig.twist = -rig.twist if rig.ticks % 200 == 0 else rig.twist
            rig.act(rig.action(stamp=stamp))
        rig.take(rig.bridge.tick(rig.now))

    assert rig.bridge.state is GuardState.ACTIVE


def test_an_arm_that_is_reached_now_sooner_now_later_is_spared_by_the_lead() -> None:
    """Commands come up to 8 ms late; accelerations as a joint controller's input has them."""
    worst = {}
    for lead in (1, 4):
        rig, random = Rig(lead=lead), np.random.default_rng(0)
        rig.run(100)
        velocities = []
        for _ in range(200):
            # the trajectory is felt some milliseconds after it was sent
            late, before = random.integers(0, 9), len(rig.trajectories)
            arm = rig.arm
            rig.arm = HermiteSampler(arm.sample(rig.now)[0])  # takes what is sent in vain
            rig.run(1)
            rig.arm = arm
            for millisecond in range(10):
                now = rig.now + 0.001 * millisecond
                if millisecond == late:
                    for trajectory in rig.trajectories[before:]:
                        arm.follow(trajectory, now)
                velocities.append(arm.sample(now)[1])
        windows = np.array(velocities)
        worst[lead] = np.abs(windows[60:] - windows[:-60]).max() / 0.06

    assert worst[4] < 0.6 * worst[1]


def test_a_policy_without_joint_states_to_act_on_is_not_to_blame_for_its_silence() -> None:
    rig = Rig()
    rig.run(63)  # the next action is due in 10 ms

    # when neither states nor actions come for a while
    rig.run(12, policy=False, states=False)
    assert rig.bridge.state is not GuardState.ACTIVE
    rig.run(30)

    # then motion goes on without re-arming
    assert rig.bridge.state is GuardState.ACTIVE


def test_a_second_sender_of_actions_is_not_followed_while_the_first_moves_the_arm(
    moving: Rig,
) -> None:
    moving.act(moving.action(episode=1, model_hash="f" * 64, stamp=moving.stamp + 1))

    assert moving.bridge.refusal == (
        "episode 1 of model unknown is moving the arm, not episode 1 of model ffffffffffff; "
        "end one of them"
    )
    assert moving.bridge.state is GuardState.ACTIVE
    # but whoever asks for a stop is heard
    moving.act(moving.action(model_hash="f" * 64, moving=False))
    moving.run_until(GuardState.IDLE)
