"""Subscribes to topics as they appear and hands their messages to a bag, as they are."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.topic_endpoint_info import TopicEndpointInfo

from introspect_control.capture import BagError, BagWriter, Progress
from introspect_control.capture.arrivals import Arrivals
from introspect_control.capture.definition import Definition
from introspect_control.nodes.offers import (
    agreed_definition,
    compare,
    message_class,
    offered,
    profile_for,
    weaker,
)

OVERLAP = 1.0  # time for publishers to find the subscription that takes over [s]


@dataclass
class _Handover:
    """Of a topic, from subscriptions to one that asks for less: for a while both are heard."""

    until: float = 0.0  # when the elder ones go [s]
    elders: list[Any] = field(default_factory=list)
    seen: set[tuple[bytes, int]] = field(default_factory=set)  # publisher, its message's number


class Recorder:
    """One recording.

    Messages wait in the middleware until ``take`` fetches them, some at a time: Python that woke up
    for each of them would do so in the midst of a control period. Their log times are those at
    which the middleware received them, where it says so, as Fast DDS does.

    Where a publisher comes that offers less than a subscription asks for, another one takes over.
    Both are heard until publishers must have found the new one; what both hear is written once.

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
        self._handovers: dict[str, _Handover] = {}
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
        """Topics that never had a publisher; one that was refused had."""
        found = self._refused | self._subscriptions.keys()
        return tuple(name for name in self._wanted if name not in found)

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
                self._leave(name)

    def take(self) -> None:
        """Hand over what has arrived since the last time, in the order of arrival."""
        self._write(until=time.time_ns())

    def stop(self) -> Progress:
        """Take what has arrived, write everything and close the bag."""
        try:
            self._write(until=math.inf)
        finally:
            progress = self._writer.close()
            self._subscriptions.clear()
            self._ears.destroy_node()
        return progress

    def _take_in(self, name: str, infos: Sequence[TopicEndpointInfo]) -> None:
        known = self._subscriptions.get(name)
        profile = profile_for(infos)
        if known is None:
            definition = self._definitions[name] = agreed_definition(infos)
            offered_qos = [offered(info.qos_profile) for info in infos]
            self._numbers[name] = self._writer.add_topic(name, definition, offered_qos)
        else:
            compare(infos, self._definitions[name])
            if not weaker(profile, known.qos_profile):
                return
        kind = message_class(infos[0].topic_type)
        if known is not None:  # from here on what it hears is remembered
            handover = self._handovers.setdefault(name, _Handover())
            handover.until = time.monotonic() + OVERLAP
            handover.elders.append(known)
        self._subscriptions[name] = self._ears.create_subscription(
            kind, name, _never, profile, raw=True
        )

    def _leave(self, name: str) -> None:
        """Hear no more of a topic than what has arrived."""
        if name in self._subscriptions:
            self._fetch(name)
            handover = self._handovers.pop(name, _Handover())
            for subscription in (*handover.elders, self._subscriptions.pop(name)):
                self._ears.destroy_subscription(subscription)

    def _write(self, until: float) -> None:
        try:
            for name in self._subscriptions:
                self._fetch(name)
        finally:
            for arrival in self._arrivals.merge(until):
                self._writer.write(arrival.topic, arrival.time, arrival.data)

    def _fetch(self, name: str) -> None:
        """Take what has arrived of a topic, from the eldest subscription first."""
        handover = self._handovers.get(name)
        if handover is None:
            self._drain(name, self._subscriptions[name], None)
            return
        over = time.monotonic() - handover.until
        for subscription in (*handover.elders, self._subscriptions[name]):
            self._drain(name, subscription, handover.seen)
        if over > 0.0:
            for elder in handover.elders:
                self._ears.destroy_subscription(elder)
            handover.elders.clear()
        if over > OVERLAP:  # all that the elder ones heard has come to the other one as well
            del self._handovers[name]

    def _drain(self, name: str, subscription: Any, seen: set[tuple[bytes, int]] | None) -> None:
        handle, kind, number = subscription.handle, subscription.msg_type, self._numbers[name]
        with handle:
            while (taken := handle.take_message(kind, True)) is not None:
                data, info = taken
                if seen is not None:
                    number_there = info["publication_sequence_number"] or info["source_timestamp"]
                    which = (info["publisher_gid"]["data"], number_there)
                    if which in seen:
                        continue
                    seen.add(which)
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
