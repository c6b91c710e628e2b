"""Whether anybody who could have asked for a motion is still there.

DDS takes 20 s to notice that a process was killed. Of a publisher that promises a sign of life it
notices sooner; DDS itself gives the signs, however busy the process is otherwise.
"""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import LivelinessPolicy, QoSProfile
from rclpy.subscription import Subscription
from rclpy.utilities import get_rmw_implementation_identifier
from std_msgs.msg import Empty

try:
    from rclpy import event_handler as events
except ImportError:  # ROS 2 Humble
    from rclpy import qos_event as events

TOPIC = "follow_trajectory/client"  # nothing is ever sent on it
LEASE = 1.0  # without a sign of life, after which a client counts as gone [s]
PATIENCE = 0.5  # with the graph, which learns of a client's parts one after the other [s]
_FEEDBACK = "follow_trajectory/_action/feedback"
_QOS = QoSProfile(
    depth=1,
    liveliness=LivelinessPolicy.AUTOMATIC,
    liveliness_lease_duration=Duration(seconds=LEASE),
)


def show_life(node: Node) -> Publisher[Empty]:
    """Promise signs of life, for as long as the publisher exists."""
    return node.create_publisher(Empty, TOPIC, _QOS)


class ClientWatch:
    """Counts the clients of ``follow_trajectory``: who listens to its feedback, less the dead.

    DDS does not tell which of them has asked for a motion. So one that has shown signs of life
    while it lasted, and shows none any more, counts as the one; and if none is left, it was among
    them. A client that promises no signs, as a command line's, counts until it leaves the graph.

    Args:
        node: that serves.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._feedback = node.resolve_topic_name(_FEEDBACK)
        self._alive = 0  # clients with signs of life
        self._most_alive = 0  # of them, since the motion began
        self._dead = 0  # clients without a sign of life that are still on the graph
        self._alone_since: float | None = None  # [s]
        self._subscription = self._subscribe()

    def begin(self) -> None:
        """Whoever asks now is there."""
        self._alone_since = None
        self._most_alive = self._alive

    def alone(self, now: float) -> bool:
        """Whether the client has been gone for a while, at a time [s]."""
        self._most_alive = max(self._most_alive, self._alive)
        nobody = self._node.count_subscribers(self._feedback) <= self._dead
        if not nobody and self._alive == self._most_alive:
            self._alone_since = None
            return False
        if self._alone_since is None:
            self._alone_since = now
        return now - self._alone_since >= PATIENCE

    def destroy(self) -> None:
        """Watch no more."""
        self._node.destroy_subscription(self._subscription)

    def _subscribe(self) -> Subscription[Empty]:
        node, callbacks = self._node, events.SubscriptionEventCallbacks(liveliness=self._on_change)
        try:
            return node.create_subscription(
                Empty, TOPIC, lambda _: None, _QOS, event_callbacks=callbacks
            )
        except events.UnsupportedEventTypeError:
            node.get_logger().warning(
                f"{get_rmw_implementation_identifier()} does not tell of signs of life: a motion "
                "ends with its client only when that has left the graph"
            )
            return node.create_subscription(Empty, TOPIC, lambda _: None, _QOS)

    def _on_change(self, change: events.QoSLivelinessChangedInfo) -> None:
        self._alive, self._dead = change.alive_count, change.not_alive_count
