"""Ways to tell an arm's controller where to go: a topic, an action, or a stream of positions."""

from __future__ import annotations

import importlib
import time
from typing import Any, Protocol

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from introspect_control.nodes.bridge_messages import write_trajectory
from introspect_control.nodes.parameters import ConfigurationError
from introspect_control.nodes.qos import STREAM
from introspect_control.trajectory import Trajectory
from introspect_description import ArmDescription

ACTION_RATE = 25.0  # of goals: at 10 Hz the arm slows down in between, more cost much [Hz]
SHORTEST_LEAD = 0.005  # from now to the first point of what is left of a trajectory [s]


class ArmPort(Protocol):
    """Where an arm bridge sends its trajectories.

    Attributes:
        topic: full name, on which nobody else may command the arm.
    """

    topic: str

    def publish(self, trajectory: Trajectory) -> None:
        """Let the arm follow a trajectory from now on, instead of the one before."""

    def cancel(self) -> None:
        """Drop what has not begun; where the controller can, let it stop what has."""

    def problem(self) -> str:
        """Why commands would not be followed; empty where nothing is known against it."""

    def forget(self) -> None:
        """Forget what the controller has refused, once a person has seen to it."""

    def second_commander(self) -> str:
        """Who else commands the arm; empty if nobody does."""

    def close(self) -> None:
        """Free what it took of the node."""


def make_arm_port(node: Node, arm: ArmDescription, rate: float = ACTION_RATE) -> ArmPort:
    """The port for the interface of an arm's controller.

    Args:
        node: on whose behalf.
        arm: whose ``controller.interface`` decides.
        rate: of goals, for an action [Hz].

    Raises:
        ConfigurationError: The interface needs a package that is not installed.
    """
    interface = arm.controller.interface
    if interface == "follow_joint_trajectory":
        return FollowJointTrajectoryPort(node, arm, rate)
    if interface == "joint_group_position":
        return JointGroupPositionPort(node, arm)
    return JointTrajectoryPort(node, arm)


def import_control_msgs(arm: ArmDescription, kind: str, key: str) -> Any:
    """An action of control_msgs, which pip does not have.

    Raises:
        ConfigurationError: It is not installed, or too old to have it.
    """
    try:
        return getattr(importlib.import_module("control_msgs.action"), kind)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"{key} of arm {arm.name!r} needs control_msgs/action/{kind}, which is not installed; "
            "run 'sudo apt install ros-$ROS_DISTRO-control-msgs' and source ROS 2, or change "
            f"{key} in {arm.data_path}"
        ) from error


class _TopicPort:
    """A port that publishes on a topic."""

    def __init__(self, node: Node, kind: type, name: str) -> None:
        self._node = node
        self._publisher = node.create_publisher(kind, name, STREAM)
        self.topic: str = self._publisher.topic_name

    def cancel(self) -> None:
        """Nothing: what has been sent ends at rest by itself."""

    def problem(self) -> str:
        """Whether anybody listens."""
        if self._publisher.get_subscription_count():
            return ""
        return f"nobody listens to {self.topic}; is the arm's driver running?"

    def forget(self) -> None:
        """Nothing: a topic is not answered."""

    def second_commander(self) -> str:
        """Other publishers on the topic."""
        return _second_commander(self._node, self.topic, own=1)

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._publisher)


class JointTrajectoryPort(_TopicPort):
    """The whole trajectory, on ``<controller>/joint_trajectory``."""

    def __init__(self, node: Node, arm: ArmDescription) -> None:
        super().__init__(node, JointTrajectory, arm.controller.trajectory_topic)
        self._arm = arm

    def publish(self, trajectory: Trajectory) -> None:
        """Send it; it starts when it arrives."""
        self._publisher.publish(write_trajectory(trajectory, self._arm))


class JointGroupPositionPort(_TopicPort):
    """The first point's positions only, on ``<controller>/commands``, in the arm's order.

    Such a controller has neither names nor stamps nor velocities, and holds what came last: an arm
    whose commander dies in motion stops at once, not along a ramp.
    """

    def __init__(self, node: Node, arm: ArmDescription) -> None:
        super().__init__(node, Float64MultiArray, arm.controller.command_name)

    def publish(self, trajectory: Trajectory) -> None:
        """Send where the joints are to be one period from now."""
        self._publisher.publish(Float64MultiArray(data=trajectory.positions[0].tolist()))


class FollowJointTrajectoryPort:
    """Goals of the action ``<controller>/follow_joint_trajectory``, each replacing the one before.

    A trajectory that is sent late is shortened by what has passed of it meanwhile. Every goal takes
    some messages both ways, and a short trajectory begins to slow down after 0.02 s: where the
    controller has a topic as well, as joint_trajectory_controller has, that is the better way.

    Args:
        node: on whose behalf.
        arm: to command.
        rate: of goals at most [Hz].

    Raises:
        ConfigurationError: control_msgs is not installed.
    """

    def __init__(self, node: Node, arm: ArmDescription, rate: float = ACTION_RATE) -> None:
        self._action = import_control_msgs(arm, "FollowJointTrajectory", "controller.interface")
        self._node = node
        self._arm = arm
        self._interval = 1.0 / rate
        self._client = ActionClient(node, self._action, arm.controller.command_name)
        self._timer = node.create_timer(
            self._interval, self._send_what_waits, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        self.topic = node.resolve_topic_name(arm.controller.trajectory_topic)
        self._waiting: tuple[Trajectory, float] | None = None  # and since when [s]
        self._sent_at = float("-inf")  # [s]
        self._number = 0  # of the latest goal
        self._cancelled = 0  # all goals up to this one
        self._handle: Any = None  # of the latest goal that was accepted
        self._refused = ""

    def publish(self, trajectory: Trajectory) -> None:
        """Send it, now or as soon as the rate allows."""
        now = time.monotonic()
        self._waiting = trajectory, now
        if self._due(now):
            self._send(now)

    def cancel(self) -> None:
        """Send nothing more, and let the controller end what it follows in its own way."""
        self._waiting = None
        self._cancelled = self._number
        if self._handle is not None:
            self._handle.cancel_goal_async()
            self._handle = None

    def problem(self) -> str:
        """What the controller has refused, or that there is none."""
        if self._refused:
            return self._refused
        if self._client.server_is_ready():
            return ""
        name = self._node.resolve_topic_name(self._arm.controller.command_name)
        return f"no action server {name}; is the arm's driver running?"

    def forget(self) -> None:
        """Forget what was refused."""
        self._refused = ""

    def second_commander(self) -> str:
        """Publishers on the controller's topic, which it listens to as well."""
        return _second_commander(self._node, self.topic, own=0)

    def close(self) -> None:
        """Destroy timer and action client."""
        self._node.destroy_timer(self._timer)
        self._client.destroy()

    def _send_what_waits(self) -> None:
        now = time.monotonic()
        if self._waiting is not None and self._due(now):
            self._send(now)

    def _due(self, now: float) -> bool:
        return now - self._sent_at >= 0.9 * self._interval  # timers are not exact

    def _send(self, now: float) -> None:
        assert self._waiting is not None
        trajectory, since = self._waiting
        self._waiting = None
        left = shorten(trajectory, now - since)
        if left is None or not self._client.server_is_ready():
            return  # nothing is left of it, or ``problem`` tells
        self._sent_at = now
        self._number += 1
        number = self._number
        goal = self._action.Goal(trajectory=write_trajectory(left, self._arm))
        future = self._client.send_goal_async(goal)
        future.add_done_callback(lambda done: self._on_response(number, done))

    def _on_response(self, number: int, future: Future[Any]) -> None:
        handle = future.result()
        if handle is None or not handle.accepted:
            self._refused = "controller rejected a trajectory: is it active, in a fault?"
            return
        if number <= self._cancelled:
            handle.cancel_goal_async()
        elif number == self._number:
            self._handle = handle
        handle.get_result_async().add_done_callback(lambda done: self._on_result(number, done))

    def _on_result(self, number: int, future: Future[Any]) -> None:
        answer = future.result()
        if number == self._number:
            self._handle = None
        if answer is None or answer.status != GoalStatus.STATUS_ABORTED:
            return
        result, kinds = answer.result, self._action.Result
        violations = (kinds.PATH_TOLERANCE_VIOLATED, kinds.GOAL_TOLERANCE_VIOLATED)
        # A goal that another one has replaced is aborted as well, by some controllers.
        if number == self._number or result.error_code in violations:
            self._refused = f"controller aborted: {_error_name(kinds, result.error_code)}" + (
                f": {result.error_string}" if result.error_string else ""
            )


def shorten(trajectory: Trajectory, passed: float) -> Trajectory | None:
    """What is left of a trajectory after a time [s], if anything is.

    A point that is too near to be reached smoothly is left out.
    """
    if passed < SHORTEST_LEAD:
        return trajectory
    times = trajectory.times - passed
    left = times >= SHORTEST_LEAD
    if not left.any():
        return None
    return Trajectory(times[left], trajectory.positions[left], trajectory.velocities[left])


def _second_commander(node: Node, topic: str, own: int) -> str:
    publishers = node.get_publishers_info_by_topic(topic)
    if len(publishers) <= own:
        return ""
    names = sorted(f"{p.node_namespace.rstrip('/')}/{p.node_name}" for p in publishers)
    return (
        f"{len(names)} publishers on {topic}: {', '.join(names)}; "
        "only one may command the arm, end the others"
    )


def _error_name(kinds: Any, code: int) -> str:
    names = ("INVALID_GOAL", "INVALID_JOINTS", "OLD_HEADER_TIMESTAMP")
    names += ("PATH_TOLERANCE_VIOLATED", "GOAL_TOLERANCE_VIOLATED")
    return next((name for name in names if getattr(kinds, name) == code), f"error {code}")
