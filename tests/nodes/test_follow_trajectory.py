"""The action ``follow_trajectory`` over DDS, between clients and an arm that live in the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import motion_client
import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Time
from introspect_msgs.action import FollowTrajectory
from introspect_msgs.msg import GripperCommand, GuardStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from live_graph import NodeProcess, Peer, peer
from motion_client import smooth
from numpy.typing import NDArray
from rclpy.action import ActionClient
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from introspect_control.nodes.bridge_messages import read_trajectory, write_trajectory
from introspect_control.nodes.runtime import LATCHED, STREAM
from introspect_control.trajectory import HermiteSampler, Trajectory
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
MODULE = "introspect_control.nodes.arm_bridge_node"
PERIOD = 0.01  # of simulated time [s]
PACE = 0.004  # in which it passes [s]
WAY = np.array([0.3, 0.1, -0.2, 0.1, 0.0, 0.0, 0.4])
LONG = 120.0  # motion that no test waits for [s]

Array = NDArray[np.float64]


class Rig:
    """An arm that follows the bridge's trajectories in simulated time, and a client."""

    def __init__(self, me: Peer, node: NodeProcess) -> None:
        self.me, self.node = me, node
        self.arm = HermiteSampler(ARM.home)
        self.ticks = 1000
        self.commands = me.hear(JointTrajectory, ARM.controller.trajectory_topic)
        self.grippers: list[GripperCommand] = me.hear(GripperCommand, "gripper/command")
        self.statuses: list[GuardStatus] = me.hear(GuardStatus, "guard/status", LATCHED)
        self.feedback: list[float] = []
        self.followed = 0
        self._client: Any = None
        self._states = me.node.create_publisher(JointState, ARM.controller.state_topic, STREAM)
        me.connect()
        me.wait_for(self._states.get_subscription_count, "the bridge to listen")
        me.node.create_timer(PACE, self._step)

    @property
    def now(self) -> float:
        return self.ticks * PERIOD

    @property
    def position(self) -> Array:
        return self.arm.sample(self.now)[0]

    @property
    def end(self) -> Array:
        """Where the way there and back goes next."""
        there = np.abs(self.position - ARM.home).max() < 0.15
        return ARM.home + WAY if there else ARM.home

    def send(self, trajectory: Trajectory, **goal: Any) -> Any:
        """Ask for a motion once the arm is at rest; returns the goal's handle."""
        self.rest()
        return self.ask(FollowTrajectory.Goal(trajectory=write_trajectory(trajectory, ARM), **goal))

    def ask(self, goal: FollowTrajectory.Goal) -> Any:
        if self._client is None:
            self._client = ActionClient(self.me.node, FollowTrajectory, "follow_trajectory")
            self.me.wait_for(self._client.server_is_ready, "follow_trajectory")
        sent = self._client.send_goal_async(
            goal, lambda message: self.feedback.append(message.feedback.progress)
        )
        return self.me.result(sent, "the goal's answer")

    def begin(self, duration: float = LONG) -> Any:
        """Ask for a motion, and wait until the arm moves."""
        handle = self.send(smooth(self.position, self.end, duration))
        assert handle.accepted
        self.wait_until_moving()
        return handle

    def ended(self, handle: Any) -> tuple[int, FollowTrajectory.Result]:
        answer = self.me.result(handle.get_result_async(), "the end of the motion")
        return answer.status, answer.result

    def leave(self) -> None:
        """Have no client any more."""
        if self._client is not None:
            self._client.destroy()
            self._client = None

    def wait_until_moving(self) -> None:
        self.me.wait_for(lambda: np.abs(self.arm.sample(self.now)[1]).max() > 1e-4, "motion")

    def rest(self) -> None:
        """Wait until the arm is at rest, and the bridge has seen it."""
        begun = self.ticks
        self.me.wait_for(
            lambda: self.ticks > begun + 30 and self.statuses[-1].state == GuardStatus.IDLE, "rest"
        )

    def change(self, transition: int) -> None:
        request = {"transition": Transition(id=transition)}
        assert self.me.call(ChangeState, "arm_bridge_node/change_state", **request).success

    def _step(self) -> None:
        for message in self.commands[self.followed :]:
            self.arm.follow(read_trajectory(message, ARM), self.now)
        self.followed = len(self.commands)
        self.ticks += 1
        position, velocity = self.arm.sample(self.now)
        message = JointState(name=list(ARM.joint_names))
        message.header.stamp = Time(sec=self.ticks // 100, nanosec=10**7 * (self.ticks % 100))
        message.position, message.velocity = position.tolist(), velocity.tolist()
        self._states.publish(message)


@pytest.fixture(scope="module")
def shared(ros_domain: int) -> Iterator[Rig]:
    with peer() as me, NodeProcess(MODULE, {"use_sim_time": True}) as node:
        yield Rig(me, node)


@pytest.fixture
def rig(shared: Rig) -> Iterator[Rig]:
    shared.rest()
    shared.feedback.clear()
    shared.grippers.clear()
    yield shared
    shared.leave()


def test_a_trajectory_is_followed_to_its_end_and_its_client_is_told_all_the_way(rig: Rig) -> None:
    end = rig.end
    handle = rig.send(smooth(rig.position, end, 2.0), move_gripper=True, gripper_width=0.03)
    status, result = rig.ended(handle)

    assert (status, result.success) == (GoalStatus.STATUS_SUCCEEDED, True), result.message
    assert result.message == ""
    assert 0.0 <= result.final_error <= 0.02
    np.testing.assert_allclose(rig.position, end, atol=1e-3)
    assert rig.grippers[0].width == pytest.approx(0.03)
    assert rig.feedback == sorted(rig.feedback)
    assert 0.0 < rig.feedback[0] < 0.5 < rig.feedback[-1] <= 1.0


def test_a_second_goal_is_refused_with_words_and_the_first_goes_on(rig: Rig) -> None:
    first = rig.begin(3.0)

    second = rig.ask(
        FollowTrajectory.Goal(trajectory=write_trajectory(smooth(ARM.home, ARM.home, 1.0), ARM))
    )

    assert not second.accepted
    rig.node.wait_for_output("trajectory refused: another one is being followed")
    assert rig.ended(first)[1].success


def test_a_cancelled_motion_has_ended_when_the_arm_is_at_rest(rig: Rig) -> None:
    end = rig.end
    handle = rig.begin(4.0)
    rig.me.wait_for(lambda: rig.feedback and rig.feedback[-1] > 0.4, "the middle of the motion")

    rig.me.result(handle.cancel_goal_async(), "the cancel's answer")
    status, result = rig.ended(handle)

    # then the last command was one of rest
    assert status == GoalStatus.STATUS_CANCELED
    assert (result.success, result.message) == (False, "cancelled")
    assert not any(any(point.velocities) for point in rig.commands[-1].points)
    rig.rest()
    assert result.final_error == pytest.approx(np.abs(rig.position - end).max(), abs=0.01)
    assert result.final_error > 0.02


def test_a_goal_for_other_joints_is_aborted_with_both_lists(rig: Rig) -> None:
    goal = FollowTrajectory.Goal(trajectory=write_trajectory(smooth(ARM.home, ARM.home, 1.0), ARM))
    goal.trajectory.joint_names = [f"fr3_joint{k}" for k in range(1, 8)]

    status, result = rig.ended(rig.ask(goal))

    assert (status, result.success) == (GoalStatus.STATUS_ABORTED, False)
    assert np.isnan(result.final_error)
    assert result.message == (
        f"trajectory refused: it names {', '.join(goal.trajectory.joint_names)}; "
        f"the arm has {', '.join(ARM.joint_names)}"
    )


@pytest.mark.parametrize(
    ("far", "duration", "problem"),
    [(9.0, 100.0, "would be at"), (0.5, 0.3, "would move at"), (0.05, 0.15, "would accelerate at")],
)
def test_a_trajectory_beyond_the_limits_is_aborted_and_the_arm_stays(
    rig: Rig, far: float, duration: float, problem: str
) -> None:
    before = len(rig.commands)

    end = rig.position + far * np.eye(7)[0]
    status, result = rig.ended(rig.send(smooth(rig.position, end, duration)))

    assert (status, result.success) == (GoalStatus.STATUS_ABORTED, False)
    assert result.message.startswith(f"trajectory refused: panda_joint1 {problem}")
    assert len(rig.commands) == before


def test_a_bridge_that_is_deactivated_in_mid_motion_ends_it_and_takes_others_later(
    rig: Rig,
) -> None:
    handle = rig.begin()

    # when
    rig.change(Transition.TRANSITION_DEACTIVATE)

    # then
    status, result = rig.ended(handle)
    assert (status, result.success) == (GoalStatus.STATUS_ABORTED, False)
    assert result.message == "the arm bridge was deactivated"
    status, result = rig.ended(rig.send(smooth(rig.position, rig.end, 2.0)))
    assert (status, result.message) == (GoalStatus.STATUS_ABORTED, "the arm bridge is not active")

    # when
    rig.change(Transition.TRANSITION_ACTIVATE)

    # then
    assert rig.ended(rig.send(smooth(rig.position, rig.end, 2.0)))[1].success


def test_the_arm_comes_to_rest_when_its_client_is_killed_and_serves_the_next(rig: Rig) -> None:
    # given a client in a process of its own
    end = rig.end
    words = [ARM.name, str(LONG), *map(str, rig.position), *map(str, end)]
    with subprocess.Popen([sys.executable, motion_client.__file__, *words]) as client:
        try:
            rig.wait_until_moving()
        finally:
            client.kill()

    # when
    begun = rig.ticks
    rig.me.wait_for(lambda: rig.statuses[-1].state == GuardStatus.IDLE, "the arm to come to rest")

    # then
    assert rig.statuses[-1].reason == "the client that asked for the motion is gone"
    assert (rig.ticks - begun) * PERIOD < 0.5 * LONG
    rig.rest()
    assert np.abs(rig.position - end).max() > 0.1
    # and the dead, which DDS remembers for a while, does not make another one's motion end
    handle = rig.begin(6.0)
    assert rig.ended(handle)[1].success


def test_the_arm_comes_to_rest_when_its_client_leaves(rig: Rig) -> None:
    rig.begin()

    rig.leave()

    rig.me.wait_for(lambda: rig.statuses[-1].state == GuardStatus.IDLE, "the arm to come to rest")
    assert rig.statuses[-1].reason == "the client that asked for the motion is gone"
    rig.node.wait_for_output("the client that asked for the motion is gone")
