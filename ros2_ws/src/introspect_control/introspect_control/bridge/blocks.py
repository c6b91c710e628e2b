"""What keeps a motion from starting, by who watches over it."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One of the things that must be right for a motion to start."""

    what: str
    problem: str  # "" where it is right


class Blocks:
    """Remembers who has found something wrong, and who has looked and found nothing."""

    def __init__(self) -> None:
        self._problems: dict[str, str] = {}

    @property
    def reason(self) -> str:
        """All problems there are; empty if there is none."""
        return "; ".join(filter(None, self._problems.values()))

    @property
    def findings(self) -> list[Finding]:
        """Of all who have looked, in the order in which they looked first."""
        return [Finding(*item) for item in self._problems.items()]

    def put(self, source: str, problem: str) -> None:
        """Take note of a problem."""
        self._problems[source] = problem

    def lift(self, source: str) -> bool:
        """Take note that there is none; returns whether there was one."""
        had = bool(self._problems.get(source))
        self._problems[source] = ""
        return had
