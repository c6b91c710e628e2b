"""Finds the verb, runs it, and turns whatever goes wrong into one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from introspect.cli.verbs import VERBS
from introspect.errors import IntrospectError, UsageError, did_you_mean
from introspect.graph import ENVIRONMENT

RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended


def main(words: Sequence[str] | None = None) -> int:
    """Run ``introspect``.

    Args:
        words: the command line after the program's name; None for this process's own.

    Returns:
        0 on success, 2 on wrong use, 1 on any other failure, or the verb's own code.
    """
    given = list(sys.argv[1:] if words is None else words)
    debug = "--debug" in given
    given = [word for word in given if word != "--debug"]
    # pip installs what ament looks up below this Python's prefix; and we look where nodes talk
    os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
    os.environ[RANGE] = os.environ.get(RANGE, "") or ENVIRONMENT[RANGE]
    try:
        return _dispatch(given)
    except KeyboardInterrupt as interruption:
        if text := str(interruption):
            print(f"\nintrospect: {text}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone: nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if debug:
            raise
        return _report(error)


def _dispatch(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_manual())
        return 0 if words else 2
    if words[0] == "--version":
        from importlib.metadata import version

        print(f"introspect {version('introspect')}")
        return 0
    known = {verb.name: verb for verb in VERBS}
    if words[0] not in known:
        hint = did_you_mean(words[0], known)
        raise UsageError(f"there is no verb '{words[0]}'.{hint} Verbs: {', '.join(known)}.")
    run = importlib.import_module(known[words[0]].module).run
    return int(run(list(words[1:])))


def _manual() -> str:
    width = max(len(verb.name) for verb in VERBS)
    verbs = "\n".join(f"  {verb.name:<{width}}  {verb.summary}" for verb in VERBS)
    return (
        "usage: introspect VERB ... [--debug]\n\n"
        "A ROS 2 stack for learned 7-DoF arms.\n\n"
        f"verbs:\n{verbs}\n\n"
        "options:\n"
        "  --help     this text; after a verb, that verb's\n"
        "  --version  the version\n"
        "  --debug    show where in the code an error came from\n\n"
        "example:\n  introspect launch sim backend:=mujoco episodes:=20"
    )


def _report(error: Exception) -> int:
    """Say in one line what went wrong; return the exit code."""
    if isinstance(error, IntrospectError):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error} (--debug shows where)"
    print(f"introspect: {text}", file=sys.stderr)
    return 2 if isinstance(error, UsageError) else 1
