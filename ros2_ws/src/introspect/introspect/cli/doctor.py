"""``introspect doctor``: what is wrong, and the cure."""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import TYPE_CHECKING

from introspect.cli.parser import verb_parser
from introspect.cli.running_arm import DEFAULT, HELP, running_arm
from introspect.specification import absolute_namespace

if TYPE_CHECKING:
    from rich.console import Console

    from introspect.doctor import Finding

_MARKS = {
    "ok": ("✓", "green"),
    "note": ("·", "dim"),
    "warning": ("!", "yellow"),
    "problem": ("✗", "red"),
}


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    parser = verb_parser(
        "doctor",
        "Look for what is wrong: with this machine, this installation, and the running system.",
        "introspect doctor\n  introspect doctor --no-graph --json",
    )
    parser.add_argument("--arm", default="", help=HELP)
    parser.add_argument("--namespace", default="", help="namespace of the running system")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to listen to it")
    parser.add_argument("--no-graph", action="store_true", help="leave the running system alone")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(words)

    from rich.console import Console

    from introspect.doctor import Level, examine

    started = time.monotonic()
    console = Console(stderr=options.json, highlight=False)
    seconds = 0.0 if options.no_graph else max(options.seconds, 0.1)
    findings = []
    for finding in examine(dict(os.environ), _arm(options), options.namespace, seconds):
        findings.append(finding)
        _print(console, finding)
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    console.print(f"{problems or 'no'} problem{'s' if problems != 1 else ''}")
    if options.json:
        print(json.dumps(_report(findings, problems, time.monotonic() - started)))
    return 1 if problems else 0


def _arm(options: argparse.Namespace) -> str:
    """The one given, whatever runs: whether they agree is for the doctor to find."""
    if options.arm or options.no_graph:
        return str(options.arm or DEFAULT)
    return running_arm("", absolute_namespace(options.namespace)) or DEFAULT


def _print(console: Console, finding: Finding) -> None:
    from rich.text import Text

    mark, style = _MARKS[finding.level.value]
    line = Text.assemble((mark, style), " ", (finding.check, "bold"), f": {finding.text}")
    console.print(line, soft_wrap=True)  # one line each, for those who search in it
    if finding.cure:
        console.print(Text(f"  cure: {finding.cure}", style=style), soft_wrap=True)


def _report(findings: list[Finding], problems: int, seconds: float) -> dict[str, object]:
    return {
        "what": "doctor",
        "metric": "problems",
        "value": problems,
        "ci95": None,
        "n": len(findings),
        "seed": None,
        "seconds": round(seconds, 2),
        "findings": [
            {"check": f.check, "level": f.level.value, "finding": f.text, "cure": f.cure}
            for f in findings
        ],
    }
