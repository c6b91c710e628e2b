"""Subscribes to topics as they appear and hands their messages to a bag, as they are."""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_path
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from introspect_control.capture import BagError, BagWriter, Progress
from introspect_control.capture.arrivals import Arrivals
from introspect_control.capture.definition import Definition, load_definition
from introspect_control.capture.offered_qos import INFINITE, OfferedQos

_DEPTH = 5000  # of messages that have arrived and wait for this process
_DEPTH_OF_IMAGES = 100
_IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/PointCloud2")


class Recorder:
    """One recording.

    Messages wait in the middleware until ``take`` fetches them, some at a time: Python that woke up
    for each of them would do so in the midst of a control period. Their log times are those at
    which the middleware received them, where it says so, as Fast DDS does.

    Args:
        node: whose namespace, remappings and view of the graph count.
        folder: of the new bag.
        topics: names, relative to the node's namespace or absolute.

    Raises:
        BagError: The bag cannot be made.
    """

    def __init__(self, node: Node, folder: Path, topics: Sequence[str]) -> None:
        self._node = node
        self._wanted = list(dict.fromkeys(node.resolve_topic_name(name) for name in topics))
        self._subscriptions: dict[str, Any] = {}
        self._numbers: dict[str, int] = {}
        self._definitions: dict[str, Definition] = {}
        self._refused: set[str] = set()
        self._arrivals = Arrivals()
        self.folder = folder
        with ExitStack() as undo:
            self._writer = BagWriter(folder)
            undo.callback(self._writer.close)
            self._ears = _ears(node)
            undo.callback(self._ears.destroy_node)
            self.discover()
            undo.pop_all()

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        return self._writer.progress

    @property
    def heard(self) -> tuple[str, ...]:
        """Topics that have a publisher, or had one."""
        return tuple(self._subscriptions)

    @property
    def silent(self) -> tuple[str, ...]:
        """Topics that never had a publisher."""
        return tuple(name for name in self._wanted if name not in self._subscriptions)

    def discover(self) -> None:
        """Take in topics that have appeared, and publishers that offer less than those before."""
        for name in self._wanted:
            if name in self._refused:
                continue
            infos = self._node.get_publishers_info_by_topic(name)
            if not infos:
                continue
            try:
                self._take_in(name, infos)
            except BagError as error:
                self._refused.add(name)
                self._node.get_logger().error(f"{name} is not recorded: {error}")
                if (subscription := self._subscriptions.pop(name, None)) is not None:
                    self._ears.destroy_subscription(subscription)

    def take(self) -> None:
        """Hand over what has arrived since the last time, in the order of arrival."""
        self._hand_over(until=time.time_ns())

    def stop(self) -> Progress:
        """Take what has arrived, write everything and close the bag."""
        try:
            self._hand_over(until=math.inf)
        finally:
            progress = self._writer.close()
            self._subscriptions.clear()
            self._ears.destroy_node()
        return progress

    def _take_in(self, name: str, infos: Sequence[TopicEndpointInfo]) -> None:
        known = self._subscriptions.get(name)
        profile = _profile(infos)
        if known is None:
            definition = self._definitions[name] = agreed_definition(infos)
            offered_qos = [_offered(info.qos_profile) for info in infos]
            self._numbers[name] = self._writer.add_topic(name, definition, offered_qos)
        else:
            compare(infos, self._definitions[name])
            if not _weaker(profile, known.qos_profile):
                return
            self.take()
            self._ears.destroy_subscription(known)
        self._subscriptions[name] = self._ears.create_subscription(
            _message_class(infos[0].topic_type), name, _never, profile, raw=True
        )

    def _hand_over(self, until: float) -> None:
        try:
            for name, subscription in self._subscriptions.items():
                self._fetch(self._numbers[name], subscription)
        finally:
            for arrival in self._arrivals.merge(until):
                self._writer.write(arrival.topic, arrival.time, arrival.data)

    def _fetch(self, number: int, subscription: Any) -> None:
        handle, kind = subscription.handle, subscription.msg_type
        with handle:
            while (taken := handle.take_message(kind, True)) is not None:
                data, info = taken
                self._arrivals.add(info["received_timestamp"] or time.time_ns(), number, data)


def _ears(node: Node) -> Node:
    """A node to subscribe with: in no executor, so that nobody calls callbacks.

    The underscore hides it from ``ros2 node list``.
    """
    return Node(
        f"_{node.get_name()}_ears",
        namespace=node.get_namespace(),
        use_global_arguments=False,
        enable_rosout=False,
        start_parameter_services=False,
        parameter_overrides=[Parameter("start_type_description_service", value=False)],
    )


def _never(_: bytes) -> None:
    raise AssertionError("an executor has called a subscription that is in none")


def agreed_definition(infos: Sequence[TopicEndpointInfo]) -> Definition:
    """Of the type that all publishers agree on, and that is installed here as well.

    Raises:
        BagError: They do not agree, or it is another one here.
    """
    name = infos[0].topic_type
    try:
        definition = load_definition(name, get_package_share_path)
    except PackageNotFoundError as error:
        raise BagError(f"type {name} is not installed: {error}") from error
    compare(infos, definition)
    return definition


def compare(infos: Sequence[TopicEndpointInfo], definition: Definition) -> None:
    """See that publishers mean the same by a type's name as we do.

    Raises:
        BagError: One does not: what it sends would be misread.
    """
    for info in infos:
        there = str(info.topic_type_hash)
        if info.topic_type != definition.name:
            raise BagError(
                f"its publishers do not agree on the type: {definition.name}, {info.topic_type}"
            )
        if there.startswith("RIHS01_") and there != definition.hash:
            raise BagError(
                f"a publisher has another {definition.name}: {there} there, {definition.hash} "
                "here; build its package anew on both sides"
            )


def _message_class(name: str) -> Any:
    package, kind, short = name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.{kind}"), short)
    except (ImportError, AttributeError) as error:
        raise BagError(f"type {name} cannot be imported: {error}") from error


def _profile(infos: Sequence[TopicEndpointInfo]) -> QoSProfile:
    """What all publishers offer, and much room for what has arrived."""
    offered = [info.qos_profile for info in infos]
    reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
    latched = all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=_DEPTH_OF_IMAGES if infos[0].topic_type in _IMAGES else _DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=(DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE),
    )


def _weaker(profile: QoSProfile, than: QoSProfile) -> bool:
    """Whether a subscription must ask for less than it does."""
    return (
        profile.reliability == ReliabilityPolicy.BEST_EFFORT != than.reliability
        or profile.durability == DurabilityPolicy.VOLATILE != than.durability
    )


def _offered(qos: QoSProfile) -> OfferedQos:
    def duration(value: Any) -> tuple[int, int]:
        seconds, nanoseconds = divmod(value.nanoseconds, 1_000_000_000)
        return INFINITE if seconds > 9_000_000_000 else (seconds, nanoseconds)

    return OfferedQos(
        history="keep_all" if qos.history == HistoryPolicy.KEEP_ALL else "keep_last",
        depth=qos.depth,
        reliability=qos.reliability.name.lower(),
        durability=qos.durability.name.lower(),
        deadline=duration(qos.deadline),
        lifespan=duration(qos.lifespan),
        liveliness=qos.liveliness.name.lower(),
        liveliness_lease_duration=duration(qos.liveliness_lease_duration),
    )
