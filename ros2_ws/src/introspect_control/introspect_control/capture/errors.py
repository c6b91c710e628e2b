"""The one error of bags."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class BagError(Exception):
    """A bag, or a message in one, is not what it should be; the message names file and cure."""


class Truncated(BagError):
    """A file ends before its end."""


class Unclosed(Truncated):
    """A file ends behind a whole record: nothing in it is lost, but its end is missing."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Say which bag, or file of one, an error is about."""
    try:
        yield
    except BagError as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error
