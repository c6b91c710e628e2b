"""The running system, as plain data: who publishes what to whom, and what was heard."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from introspect.monitor import Guard


@dataclass(frozen=True)
class Endpoint:
    """One publisher or subscription."""

    node: str  # full name of its node
    type: str  # of the messages, e.g. sensor_msgs/msg/JointState
    reliable: bool = True  # else best effort
    latched: bool = False  # transient local: late subscriptions get the last message


@dataclass(frozen=True)
class Topic:
    """One topic."""

    publishers: tuple[Endpoint, ...] = ()
    subscriptions: tuple[Endpoint, ...] = ()
    heard: int | None = None  # messages while listening; None where nobody listened


@dataclass(frozen=True)
class System:
    """What was seen of the running system in a few seconds."""

    domain: int
    namespace: str  # absolute
    seconds: float  # how long was listened
    nodes: tuple[str, ...] = ()  # full names
    topics: Mapping[str, Topic] = field(default_factory=dict)  # by full name
    joint_names: tuple[str, ...] = ()  # of the last joint state
    joint_positions: tuple[float, ...] = ()  # of the last joint state [rad, m]
    guard: Guard | None = None
    complaints: Mapping[str, str] = field(default_factory=dict)  # of nodes, from /diagnostics

    def to_json(self) -> str:
        """As one line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> System:
        """The system that ``to_json`` described."""
        values = json.loads(text)

        def ends(topic: dict[str, Any], side: str) -> tuple[Endpoint, ...]:
            return tuple(Endpoint(**end) for end in topic[side])

        values["topics"] = {
            name: Topic(ends(topic, "publishers"), ends(topic, "subscriptions"), topic["heard"])
            for name, topic in values["topics"].items()
        }
        for name in ("nodes", "joint_names", "joint_positions"):
            values[name] = tuple(values[name])
        values["guard"] = Guard(**values["guard"]) if values["guard"] else None
        return cls(**values)

    def full(self, name: str) -> str:
        """The full name of a topic or service: of one relative to the namespace, or absolute."""
        return name if name.startswith("/") else f"{self.namespace.rstrip('/')}/{name}"

    def topic(self, name: str) -> Topic:
        """A topic by its name: relative to the namespace, or absolute."""
        return self.topics.get(self.full(name), Topic())
