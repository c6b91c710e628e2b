"""Argument parsers that fail in one line."""

from __future__ import annotations

import argparse
from typing import NoReturn

from introspect.errors import UsageError

_AMERICAN = {"behavior": "behaviour", "behaviors": "behaviours"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See: {self.prog} --help")


def british(word: str) -> str:
    """What a person means who writes ``behaviors``: the type of an argument that names something.

    Not for paths and the like, which mean what they say.
    """
    return _AMERICAN.get(word, word)


def verb_parser(verb: str, description: str, example: str) -> argparse.ArgumentParser:
    """A parser for one verb, to which the verb adds its arguments.

    Args:
        verb: its name.
        description: what it does.
        example: one or more command lines that work as they are.

    Returns:
        A parser whose ``parse_args`` raises UsageError for what it does not understand.
    """
    return _Parser(
        prog=f"introspect {verb}",
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
