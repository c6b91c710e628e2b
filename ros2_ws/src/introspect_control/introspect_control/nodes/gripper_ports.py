"""Ways to tell a gripper its width: our own topic, one of two actions, or none."""

from __future__ import annotations

import time
from typing import Any, Protocol

from introspect_msgs.msg import GripperCommand
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import JointState

from introspect_control.nodes.arm_ports import import_control_msgs
from introspect_control.nodes.bridge_messages import write_gripper
from introspect_control.nodes.parameters import ConfigurationError
from introspect_control.nodes.qos import STREAM
from introspect_description import ArmDescription, RealGripperDescription

OWN_TYPE = "introspect_msgs/msg/GripperCommand"
RESOLUTION = 1e-3  # by which a width must differ to be commanded anew [m]
PATIENCE = 2.0  # with a server that has been given a goal, or asked to cancel one [s]


class GripperPort(Protocol):
    """Where an arm bridge sends the width of the gripper."""

    def command(self, width: float) -> None:
        """Let the gripper have a width [m], with the arm's usual force."""

    def problem(self) -> str:
        """Why commands would not be followed; empty where nothing is known against it."""

    def close(self) -> None:
        """Free what it took of the node."""


def make_gripper_port(node: Node, arm: ArmDescription, real: bool = False) -> GripperPort:
    """The port for an arm's gripper.

    Args:
        node: on whose behalf.
        arm: whose gripper it is.
        real: the one that the real arm's driver has, not the simulated or the mock arm's.

    Raises:
        ConfigurationError: A type that needs a package that is not installed, or an unknown one.
    """
    gripper = arm.gripper.real if real else None
    kind = gripper.command_type if gripper else arm.gripper.command_type
    if kind == OWN_TYPE:
        topic = gripper.command_name if gripper else arm.gripper.command_topic
        return GripperTopicPort(node, arm, topic)
    if gripper is None:
        raise ConfigurationError(
            f"gripper.command_type of arm {arm.name!r} is {kind}; outside gripper.real it must be "
            f"{OWN_TYPE}"
        )
    if kind == "none":
        return NoGripperPort()
    return GripperActionPort(node, arm, gripper)


class NoGripperPort:
    """For an arm without a gripper: commands go nowhere."""

    def command(self, width: float) -> None:
        """Do nothing."""

    def problem(self) -> str:
        """There is none."""
        return ""

    def close(self) -> None:
        """There is nothing to free."""


class GripperTopicPort:
    """Publishes ``introspect_msgs/GripperCommand``."""

    def __init__(self, node: Node, arm: ArmDescription, topic: str) -> None:
        self._node = node
        self._arm = arm
        self._publisher = node.create_publisher(GripperCommand, topic, STREAM)

    def command(self, width: float) -> None:
        """Publish the width."""
        now = self._node.get_clock().now().to_msg()
        self._publisher.publish(write_gripper(width, self._arm, now))

    def problem(self) -> str:
        """Whether anybody listens."""
        if self._publisher.get_subscription_count():
            return ""
        return f"nobody listens to {self._publisher.topic_name}; is the gripper's driver running?"

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._publisher)


class GripperActionPort:
    """One goal at a time of the action of a gripper's driver.

    A width that is told again makes no new goal: a gripper that holds something would let go of it
    for a moment and grasp anew. Another width first cancels the goal under way, since some drivers
    carry out two at once. A goal that is aborted is no fault: that is how a gripper says that there
    was something between its fingers, or that there was not.

    Args:
        node: on whose behalf.
        arm: whose gripper it is.
        gripper: as its driver has it.

    Raises:
        ConfigurationError: control_msgs is not installed.
    """

    def __init__(self, node: Node, arm: ArmDescription, gripper: RealGripperDescription) -> None:
        kind = gripper.command_type.rpartition("/")[2]
        self._action = import_control_msgs(arm, kind, "gripper.real.command_type")
        self._parallel = kind == "ParallelGripperCommand"
        self._node = node
        self._gripper = gripper
        self._force = arm.gripper.grip_force
        self._client = ActionClient(node, self._action, gripper.command_name)
        self._wanted: float | None = None  # [m]
        self._sent: float | None = None  # by the latest goal [m]
        self._number = 0  # of that goal
        self._sent_at = 0.0  # [s]
        self._under_way = False
        self._handle: Any = None  # of the goal under way, once it is accepted
        self._cancelled_at: float | None = None  # [s]

    def command(self, width: float) -> None:
        """Send a goal, unless the latest one has that width."""
        assert self._gripper.widths is not None
        self._wanted = self._gripper.widths.width(self._gripper.command_for_width(width))
        self._go_on()

    def problem(self) -> str:
        """Whether there is a server."""
        if self._client.server_is_ready():
            return ""
        name = self._node.resolve_topic_name(self._gripper.command_name)
        return f"no action server {name}; is the gripper's driver running?"

    def close(self) -> None:
        """Destroy the action client."""
        self._client.destroy()

    def _go_on(self) -> None:
        if self._wanted is None or not self._client.server_is_ready():
            return
        self._forget_unanswered()
        if self._sent is not None and abs(self._wanted - self._sent) < RESOLUTION:
            return
        if self._under_way and not self._given_up():
            return
        self._send(self._wanted)

    def _forget_unanswered(self) -> None:
        """Give up a goal that was neither accepted nor rejected: it, or its answer, got lost."""
        waiting = self._under_way and self._handle is None
        if waiting and time.monotonic() - self._sent_at > PATIENCE:
            self._number += 1  # so that a late answer is known for one
            self._sent, self._under_way = None, False

    def _given_up(self) -> bool:
        """Ask the server to cancel; whether it was asked long enough ago to go on without it."""
        now = time.monotonic()
        if self._cancelled_at is None and self._handle is not None:
            self._handle.cancel_goal_async()
            self._cancelled_at = now
        return self._cancelled_at is not None and now - self._cancelled_at > PATIENCE

    def _send(self, width: float) -> None:
        self._number += 1
        number = self._number
        self._sent, self._under_way = width, True
        self._handle, self._cancelled_at = None, None
        self._sent_at = time.monotonic()
        future = self._client.send_goal_async(self._goal(self._gripper.command_for_width(width)))
        future.add_done_callback(lambda done: self._on_response(number, done))

    def _goal(self, position: float) -> Any:
        goal = self._action.Goal()
        if self._parallel:
            # One position only, as its controller wants. No effort: its unit is the hardware's
            # own, newtons here and per cent there.
            goal.command = JointState(name=[self._gripper.joint_names[0]], position=[position])
        else:
            goal.command.position = position
            goal.command.max_effort = self._force
        return goal

    def _on_response(self, number: int, future: Future[Any]) -> None:
        handle = future.result()
        if number != self._number:
            if handle is not None and handle.accepted:  # after it was given up
                handle.cancel_goal_async()
            return
        if handle is None or not handle.accepted:
            self._sent, self._under_way = None, False  # the next command tries again
            return
        self._handle = handle
        handle.get_result_async().add_done_callback(lambda _: self._on_result(number))
        self._go_on()

    def _on_result(self, number: int) -> None:
        if number != self._number:
            return
        self._under_way, self._handle, self._cancelled_at = False, None, None
        self._go_on()
