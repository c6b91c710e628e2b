"""The verbs of ``introspect``. To add one, write its module and add a line here.

A verb's module has one function, ``run(words) -> exit code``, where ``words`` is what follows the
verb on the command line. It prints results to standard output, raises ``UsageError`` where it is
asked for something impossible, and lets any other error go through: ``introspect.cli.main`` turns
both into one line. ``introspect.cli.parser`` has an argument parser that fits.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """One verb: what it does, and the module that does it."""

    name: str
    summary: str  # one line for `introspect --help`
    module: str  # imported when the verb is used


VERBS = (
    Verb("launch", "start a system of nodes", "introspect.cli.launch"),
    Verb("train", "learn a policy", "introspect.cli.train"),
    Verb("eval", "measure a policy on fixed episodes", "introspect.cli.evaluate"),
    Verb(
        "reproduce", "run a published study again, beside its baselines", "introspect.cli.reproduce"
    ),
    Verb("bench", "measure beside peers, in one run", "introspect.cli.bench"),
    Verb("capture", "record what the running system does", "introspect.cli.capture"),
    Verb("bag", "look at, verify, repair or export a recording", "introspect.cli.bag"),
    Verb(
        "calibrate", "find where the camera is that looks at the table", "introspect.cli.calibrate"
    ),
    Verb("view", "watch the running system in the terminal", "introspect.cli.view"),
    Verb("security", "make keys for SROS2, print its policy", "introspect.cli.security"),
    Verb("arm", "check, arm, stop, move, teach or steer the arm by hand", "introspect.cli.arm"),
    Verb("doctor", "look for what is wrong with the installation", "introspect.cli.doctor"),
)
