"""The action ``follow_trajectory``: a joint trajectory through the bridge's guard."""

from __future__ import annotations

import math
import time

from introspect_msgs.action import FollowTrajectory
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from introspect_control.bridge import ArmBridge, MotionOutcome
from introspect_control.nodes import bridge_messages as messages
from introspect_control.nodes.sign_of_life import ClientWatch
from introspect_description import ArmDescription

FEEDBACK = 0.1  # between two words of progress [s]
ALONE = "the client that asked for the motion is gone"


class TrajectoryServer:
    """Takes one goal at a time; ``look`` tells its client how far the bridge has got.

    A motion whose client is gone is given up: nobody is left who could.

    Args:
        node: that serves; ``active`` says whether it takes goals.
        bridge: that moves the arm.
        arm: whose joints the trajectories name.
    """

    def __init__(self, node: Node, bridge: ArmBridge, arm: ArmDescription) -> None:
        self._node, self._bridge, self._arm = node, bridge, arm
        self._goal: ServerGoalHandle | None = None
        self._outcome: MotionOutcome | None = None
        self._told = 0.0  # when of progress [s]
        self._clients = ClientWatch(node)
        self._server = ActionServer(
            node,
            FollowTrajectory,
            "follow_trajectory",
            self._conclude,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
        )

    def destroy(self) -> None:
        """Stop serving."""
        self._server.destroy()
        self._clients.destroy()

    def look(self) -> None:
        """Tell the client of progress, or of the end."""
        if self._goal is None:
            return
        outcome = self._bridge.take_outcome()
        if outcome is not None:
            self._end(outcome)
        elif time.monotonic() - self._told >= FEEDBACK:
            self._told = time.monotonic()
            progress = self._bridge.progress
            if progress is not None:
                self._goal.publish_feedback(FollowTrajectory.Feedback(progress=progress))

    def look_around(self) -> None:
        """Bring the arm to rest when nobody is left who could have asked for its motion."""
        if self._goal is not None and self._clients.alone(time.monotonic()):
            self._bridge.cancel(ALONE)

    def _on_goal(self, request: FollowTrajectory.Goal) -> GoalResponse:
        """Accept, also what will be refused: only a result can say why."""
        if self._goal is not None:
            self._node.get_logger().error("trajectory refused: another one is being followed")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        self._goal = handle
        self._clients.begin()
        request = handle.request
        width = request.gripper_width if request.move_gripper else None
        try:
            trajectory = messages.read_trajectory(request.trajectory, self._arm)
        except ValueError as error:
            problem = f"trajectory refused: {error}"
        else:
            problem = "the arm bridge is not active"
            if self._node.active:
                problem = self._bridge.follow(trajectory, time.monotonic(), width)
        if problem:
            self._end(MotionOutcome(False, math.nan, problem))

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        self._bridge.cancel("cancelled")
        return CancelResponse.ACCEPT

    def _end(self, outcome: MotionOutcome) -> None:
        assert self._goal is not None
        if not outcome.success and not self._goal.is_cancel_requested:
            self._node.get_logger().error(outcome.message)
        self._outcome = outcome
        self._goal.execute()  # calls _conclude

    def _conclude(self, handle: ServerGoalHandle) -> FollowTrajectory.Result:
        outcome, self._goal = self._outcome, None
        assert outcome is not None
        if handle.is_cancel_requested and not outcome.success:  # else the cancel came too late
            handle.canceled()
        elif outcome.success:
            handle.succeed()
        else:
            handle.abort()
        return FollowTrajectory.Result(
            success=outcome.success, final_error=outcome.final_error, message=outcome.message
        )
