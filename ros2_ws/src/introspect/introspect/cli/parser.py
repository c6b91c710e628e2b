"""Argument parsers that fail in one line."""

from __future__ import annotations

import argparse
from typing import NoReturn

from introspect.errors import UsageError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See: {self.prog} --help")


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
