"""The client's side of ``follow_trajectory``: one motion at a time, its end told once."""

from __future__ import annotations

import time

from introspect_msgs.action import FollowTrajectory
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.node import Node
from rclpy.task import Future

from introspect_control.nodes import bridge_messages as messages
from introspect_control.nodes.sign_of_life import show_life
from introspect_control.planning.mover import Ending
from introspect_control.trajectory import Trajectory
from introspect_description import ArmDescription

ACTION = "follow_trajectory"
SILENCE = 5.0  # of the server, after which a motion is given up [s]


class TrajectoryClient:
    """Has motions followed by whoever serves ``follow_trajectory``; ``look`` says how it goes.

    Args:
        node: that asks.
        arm: whose joints the trajectories name.
    """

    def __init__(self, node: Node, arm: ArmDescription) -> None:
        self._node, self._arm = node, arm
        self._client = ActionClient(node, FollowTrajectory, ACTION)
        self._life = show_life(node)
        self._handle: ClientGoalHandle | None = None
        self._outcome: Ending | None = None
        self._number = 0  # of the motion; answers about earlier ones are ignored
        self._cancelled = False
        self._heard = 0.0  # when the server last said something [s]
        self.progress = 0.0  # share of the motion that is over

    @property
    def ready(self) -> bool:
        """Whether there is a server."""
        return bool(self._client.server_is_ready())

    def destroy(self) -> None:
        """Free the client."""
        self._client.destroy()
        self._node.destroy_publisher(self._life)

    def send(self, trajectory: Trajectory, gripper_width: float | None) -> None:
        """Ask for a motion."""
        self._number += 1
        number = self._number
        self._handle, self._outcome = None, None
        self._cancelled, self._heard, self.progress = False, time.monotonic(), 0.0
        goal = FollowTrajectory.Goal(
            trajectory=messages.write_trajectory(trajectory, self._arm),
            move_gripper=gripper_width is not None,
            gripper_width=gripper_width or 0.0,
        )

        def on_feedback(message: FollowTrajectory.Impl.FeedbackMessage) -> None:
            if number == self._number:
                self._heard = time.monotonic()
                self.progress = message.feedback.progress

        def on_result(future: Future) -> None:
            if number == self._number:
                result = future.result().result
                self._outcome = Ending(result.success, result.message)

        def on_answer(future: Future) -> None:
            handle = future.result()
            if number != self._number:
                if handle.accepted:  # long after the motion was given up: it must not begin
                    handle.cancel_goal_async()
                return
            self._heard = time.monotonic()
            if not handle.accepted:
                problem = f"{ACTION} has refused the motion; its log says why"
                self._outcome = Ending(False, problem)
                return
            self._handle = handle
            handle.get_result_async().add_done_callback(on_result)
            if self._cancelled:
                handle.cancel_goal_async()

        self._client.send_goal_async(goal, on_feedback).add_done_callback(on_answer)

    def cancel(self) -> None:
        """Have the arm come to rest; the end of the motion is told as ever."""
        self._cancelled = True
        if self._handle is not None:
            self._handle.cancel_goal_async()

    def look(self) -> Ending | None:
        """How the motion has ended, once; None while it goes on."""
        if self._outcome is None and time.monotonic() - self._heard > SILENCE:
            self.cancel()
            self._outcome = Ending(
                False,
                f"nothing heard from {ACTION} for {SILENCE:g} s (is arm_bridge_node running?)",
            )
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            self._number += 1
        return outcome
