"""What comes too late for a motion of ``follow_trajectory``: its acceptance, or its cancelling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from arm_rig import ARM
from arm_rig import Rig as ArmRig
from introspect_msgs.action import FollowTrajectory
from live_graph import Peer, peer
from motion_client import smooth
from rclpy.action import ActionClient, ActionServer, CancelResponse
from rclpy.node import Node

from introspect_control.nodes import trajectory_client
from introspect_control.nodes.bridge_messages import write_trajectory
from introspect_control.nodes.runtime import end, make_executor
from introspect_control.nodes.trajectory_client import TrajectoryClient
from introspect_control.nodes.trajectory_server import TrajectoryServer

MOTION = smooth(ARM.home, ARM.home + 0.1, 1.0)


class Server(Node):
    """Does nothing until the test lets it."""

    active = True

    def __init__(self, me: Peer) -> None:
        super().__init__("server")
        self._me = me
        self._executor = make_executor()
        self._executor.add_node(self)
        self.executor = self._executor

    def work_until(self, condition: Callable[[], Any], what: str) -> None:
        """Let both sides go on until a condition holds."""

        def worked() -> bool:
            self._executor.spin_once(timeout_sec=0.0)
            return bool(condition())

        self._me.wait_for(worked, what)


@pytest.fixture
def me(ros_domain: int) -> Iterator[Peer]:
    with peer() as me:
        yield me


@pytest.fixture
def server(me: Peer) -> Iterator[Server]:
    server = Server(me)
    yield server
    end(server)


def test_a_motion_that_is_accepted_after_it_was_given_up_is_cancelled(
    me: Peer, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a client that has said that it heard nothing
    monkeypatch.setattr(trajectory_client, "SILENCE", 0.2)
    accepted: list[Any] = []
    cancelled: list[Any] = []

    def on_cancel(handle: Any) -> CancelResponse:
        cancelled.append(handle)
        return CancelResponse.ACCEPT

    action = ActionServer(
        server,
        FollowTrajectory,
        "follow_trajectory",
        lambda _: FollowTrajectory.Result(),
        handle_accepted_callback=accepted.append,
        cancel_callback=on_cancel,
    )
    client = TrajectoryClient(me.node, ARM)
    me.wait_for(lambda: client.ready, "follow_trajectory")
    client.send(MOTION, None)
    ends = []
    me.wait_for(lambda: ends.append(client.look()) or ends[-1], "the client to give up")
    assert ends[-1].message.startswith("nothing heard from follow_trajectory for 0.2 s")

    # when
    server.work_until(lambda: accepted, "the goal to be accepted")

    # then
    server.work_until(lambda: cancelled, "the goal to be cancelled")
    assert cancelled == accepted
    client.destroy()
    action.destroy()


def test_a_cancel_that_comes_when_the_arm_is_there_changes_nothing(
    me: Peer, server: Server
) -> None:
    # given a motion that has come to its end, which nobody has been told yet
    arm = ArmRig(lockstep=True)
    action = TrajectoryServer(server, arm.bridge, ARM)
    client = ActionClient(me.node, FollowTrajectory, "follow_trajectory")
    me.wait_for(client.server_is_ready, "follow_trajectory")
    goal = FollowTrajectory.Goal(trajectory=write_trajectory(MOTION, ARM))
    sent = client.send_goal_async(goal)
    server.work_until(sent.done, "an answer")
    handle = sent.result()
    assert handle is not None
    assert handle.accepted
    while arm.bridge.progress is not None:
        arm.run(1, policy=False)

    # when
    server.work_until(handle.cancel_goal_async().done, "the cancel's answer")
    action.look()
    ended = handle.get_result_async()
    server.work_until(ended.done, "the end of the motion")

    # then
    answer = ended.result()
    assert answer is not None
    assert (answer.status, answer.result.success) == (GoalStatus.STATUS_SUCCEEDED, True)
    client.destroy()
    action.destroy()
