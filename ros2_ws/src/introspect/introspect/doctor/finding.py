"""What a check finds: how things stand, and what to do about it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Level(enum.Enum):
    """How serious a finding is."""

    OK = "ok"
    NOTE = "note"
    """Not as it could be, or not looked at; nothing is broken."""
    WARNING = "warning"
    """Something optional is missing, or trouble is likely."""
    PROBLEM = "problem"
    """Something will not work."""


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    check: str  # its name
    level: Level
    text: str  # how things stand
    cure: str = ""  # what to do; "" where there is nothing to do

    def __post_init__(self) -> None:
        """A problem without a cure helps nobody."""
        if self.level in (Level.WARNING, Level.PROBLEM) and not self.cure:
            raise ValueError(f"{self.check}: a {self.level.value} needs a cure")


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, text)


def note(check: str, text: str, cure: str = "") -> Finding:
    """Worth knowing."""
    return Finding(check, Level.NOTE, text, cure)


def warning(check: str, text: str, cure: str) -> Finding:
    """Something optional is missing, or trouble is likely."""
    return Finding(check, Level.WARNING, text, cure)


def problem(check: str, text: str, cure: str) -> Finding:
    """Something will not work."""
    return Finding(check, Level.PROBLEM, text, cure)
