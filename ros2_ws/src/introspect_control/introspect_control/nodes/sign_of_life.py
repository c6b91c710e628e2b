"""Whether anybody who could have asked for a motion is still there.

DDS takes 20 s to notice that a process was killed. Of a publisher that promises a sign of life it
notices sooner; DDS itself gives the signs, however busy the process is otherwise.
"""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.event_handler import QoSLivelinessChangedInfo, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import LivelinessPolicy, QoSProfile
from std_msgs.msg import Empty

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

    A client that promises no signs of life, as a command line's, counts until it leaves the graph.

    Args:
        node: that serves.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._dead = 0  # clients without a sign of life that are still on the graph
        self._alone_since: float | None = None  # [s]
        self._subscription = node.create_subscription(
            Empty,
            TOPIC,
            lambda _: None,
            _QOS,
            event_callbacks=SubscriptionEventCallbacks(liveliness=self._on_change),
        )

    def begin(self) -> None:
        """Whoever asks now is there."""
        self._alone_since = None

    def alone(self, now: float) -> bool:
        """Whether there has been no client for a while, at a time [s]."""
        if self._node.count_subscribers(_FEEDBACK) > self._dead:
            self._alone_since = None
            return False
        if self._alone_since is None:
            self._alone_since = now
        return now - self._alone_since >= PATIENCE

    def destroy(self) -> None:
        """Watch no more."""
        self._node.destroy_subscription(self._subscription)

    def _on_change(self, change: QoSLivelinessChangedInfo) -> None:
        self._dead = change.not_alive_count
