"""Quality of service that a publisher offers, as rosbag2 writes it down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

INFINITE = (9223372036, 854775807)
"""A duration without end, as (seconds, nanoseconds)."""


@dataclass(frozen=True)
class OfferedQos:
    """One publisher's profile, in rosbag2's words."""

    history: str = "keep_last"
    depth: int = 10
    reliability: str = "reliable"
    durability: str = "volatile"
    deadline: tuple[int, int] = INFINITE  # (s, ns)
    lifespan: tuple[int, int] = INFINITE  # (s, ns)
    liveliness: str = "automatic"
    liveliness_lease_duration: tuple[int, int] = INFINITE  # (s, ns)

    def as_dict(self) -> dict[str, Any]:
        """The profile as metadata.yaml, version 9, has it."""

        def duration(value: tuple[int, int]) -> dict[str, int]:
            return {"sec": value[0], "nsec": value[1]}

        return {
            "history": self.history,
            "depth": self.depth,
            "reliability": self.reliability,
            "durability": self.durability,
            "deadline": duration(self.deadline),
            "lifespan": duration(self.lifespan),
            "liveliness": self.liveliness,
            "liveliness_lease_duration": duration(self.liveliness_lease_duration),
            "avoid_ros_namespace_conventions": False,
        }


def profiles_text(profiles: Iterable[dict[str, Any]]) -> str:
    """Profiles as the text that goes with a channel."""
    listed = list(profiles)
    return yaml.safe_dump(listed, sort_keys=False).strip() if listed else ""
