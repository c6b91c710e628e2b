"""What was found of a bag."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_MOST_FINDINGS = 100  # that are told one by one


@dataclass
class TopicReport:
    """What was found of one topic."""

    name: str
    type: str
    messages: int = 0
    bytes: int = 0
    first: int = 0  # log time of the first message [ns]
    last: int = 0  # log time of the last one [ns]

    @property
    def rate(self) -> float:
        """Messages a second [Hz]; 0 where there are not two."""
        span = 1e-9 * (self.last - self.first)
        return (self.messages - 1) / span if span > 0 else 0.0


@dataclass
class BagReport:
    """What was found of a bag.

    Attributes:
        findings: what is wrong, one line each; empty for a sound bag.
        closed: whether all files have their end.
    """

    path: Path
    topics: dict[str, TopicReport] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    closed: bool = True
    episodes: int = 0

    @property
    def messages(self) -> int:
        """All messages."""
        return sum(topic.messages for topic in self.topics.values())

    @property
    def bytes(self) -> int:
        """Size of all messages [bytes]."""
        return sum(topic.bytes for topic in self.topics.values())

    @property
    def seconds(self) -> float:
        """From the first message to the last [s]."""
        heard = [topic for topic in self.topics.values() if topic.messages]
        if not heard:
            return 0.0
        return 1e-9 * (max(t.last for t in heard) - min(t.first for t in heard))

    def find(self, text: str) -> None:
        """Add a finding; of very many only the first."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(text)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "bag": str(self.path),
            "messages": self.messages,
            "seconds": self.seconds,
            "bytes": self.bytes,
            "episodes": self.episodes,
            "closed": self.closed,
            "topics": {
                name: {
                    "type": topic.type,
                    "messages": topic.messages,
                    "bytes": topic.bytes,
                    "rate": topic.rate,
                }
                for name, topic in sorted(self.topics.items())
            },
            "findings": self.findings,
        }
