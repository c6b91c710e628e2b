"""Looks at the running system on behalf of ``introspect doctor``, which runs it as a program."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from introspect_msgs.msg import GuardStatus
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from introspect.doctor.system import Endpoint, System, Topic
from introspect.nodes.monitor_feed import WATCHING, read_guard
from introspect_control.nodes.middleware import enter_graph
from introspect_control.nodes.runtime import LATCHED, end, make_executor

NAME = "introspect_doctor"
_SETTLED = 1.0  # nobody new for so long: everybody is known [s]
_NOBODY = 4.0  # nobody at all for so long: nothing runs here [s]
_DISCOVERY = 8.0  # longest wait [s]
_LISTENED_TO = ("object_pose", "goal_pose")


def look(domain: int, namespace: str, state_topic: str, seconds: float) -> System:
    """Look at the running system.

    Args:
        domain: in which it runs; told, not chosen, here.
        namespace: of the system, absolute.
        state_topic: on which the arm tells its joints.
        seconds: how long to listen, once everybody is known.
    """
    enter_graph([])
    try:
        node = Node(NAME, namespace=namespace, enable_rosout=False)
        try:
            return _Probe(node, domain, namespace, state_topic).look(seconds)
        finally:
            end(node)
    finally:
        rclpy.try_shutdown()


class _Probe:
    def __init__(self, node: Node, domain: int, namespace: str, state_topic: str) -> None:
        self._node, self._domain, self._namespace = node, domain, namespace
        node.executor = self._executor = make_executor()
        self._executor.add_node(node)
        self._heard: Counter[str] = Counter()
        self._joints: JointState | None = None
        self._guard: GuardStatus | None = None
        self._complaints: dict[str, str] = {}
        self._state_topic = state_topic

    def look(self, seconds: float) -> System:
        self._discover()
        before = self._topics({})
        listening = self._listen(before)
        self._spin(seconds)
        return System(
            domain=self._domain,
            namespace=self._namespace,
            seconds=seconds,
            nodes=tuple(self._nodes()),
            topics=self._topics({topic: self._heard[topic] for topic in listening}),
            joint_names=tuple(self._joints.name) if self._joints else (),
            joint_positions=tuple(self._joints.position) if self._joints else (),
            guard=read_guard(self._guard) if self._guard else None,
            complaints=self._complaints,
        )

    def _spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0.0:
            self._executor.spin_once(timeout_sec=left)

    def _discover(self) -> None:
        """Wait until nobody new has appeared for a while."""
        known, since, end = self._seen(), time.monotonic(), time.monotonic() + _DISCOVERY
        while time.monotonic() < min(end, since + (_SETTLED if any(known) else _NOBODY)):
            self._spin(0.05)
            if (seen := self._seen()) != known:
                known, since = seen, time.monotonic()

    def _seen(self) -> tuple[int, int]:
        topics = self._topics({}).values()
        ends = sum(len(topic.publishers) + len(topic.subscriptions) for topic in topics)
        return len(self._nodes()), ends

    def _nodes(self) -> list[str]:
        names = self._node.get_node_names_and_namespaces()
        return sorted(
            {
                f"{space.rstrip('/')}/{name}"
                for name, space in names
                if name != NAME and not name.startswith("_")  # hidden, like those of `ros2`
            }
        )

    def _topics(self, heard: dict[str, int]) -> dict[str, Topic]:
        return {
            topic: Topic(
                tuple(_endpoints(self._node.get_publishers_info_by_topic(topic))),
                tuple(_endpoints(self._node.get_subscriptions_info_by_topic(topic))),
                heard.get(topic),
            )
            for topic, _ in self._node.get_topic_names_and_types()
        }

    def _listen(self, topics: dict[str, Topic]) -> list[str]:
        """Subscribe to what the checks want to hear; return the full names."""
        special: dict[str, tuple[type, Callable[[Any], None]]] = {
            self._full(self._state_topic): (JointState, self._on_joints),
            self._full("guard/status"): (GuardStatus, self._on_guard),
            "/diagnostics": (DiagnosticArray, self._on_diagnostics),
        }
        # Types as they should be: to import what somebody else names would be to run it.
        wanted = {self._full(name): PoseStamped for name in _LISTENED_TO} | {"/clock": Clock}
        for name, kind in wanted.items():
            if name in topics and topics[name].publishers:
                special[name] = (kind, lambda _: None)
        for topic, (kind, callback) in special.items():
            qos = LATCHED if topic.endswith("guard/status") else WATCHING
            self._node.create_subscription(kind, topic, self._counted(topic, callback), qos)
        return list(special)

    def _counted(self, topic: str, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        def count(message: Any) -> None:
            self._heard[topic] += 1
            callback(message)

        return count

    def _full(self, name: str) -> str:
        return f"{self._namespace.rstrip('/')}/{name}"

    def _on_joints(self, message: JointState) -> None:
        self._joints = message

    def _on_guard(self, message: GuardStatus) -> None:
        self._guard = message

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.level in (DiagnosticStatus.WARN, DiagnosticStatus.ERROR):
                self._complaints[status.name] = status.message
            else:
                self._complaints.pop(status.name, None)


def _endpoints(infos: list[TopicEndpointInfo]) -> list[Endpoint]:
    return [
        Endpoint(
            node=f"{info.node_namespace.rstrip('/')}/{info.node_name}",
            type=info.topic_type,
            reliable=info.qos_profile.reliability == ReliabilityPolicy.RELIABLE,
            latched=info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL,
        )
        for info in infos
        if info.node_name != NAME
    ]


def main() -> None:
    """Print what was seen, as one line of JSON. Words: domain, namespace, state topic, seconds."""
    domain, namespace, state_topic, seconds = sys.argv[1:]
    print(look(int(domain), namespace, state_topic, float(seconds)).to_json())


if __name__ == "__main__":
    main()
