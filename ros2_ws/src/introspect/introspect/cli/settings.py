"""Every number of a configuration, by its name on the command line."""

from __future__ import annotations

import contextlib
import io
from typing import TypeVar

from introspect.errors import UsageError

C = TypeVar("C")


def configured(kind: type[C], program: str, words: list[str]) -> C:
    """A configuration with the numbers that are given, as ``--learning.epochs 20``.

    Args:
        kind: a dataclass.
        program: its command, for the texts.
        words: the rest of the command line; ``--help`` lists every number and leaves.

    Raises:
        UsageError: A number that does not exist or cannot be.
    """
    import tyro

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(kind, prog=program, args=words)
    except SystemExit as end:
        if not end.code:
            raise
        about = f"{program} --settings lists what can be set"
        raise UsageError(f"{_complaint(said.getvalue())} ({about})") from end


def _complaint(box: str) -> str:
    """What a box of text says between its title and its advice, in one line."""
    advice = ("For full helptext", "Perhaps you meant", "Argument helptext")
    rows = [line.strip("│|╭╮╰╯─- ") for line in box.splitlines()[1:]]
    end = next((k for k, row in enumerate(rows) if row.startswith(advice)), len(rows))
    return " ".join(row for row in rows[:end] if row)
