"""The messages of one policy period, filled in place and published."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from builtin_interfaces.msg import Time
from introspect_msgs.msg import Activations, PolicyAction
from rclpy.node import Node

from introspect_control.nodes.runtime import STREAM
from introspect_learning.execution import Action, Question
from introspect_learning.nodes.policy_folder import ACTIVATIONS, PublishedLayers


class PolicyPublisher:
    """Publishes questions to the choreographer, and actions.

    Args:
        node: that publishes.
        model_hash: of the behaviours.
        layers: whose activations are published.
        frame: in which actions are told.
    """

    def __init__(self, node: Node, model_hash: str, layers: PublishedLayers, frame: str) -> None:
        self._asked = [Activations(model_hash=model_hash, layer=layer) for layer in layers.asked]
        self._told = [Activations(model_hash=model_hash, layer=layer) for layer in layers.told]
        self._untold: Question | None = None  # of which these are still to be told
        self._action = PolicyAction(model_hash=model_hash)
        for message in (*self._asked, *self._told, self._action):
            message.header.frame_id = frame
        self._activations_publisher = node.create_publisher(Activations, "activations", ACTIVATIONS)
        self._action_publisher = node.create_publisher(PolicyAction, "policy/action", STREAM)

    @property
    def heard(self) -> bool:
        """Whether anybody listens to actions."""
        return self._action_publisher.get_subscription_count() > 0

    def ask(self, question: Question) -> None:
        """Publish what the choreographer listens to of the activations of one observation."""
        self.tell()
        self._publish(self._asked, question)
        self._untold = question

    def tell(self) -> None:
        """Publish the rest of the activations of the latest question, if that is still to be done.

        Not before the action: whoever receives them would take the processor from the nodes that
        the arm waits for.
        """
        question, self._untold = self._untold, None
        if question is not None:
            self._publish(self._told, question)

    def _publish(self, layers: Sequence[Activations], question: Question) -> None:
        for message in layers:
            _set_stamp(message.header.stamp, question.stamp)
            message.episode, message.sequence = question.episode, question.sequence
            message.behaviour, message.phase = question.behaviour, question.phase
            message.values = array("f", question.activations[message.layer].tobytes())
            self._activations_publisher.publish(message)

    def act(self, action: Action) -> None:
        """Publish what the arm is to do, then what is still to be told of the question."""
        message = self._action
        _set_stamp(message.header.stamp, action.stamp)
        message.episode, message.sequence = action.episode, action.sequence
        message.mode = PolicyAction.HOLD if action.hold else PolicyAction.MOVE
        linear, angular = message.twist.linear, message.twist.angular
        linear.x, linear.y, linear.z = action.linear.tolist()
        angular.x, angular.y, angular.z = action.angular.tolist()
        message.gripper_width = action.gripper_width
        message.behaviour = action.behaviour
        self._action_publisher.publish(message)
        self.tell()


def nanoseconds(stamp: Time) -> int:
    """A stamp as one whole number."""
    return 1_000_000_000 * stamp.sec + stamp.nanosec


def _set_stamp(stamp: Time, at: int) -> None:
    stamp.sec, stamp.nanosec = divmod(at, 1_000_000_000)
