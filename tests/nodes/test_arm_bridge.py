"""The arm bridge over DDS, between a policy and an arm that both live in the test."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from introspect_msgs.msg import ArmStatus, GripperCommand, GuardStatus, InternalState, PolicyAction
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from live_graph import NodeProcess, Peer, peer, seconds
from numpy.typing import NDArray
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from introspect_control import CartesianServo
from introspect_control.nodes.runtime import LATCHED, STREAM
from introspect_control.trajectory import HermiteSampler, Trajectory
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
MODULE = "introspect_control.nodes.arm_bridge_node"
TOPIC = ARM.controller.trajectory_topic
PERIOD = 0.01
START = ARM.home + 0.05
SILENT = (GuardStatus.IDLE, GuardStatus.FAULT)

Array = NDArray[np.float64]


class Rig:
    """An arm that follows its trajectories and a policy that acts at 25 Hz.

    Simulated time passes when the test says so: every step waits for the bridge's answer, so that
    nothing depends on how busy the machine is.
    """

    def __init__(self, me: Peer, bridge: NodeProcess) -> None:
        self.me, self.bridge = me, bridge
        self.trajectories: list[JointTrajectory] = me.hear(JointTrajectory, TOPIC)
        self.grippers: list[GripperCommand] = me.hear(GripperCommand, "gripper/command")
        self.sent: list[PolicyAction] = me.hear(PolicyAction, "policy/action_sent")
        self.statuses: list[GuardStatus] = me.hear(GuardStatus, "guard/status", LATCHED)
        self.states = me.node.create_publisher(JointState, "joint_states", STREAM)
        self.actions = me.node.create_publisher(PolicyAction, "policy/action", STREAM)
        self.names = [*ARM.gripper.joint_names, *reversed(ARM.joint_names)]
        self.arm = HermiteSampler(START)
        self.ticks = 1000
        self.sequence = 0
        self.twist = (0.1, 0.0, 0.0)
        self.followed = 0
        me.wait_for(
            lambda: self.states.get_subscription_count() and self.actions.get_subscription_count(),
            "the bridge to listen",
        )
        me.wait_for(lambda: self.statuses, "guard/status")
        for _ in range(5):
            self.show()
        self.be_heard()

    @property
    def state(self) -> int:
        return int(self.statuses[-1].state)

    @property
    def reason(self) -> str:
        return str(self.statuses[-1].reason)

    def be_heard(self) -> None:
        """Wait until the bridge must have seen what was published before."""
        count = len(self.statuses)
        self.me.wait_for(lambda: len(self.statuses) >= count + 2, "guard/status")

    def stamp(self) -> Time:
        return Time(sec=self.ticks // 100, nanosec=10_000_000 * (self.ticks % 100))

    def show(self) -> None:
        """The next joint state, its joints in an order of their own."""
        self.ticks += 1
        position, velocity = self.arm.sample(self.ticks * PERIOD)
        message = JointState(name=self.names)
        message.header.stamp = self.stamp()
        message.position = [0.04, 0.04, *reversed(position.tolist())]
        message.velocity = [0.0, 0.0, *reversed(velocity.tolist())]
        self.states.publish(message)

    def act(self, mode: int = PolicyAction.MOVE, linear_x: float | None = None) -> None:
        message = PolicyAction(episode=1, sequence=self.sequence, mode=mode, gripper_width=0.08)
        message.header.stamp = self.stamp()
        message.twist.linear.x, message.twist.linear.y, message.twist.linear.z = self.twist
        if linear_x is not None:
            message.twist.linear.x = linear_x
        self.actions.publish(message)
        self.sequence += 1

    def follow(self) -> None:
        """Let the arm follow what has come."""
        for message in self.trajectories[self.followed :]:
            assert tuple(message.joint_names) == ARM.joint_names
            self.arm.follow(points(message), self.ticks * PERIOD)
        self.followed = len(self.trajectories)

    def wait_for_answer(self) -> None:
        """Until the bridge has sent a trajectory, or has said that it is silent."""
        count = self.followed
        said = len(self.statuses)

        def answered() -> bool:
            silent = any(status.state in SILENT for status in self.statuses[said:])
            return len(self.trajectories) > count or silent

        self.me.wait_for(answered, "a trajectory")
        self.follow()

    def start(self) -> None:
        """The first action."""
        self.ticks += -self.ticks % 4 - 1
        self.show()
        self.be_heard()
        self.act()
        self.wait_for_answer()

    def run(self, steps: int, policy: bool = True) -> None:
        """Some steps of 10 ms, every fourth with an action."""
        for _ in range(steps):
            self.show()
            if self.ticks % 4 == 0 and policy:
                self.act()
                self.wait_for_answer()
            elif self.ticks % 4 or not policy:
                self.wait_for_answer_unless_due()

    def wait_for_answer_unless_due(self) -> None:
        # The first state of a policy period is answered together with its action, or with the
        # next state.
        if self.ticks % 4:
            self.wait_for_answer()

    def wait_for_state(self, state: int) -> None:
        self.me.wait_for(lambda: self.state == state, f"state {state}, it is {self.state}")


def points(message: JointTrajectory) -> Trajectory:
    return Trajectory(
        np.array([seconds(point.time_from_start) for point in message.points]),
        np.array([point.positions for point in message.points]),
        np.array([point.velocities for point in message.points]),
    )


@pytest.fixture
def me() -> Iterator[Peer]:
    with peer() as me:
        yield me


@pytest.fixture
def rig(me: Peer) -> Iterator[Rig]:
    with NodeProcess(MODULE, {"use_sim_time": True}) as bridge:
        yield Rig(me, bridge)


def test_the_first_action_starts_the_motion_from_the_measured_joints(rig: Rig) -> None:
    # given
    assert rig.state == GuardStatus.IDLE
    assert rig.trajectories == []

    # when
    rig.start()

    # then
    first = rig.trajectories[0]
    assert seconds(first.header.stamp) == 0.0
    np.testing.assert_allclose(first.points[0].positions, START, atol=1e-3)
    rig.wait_for_state(GuardStatus.ACTIVE)
    rig.me.wait_for(lambda: rig.sent and rig.grippers, "action_sent and the gripper's command")
    assert rig.sent[0].header.stamp == rig.stamp()
    assert rig.grippers[0].width == pytest.approx(0.08)


def test_the_arm_gets_to_the_bit_what_training_computed_and_nan_changes_nothing(rig: Rig) -> None:
    # given the servo of the training environments
    servo = CartesianServo(ARM)
    servo.reset(START[None])
    servo.set_twist(np.array([rig.twist]), np.zeros((1, 3)))
    expected = [servo.tick() for _ in range(4)]

    # when
    rig.start()
    rig.run(3)
    for k in range(5):
        rig.twist = (0.1, -0.05 * k, 0.02)
        rig.act(linear_x=float("nan"))
        rig.run(4)
        servo.set_twist(np.array([rig.twist]), np.zeros((1, 3)))
        expected += [servo.tick() for _ in range(4)]

    # then
    sent = [message.points[0] for message in rig.trajectories]
    assert len(sent) == len(expected)
    for point, command in zip(sent, expected, strict=True):
        np.testing.assert_array_equal(point.positions, command.position[0])
        np.testing.assert_array_equal(point.velocities, command.velocity[0])
    rig.be_heard()
    assert rig.statuses[-1].rejected == 5
    assert rig.statuses[-1].clamped == 0


def test_a_hold_ends_in_silence(rig: Rig) -> None:
    # given
    rig.start()
    rig.run(20)
    rig.wait_for_state(GuardStatus.ACTIVE)

    # when
    rig.act(mode=PolicyAction.HOLD)
    rig.be_heard()
    for _ in range(60):
        if rig.state in SILENT:
            break
        rig.show()
        rig.wait_for_answer()

    # then
    rig.wait_for_state(GuardStatus.IDLE)
    count = len(rig.trajectories)
    assert not any(rig.trajectories[-1].points[0].velocities)
    for _ in range(10):
        rig.show()
    rig.be_heard()
    assert len(rig.trajectories) == count


def test_a_silent_policy_is_a_fault_until_it_is_rearmed(rig: Rig) -> None:
    # given
    rig.start()
    rig.run(20)

    # when no action comes any more
    for _ in range(60):
        rig.show()
        rig.wait_for_answer_unless_due()
        if rig.state == GuardStatus.FAULT:
            break
    rig.wait_for_state(GuardStatus.FAULT)

    # then
    assert re.fullmatch(r"no policy action for 0\.1\d s", rig.reason)
    last = rig.trajectories[-1]
    assert not any(last.points[-1].velocities)
    rig.be_heard()
    count = len(rig.trajectories)
    rig.show()
    rig.act()
    rig.be_heard()
    assert len(rig.trajectories) == count

    # when
    answer = rig.me.call(Trigger, "guard/rearm")

    # then
    assert answer.success
    rig.wait_for_state(GuardStatus.IDLE)
    rig.follow()
    for _ in range(20):
        rig.show()
    rig.start()
    rig.wait_for_state(GuardStatus.ACTIVE)


def test_stop_and_rearm_are_services(rig: Rig) -> None:
    assert rig.me.call(Trigger, "guard/stop").success
    rig.wait_for_state(GuardStatus.FAULT)
    assert rig.reason == "stopped by guard/stop"

    answer = rig.me.call(Trigger, "guard/rearm")
    assert (answer.success, answer.message) == (True, "ready for the next action")
    rig.wait_for_state(GuardStatus.IDLE)


def test_a_rearm_while_the_arm_stops_is_refused_and_says_so(rig: Rig) -> None:
    rig.start()
    rig.wait_for_state(GuardStatus.ACTIVE)
    rig.run(10)
    rig.act(PolicyAction.HOLD)
    rig.wait_for_state(GuardStatus.STOPPING)

    answer = rig.me.call(Trigger, "guard/rearm")

    assert not answer.success
    assert answer.message == "the arm is still stopping (hold asked for by the policy)"


def test_only_the_first_rearm_demands_that_everything_is_right(me: Peer) -> None:
    """Also where one in between was refused, as the arm was still stopping."""
    with NodeProcess(MODULE, {"use_sim_time": True, "armed": False}) as bridge:
        rig = Rig(me, bridge)
        status = me.node.create_publisher(ArmStatus, "arm/status", LATCHED)
        status.publish(
            ArmStatus(state=ArmStatus.INACTIVE, reason="switched off", speed_scaling=1.0)
        )
        me.wait_for(
            lambda: "arm: the arm is inactive" in me.call(Trigger, "guard/check").message,
            "the bridge to know",
        )
        assert (
            "not armed, for not everything is right yet: arm: the arm is inactive"
            in me.call(Trigger, "guard/rearm").message
        )
        assert rig.state == GuardStatus.FAULT

        # given an arm that has been armed, and moves
        status.publish(ArmStatus(state=ArmStatus.READY, speed_scaling=1.0))
        me.wait_for(lambda: me.call(Trigger, "guard/rearm").success, "the bridge to be armed")
        rig.start()
        rig.wait_for_state(GuardStatus.ACTIVE)
        rig.run(10)
        rig.act(PolicyAction.HOLD)
        rig.wait_for_state(GuardStatus.STOPPING)

        # when
        assert not me.call(Trigger, "guard/rearm").success
        status.publish(
            ArmStatus(state=ArmStatus.INACTIVE, reason="switched off", speed_scaling=1.0)
        )
        for _ in range(60):
            if rig.state in SILENT:
                break
            rig.show()
            rig.wait_for_answer()
        me.call(Trigger, "guard/stop")
        rig.wait_for_state(GuardStatus.FAULT)
        answer = me.call(Trigger, "guard/rearm")

        # then
        assert answer.success
        assert answer.message == (
            "free of faults, but not ready: the arm is inactive: switched off"
        )


def test_joints_of_another_arm_are_refused_with_both_lists(me: Peer) -> None:
    with NodeProcess(MODULE, {"use_sim_time": True}) as bridge:
        names = [name.replace("panda", "fr3") for name in ARM.joint_names]
        statuses = me.hear(GuardStatus, "guard/status", LATCHED)
        states = me.node.create_publisher(JointState, "joint_states", STREAM)

        # when
        me.wait_for(states.get_subscription_count, "the bridge to listen")
        states.publish(JointState(name=names, position=[0.0] * 7, velocity=[0.0] * 7))

        # then
        expected = f"expected joints: {', '.join(ARM.joint_names)}; received: {', '.join(names)};"
        me.first(statuses, lambda status: expected in status.reason, "the refusal")
        assert f"joint_states refused: {expected}" in bridge.output


def test_a_second_commander_keeps_the_arm_still(rig: Rig) -> None:
    # given
    rogue = rig.me.node.create_publisher(JointTrajectory, TOPIC, STREAM)
    rig.me.wait_for(lambda: "2 publishers" in rig.reason, "the bridge to notice")
    assert "/arm_bridge_node, /peer" in rig.reason

    # when
    rig.show()
    rig.act()
    rig.be_heard()

    # then
    assert rig.state == GuardStatus.IDLE
    assert rig.trajectories == []

    # when
    rig.me.node.destroy_publisher(rogue)
    rig.me.wait_for(lambda: not rig.reason, "the bridge to notice")
    rig.start()

    # then
    rig.wait_for_state(GuardStatus.ACTIVE)


def test_a_second_commander_is_a_fault_while_the_arm_moves(rig: Rig) -> None:
    rig.start()
    rig.run(10)

    rig.me.node.create_publisher(JointTrajectory, TOPIC, STREAM)
    rig.me.wait_for(lambda: rig.state != GuardStatus.ACTIVE, "the bridge to notice")

    assert rig.state in (GuardStatus.STOPPING, GuardStatus.FAULT)
    assert "only one may command the arm" in rig.reason


def test_a_deactivated_bridge_is_silent_and_can_be_activated_again(rig: Rig) -> None:
    def change(transition: int) -> None:
        request = {"transition": Transition(id=transition)}
        assert rig.me.call(ChangeState, "arm_bridge_node/change_state", **request).success

    # given
    rig.start()
    rig.run(10)

    # when
    change(Transition.TRANSITION_DEACTIVATE)

    # then
    rig.wait_for_state(GuardStatus.IDLE)
    rig.follow()
    for _ in range(20):
        rig.show()
    rig.act()
    rig.be_heard()
    assert rig.state == GuardStatus.IDLE
    assert rig.arm.done(rig.ticks * PERIOD)

    # when
    change(Transition.TRANSITION_ACTIVATE)
    rig.start()

    # then
    rig.wait_for_state(GuardStatus.ACTIVE)


def test_a_killed_bridge_leaves_an_arm_that_comes_to_rest_by_itself(rig: Rig) -> None:
    # given
    rig.start()
    rig.run(30)
    assert np.abs(rig.arm.sample(rig.ticks * PERIOD)[1]).max() > 0.05

    # when
    rig.bridge.send(signal.SIGKILL)
    rig.bridge.end()

    # then
    last = points(rig.trajectories[-1])
    assert last.times[-1] <= 0.2
    np.testing.assert_array_equal(last.velocities[-1], 0.0)
    position, velocity = rig.arm.sample(rig.ticks * PERIOD + 0.2)
    np.testing.assert_array_equal(position, last.positions[-1])
    np.testing.assert_array_equal(velocity, 0.0)


def test_ctrl_c_twice_ends_it_cleanly(rig: Rig) -> None:
    rig.start()
    rig.run(5)

    rig.bridge.send(signal.SIGINT)
    rig.bridge.send(signal.SIGINT)

    assert rig.bridge.end() == 0
    assert "Traceback" not in rig.bridge.output


def test_an_arm_that_gives_a_trajectory_up_is_let_come_to_rest_before_it_goes_on(rig: Rig) -> None:
    """It would have to catch up with whatever is sent meanwhile."""
    # given
    status = rig.me.node.create_publisher(ArmStatus, "arm/status", LATCHED)
    status.publish(ArmStatus(state=ArmStatus.READY, speed_scaling=1.0, aborted=3))
    rig.me.wait_for(status.get_subscription_count, "the bridge to listen")
    rig.be_heard()
    rig.start()
    rig.run(60)
    assert rig.state == GuardStatus.ACTIVE

    # when
    status.publish(ArmStatus(state=ArmStatus.READY, speed_scaling=1.0, aborted=4))
    rig.wait_for_state(GuardStatus.IDLE)
    rig.be_heard()

    # then it is silent as long as the arm moves, and goes on by itself
    assert rig.reason == "the arm has given up its latest trajectory"
    count = len(rig.trajectories)
    rig.run(30, policy=False)
    assert len(rig.trajectories) == count
    rig.start()
    rig.wait_for_state(GuardStatus.ACTIVE)

    # when it does so again, as one that something is in the way of
    status.publish(ArmStatus(state=ArmStatus.READY, speed_scaling=1.0, aborted=5))

    # then
    rig.wait_for_state(GuardStatus.FAULT)
    assert rig.reason == "the arm has given up its latest trajectory, again within 10 s"


def test_on_a_timer_it_moves_the_arm_and_stops_it_when_the_policy_falls_silent(me: Peer) -> None:
    # given an arm and a policy in real time, and timeouts for a busy machine
    parameters = {"use_sim_time": False, "command_timeout": 0.5, "state_timeout": 0.5}
    with NodeProcess(MODULE, parameters) as bridge:
        rig = Rig(me, bridge)
        steps = 0
        acting = True

        def step() -> None:
            nonlocal steps
            steps += 1
            rig.follow()
            rig.show()
            if acting and steps % 4 == 0:
                rig.act()

        rig.me.node.create_timer(PERIOD, step)

        rig.me.wait_for(lambda: len(rig.trajectories) > 50, "trajectories")
        for _ in range(5):
            acting = True
            rig.wait_for_state(GuardStatus.ACTIVE)

            # when
            acting = False
            rig.me.wait_for(lambda: rig.state in SILENT, "the arm to come to rest")
            if "no tick" not in rig.reason:  # else it was the bridge that the machine starved
                break

        # then
        assert rig.state == GuardStatus.FAULT
        assert re.match(r"no policy action for \d\.\d\d s", rig.reason)
        rig.me.wait_for(lambda: not any(rig.trajectories[-1].points[0].velocities), "rest")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"arm": "pandas"}, r"unknown arm 'pandas': available are fr3, .*panda"),
        ({"velocity_scale": 1.0}, r"panda_joint2.* cannot stop within 0\.2 s"),
        ({"policy_rate": 200.0}, r"policy_rate is 200 Hz; the controller of panda takes 100 Hz"),
        ({"command_timeout": 2.0}, r"parameter 'command_timeout' is 2\.0; it must be a number in"),
    ],
)
def test_a_bridge_that_cannot_work_says_why_in_a_line_and_exits_with_2(
    parameters: dict[str, object], message: str
) -> None:
    with NodeProcess(MODULE, parameters) as bridge:
        assert bridge.end() == 2

        assert re.search(message, bridge.output)
        assert "Traceback" not in bridge.output


@pytest.mark.parametrize("on_alarm", ["slow", "stop"])
def test_a_disturbance_alarm_slows_or_stops_the_arm(me: Peer, on_alarm: str) -> None:
    # given
    with NodeProcess(MODULE, {"use_sim_time": True, "on_alarm": on_alarm}) as bridge:
        rig = Rig(me, bridge)
        internal_state = me.node.create_publisher(InternalState, "internal_state", STREAM)
        me.wait_for(internal_state.get_subscription_count, "the bridge to listen")
        rig.start()
        rig.run(40)
        rig.wait_for_state(GuardStatus.ACTIVE)
        me.wait_for(lambda: len(rig.sent) == rig.sequence, "action_sent")
        full = rig.sent[-1].twist.linear.x

        # when
        internal_state.publish(InternalState(alarm=True, surprise=3.21))

        # then
        if on_alarm == "stop":
            me.wait_for(lambda: rig.state == GuardStatus.STOPPING, "the arm to stop")
            for _ in range(60):
                if rig.state == GuardStatus.FAULT:
                    break
                rig.show()
                rig.wait_for_answer()
            rig.wait_for_state(GuardStatus.FAULT)
            assert rig.reason == "disturbance alarm (surprise 3.2)"
            assert not any(rig.trajectories[-1].points[-1].velocities)
            assert me.call(Trigger, "guard/rearm").success
            rig.wait_for_state(GuardStatus.IDLE)
            return
        for _ in range(10):
            internal_state.publish(InternalState(alarm=True, surprise=0.3))
            rig.be_heard()
            rig.run(4)
        me.wait_for(lambda: len(rig.sent) == rig.sequence, "action_sent")
        assert rig.state == GuardStatus.ACTIVE
        assert rig.reason == "slow: disturbance alarm (surprise 3.2)"
        assert rig.sent[-1].twist.linear.x == pytest.approx(0.25 * full, rel=0.05)
