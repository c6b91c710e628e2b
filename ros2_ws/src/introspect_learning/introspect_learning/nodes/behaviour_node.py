"""Drives the arm through episodes of a task with a learned policy."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import PoseStamped
from introspect_msgs.action import ExecuteTask
from introspect_msgs.msg import BehaviourStatus, GuardStatus
from numpy.typing import NDArray
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from sensor_msgs.msg import JointState

from introspect_control.nodes.runtime import (
    LATCHED,
    STREAM,
    ConfigurationError,
    LoopTimer,
    ManagedNode,
    parameter,
    spin,
)
from introspect_control.nodes.warm_up import WarmUp
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.execution import (
    Action,
    ExecutorConfig,
    NotObservable,
    Observer,
    Outcome,
    PolicyExecutor,
    Question,
    Sight,
)
from introspect_learning.models import BehavioursOutput, BehavioursRuntime, ContractError
from introspect_learning.nodes.policy_folder import (
    PolicyParameters,
    load_arm,
    policy_folder,
    published_layers,
)
from introspect_learning.nodes.policy_messages import PolicyPublisher, nanoseconds
from introspect_sim.tasks import OBSERVATION, PickAndPlace

CHECKS = 20.0  # of what has fallen silent [Hz of wall time]
FEEDBACK = 5  # periods from one feedback to the next


@dataclass(frozen=True)
class BehaviourParameters(PolicyParameters):
    """Which policy, what it tells of itself, and how long the arm moves on without an answer."""

    decision_timeout: float = parameter(
        0.2, "without a decision that holds the arm [s]", minimum=0.04, maximum=1.0
    )
    real_gripper: bool = parameter(
        False, "take the gripper's width from the real arm's ROS 2 driver, by the arm's data file"
    )
    layers: tuple[str, ...] = parameter(
        ("feature_1", "features"),
        "whose activations are published after the action, for whoever likes to know",
    )
    asked_layers: tuple[str, ...] = parameter(
        ("features",),
        "whose activations are published before it, as who chooses waits for them, beside those "
        "that the choreographer of the policy's folder listens to",
    )


class BehaviourNode(ManagedNode[BehaviourParameters]):
    """Observes, asks the choreographer, acts; one episode for each goal of ``execute_task``.

    It is the port of its ``PolicyExecutor``: what that asks, does and ends is published here.
    """

    def __init__(self) -> None:
        super().__init__("behaviour_node", BehaviourParameters)

    def configure(self) -> None:
        """Load the policy and make everything that talks."""
        arm = load_arm(self.parameters)
        folder = policy_folder(self.parameters)
        try:
            self._behaviours = BehavioursRuntime.load(folder, arm)
        except ContractError as error:
            raise ConfigurationError(str(error)) from error
        layers = published_layers(
            folder,
            self._behaviours.contract,
            self.parameters.asked_layers,
            self.parameters.layers,
        )
        self._behaviours.run(np.zeros(OBSERVATION.size, dtype=np.float32))  # the first run is slow
        self._task = PickAndPlace()
        period = 1.0 / self._behaviours.contract.rate
        config = ExecutorConfig(
            period=period,
            patience=0.5 * period,
            decision_timeout=self.parameters.decision_timeout,
        )
        self._observer = Observer(arm)
        self._reported_late = self._reported_held = 0
        self._fault: str | None = None  # of the arm bridge
        self._stamp = 0  # of the latest joint states [ns]
        self._time = self._choose_clock()
        self._loop = self.diagnostics.time_loop("observation", period)
        timed = _Timed(self._behaviours, self.diagnostics.time_loop("inference"))
        self._warm_up = WarmUp(self, self._rehearse, period)
        phase = Teacher().phase
        self._executor = PolicyExecutor(timed, self._task, self, config, phase=phase)
        self.diagnostics.before_publishing(self._report)
        self._publisher = PolicyPublisher(self, self._behaviours.hash, layers, arm.base_frame)
        self.create_subscription(PoseStamped, "object_pose", self._on_object, STREAM)
        self.create_subscription(PoseStamped, "goal_pose", self._on_goal, STREAM)
        self.create_subscription(BehaviourStatus, "behaviour", self._on_decision, STREAM)
        self.create_subscription(GuardStatus, "guard/status", self._on_guard, LATCHED)
        self.create_subscription(JointState, arm.controller.state_topic, self._on_joints, STREAM)
        self._real_gripper = arm.gripper.real if self.parameters.real_gripper else None
        if self._real_gripper is not None and self._real_gripper.state_topic:
            topic = self._real_gripper.state_topic
            self.create_subscription(JointState, topic, self._on_gripper, STREAM)
        self.create_timer(1.0 / CHECKS, self._check, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._goal: ServerGoalHandle | None = None
        self._outcome: Outcome | None = None
        self._server = ActionServer(
            self,
            ExecuteTask,
            "execute_task",
            self._conclude,
            goal_callback=self._on_goal_request,
            handle_accepted_callback=self._on_goal_accepted,
            cancel_callback=self._on_cancel_request,
        )

    def activate(self) -> None:
        """Be ready for goals."""
        self.get_logger().info(f"ready for {self._task.name}, model {self._behaviours.hash[:12]}")

    def deactivate(self) -> None:
        """Hold the arm."""
        self._executor.stop("behaviour_node was deactivated")

    def cleanup(self) -> None:
        """Stop serving goals."""
        self._server.destroy()

    # What the executor says.

    def ask(self, question: Question) -> None:
        """Send a question to the choreographer."""
        self._publisher.ask(question)

    def act(self, action: Action) -> None:
        """Send an action to the arm, and word of it now and then to who set the goal."""
        self._publisher.act(action)
        if self._goal is not None and action.sequence % FEEDBACK == 0:
            self._goal.publish_feedback(
                ExecuteTask.Feedback(
                    sequence=action.sequence,
                    behaviour=action.behaviour,
                    distance=self._executor.distance,
                )
            )

    def end(self, outcome: Outcome) -> None:
        """Let the goal know."""
        self._loop.pause()
        self._publisher.tell()
        if not outcome.finished:
            self.get_logger().warning(f"episode {self._executor.episode}: {outcome.message}")
        self._outcome = outcome
        if self._goal is not None:
            self._goal.execute()  # calls _conclude

    # What arrives.

    def _on_joints(self, message: JointState) -> None:
        self._stamp = stamp = nanoseconds(message.header.stamp)
        self._observer.see_joints(message.name, message.position, message.velocity, self._time())
        self._executor.state(stamp, self._look)

    def _on_gripper(self, message: JointState) -> None:
        width = self._real_gripper.width_from_joints(message.name, message.position)
        if width is not None:
            self._observer.see_width(width, self._time())

    def _look(self) -> Sight:
        """Observe; also whether it makes sense to begin at all."""
        if not self._executor.moving:
            if not self._publisher.heard:
                raise NotObservable("nobody listens to policy/action (is arm_bridge_node running?)")
            if self._fault is not None:
                raise NotObservable(f"{self._fault}; call guard/rearm")
        self._warm_up.done()
        with self._loop:
            return self._observer.look(self._time())

    def _rehearse(self) -> None:
        """Observe and infer for nothing."""
        with suppress(NotObservable):
            self._behaviours.run(self._observer.look(self._time()).observation)

    def _on_object(self, message: PoseStamped) -> None:
        at, turn = message.pose.position, message.pose.orientation
        self._observer.see_object((at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w), self._time())

    def _on_goal(self, message: PoseStamped) -> None:
        at = message.pose.position
        self._observer.see_goal((at.x, at.y, at.z), self._time())

    def _on_decision(self, message: BehaviourStatus) -> None:
        if tuple(message.names) != self._behaviours.names:
            self._executor.stop(
                f"the choreographer chooses among {', '.join(message.names)}, "
                f"the behaviours are {', '.join(self._behaviours.names)}"
            )
            return
        self._executor.decide(message.episode, nanoseconds(message.header.stamp), message.index)

    def _on_guard(self, message: GuardStatus) -> None:
        """An arm that the bridge has stopped does not need a policy."""
        faulty = message.state == GuardStatus.FAULT
        self._fault = f"the arm bridge is in FAULT ({message.reason})" if faulty else None
        if self._fault is not None and self._executor.moving:
            self._executor.stop(self._fault)

    def _check(self) -> None:
        """End an episode whose senses have fallen silent."""
        if self._executor.moving:
            try:
                self._observer.check(self._time())
            except NotObservable as error:
                self._executor.stop(str(error))
        self._executor.check()

    # Goals.

    def _on_goal_request(self, request: ExecuteTask.Goal) -> GoalResponse:
        problem = None
        if not self.active:
            problem = "behaviour_node is not active"
        elif self._executor.running or self._goal is not None:
            problem = f"episode {self._executor.episode} is still running"
        elif request.task not in ("", self._task.name):
            problem = f"task {request.task!r} does not exist; there is {self._task.name!r}"
        elif not 0.0 <= request.timeout < float("inf"):
            problem = f"timeout must be 0 (the task's own) or positive, got {request.timeout} s"
        if problem is not None:
            self.get_logger().error(f"goal refused: {problem}")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_cancel_request(self, handle: ServerGoalHandle) -> CancelResponse:
        self._executor.stop("cancelled")
        return CancelResponse.ACCEPT

    def _on_goal_accepted(self, handle: ServerGoalHandle) -> None:
        """Start the episode, and leave the goal open until it ends.

        A coroutine that waits for the end would be simpler, but rclpy's executors do not wait:
        they ask it again and again, with all the processor time that there is.
        """
        self._goal, self._outcome = handle, None
        self._executor.start(handle.request.timeout)

    def _conclude(self, handle: ServerGoalHandle) -> ExecuteTask.Result:
        """Answer a goal whose episode has ended."""
        outcome, self._goal = self._outcome, None
        if handle.is_cancel_requested:
            handle.canceled()
        elif outcome.finished:
            handle.succeed()
        else:
            handle.abort()
        return ExecuteTask.Result(
            success=outcome.success,
            steps=outcome.steps,
            final_distance=outcome.distance,
            message=outcome.message,
        )

    # The rest.

    def _choose_clock(self) -> Callable[[], float]:
        """A monotonic clock, or in simulation the time that the joint states have reached."""
        if self.get_parameter("use_sim_time").value:
            return lambda: 1e-9 * self._stamp
        return time.monotonic

    def _report(self) -> None:
        values, late, held = self.diagnostics, self._executor.late, self._executor.held
        values.set("episode", self._executor.episode)
        values.set("late decisions", late)
        values.set("held periods", held)
        values.set("skipped periods", self._executor.skipped)
        if held > self._reported_held:
            values.error("no decision from the choreographer: the arm is held until one comes")
        elif late > self._reported_late:
            values.warn(f"{late - self._reported_late} decisions came late; the last one was kept")
        else:
            values.ok()
        self._reported_late, self._reported_held = late, held


class _Timed:
    """The behaviours, with their running time taken."""

    def __init__(self, behaviours: BehavioursRuntime, timer: LoopTimer) -> None:
        self.names = behaviours.names
        self._behaviours, self._timer = behaviours, timer

    def run(self, observation: NDArray[np.float32]) -> BehavioursOutput:
        with self._timer:
            return self._behaviours.run(observation)


def main() -> None:
    """Run the node."""
    sys.exit(spin(BehaviourNode))


if __name__ == "__main__":
    main()
