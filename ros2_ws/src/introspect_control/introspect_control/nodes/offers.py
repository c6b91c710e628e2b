"""What publishers offer: the type of their messages, and the quality of service."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_path
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from introspect_control.capture import BagError
from introspect_control.capture.definition import Definition, load_definition
from introspect_control.capture.offered_qos import INFINITE, OfferedQos

_DEPTH = 5000  # of messages that have arrived and wait for this process
_DEPTH_OF_IMAGES = 100
_IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/PointCloud2")


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


def message_class(name: str) -> Any:
    """The Python class of a type.

    Raises:
        BagError: It cannot be imported.
    """
    package, kind, short = name.split("/")
    try:
        return getattr(importlib.import_module(f"{package}.{kind}"), short)
    except (ImportError, AttributeError) as error:
        raise BagError(f"type {name} cannot be imported: {error}") from error


def profile_for(infos: Sequence[TopicEndpointInfo]) -> QoSProfile:
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


def weaker(profile: QoSProfile, than: QoSProfile) -> bool:
    """Whether a subscription must ask for less than it does."""
    return (
        profile.reliability == ReliabilityPolicy.BEST_EFFORT != than.reliability
        or profile.durability == DurabilityPolicy.VOLATILE != than.durability
    )


def offered(qos: QoSProfile) -> OfferedQos:
    """A publisher's quality of service as bags have it."""

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
