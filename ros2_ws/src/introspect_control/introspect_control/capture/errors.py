"""The one error of bags."""

from __future__ import annotations


class BagError(Exception):
    """A bag, or a message in one, is not what it should be; the message names file and cure."""


class Truncated(BagError):
    """A file ends before its end."""


class Unclosed(Truncated):
    """A file ends behind a whole record: nothing in it is lost, but its end is missing."""
