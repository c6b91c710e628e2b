"""Errors that a person can act on: each says what is wrong and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class IntrospectError(Exception):
    """Something went wrong; the message is one line and names the cure."""


class UsageError(IntrospectError):
    """The program was asked for something it cannot do: exit code 2."""


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """A hint for a misspelt word.

    Args:
        word: what was written.
        allowed: what could have been written.

    Returns:
        ``" Did you mean 'pybullet'?"``, or ``""`` where nothing is close.
    """
    close = difflib.get_close_matches(word, list(allowed), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""
