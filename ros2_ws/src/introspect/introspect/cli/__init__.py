"""The program ``introspect``: verbs first, one module a verb, imported when it is used."""

from introspect.cli.main import main

__all__ = ["main"]
