"""``introspect view``: the running system in the terminal."""

from __future__ import annotations

import os
import sys

from introspect.cli.parser import verb_parser
from introspect.cli.running_arm import DEFAULT, HELP, running_arm
from introspect.errors import UsageError


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    parser = verb_parser(
        "view",
        "Watch the running system: joints, behaviours, guard, episodes, rates. Ctrl-C ends it.",
        "introspect view\n  introspect view --once",
    )
    parser.add_argument("--arm", default="", help=HELP)
    parser.add_argument("--namespace", default="", help="namespace of the system")
    parser.add_argument("--rate", type=float, default=10.0, help="refreshes a second")
    parser.add_argument("--once", action="store_true", help="print the first full picture and end")
    parser.add_argument("--patience", type=float, default=10.0, help="how long --once waits [s]")
    options = parser.parse_args(words)
    if not 0.1 <= options.rate <= 60.0:
        raise UsageError(f"--rate {options.rate:g} is not allowed. Allowed: 0.1 to 60.")

    from introspect.runner.domain import domain_id
    from introspect.runner.preflight import check_arm
    from introspect.security.switch import take_keys
    from introspect.specification import absolute_namespace

    domain_id(os.environ)
    if options.arm:
        check_arm(options.arm)
    namespace = absolute_namespace(options.namespace)
    arm = running_arm(options.arm, namespace) or DEFAULT
    take_keys("introspect_view", os.environ)
    program = [sys.executable, "-m", "introspect.nodes.view_node"]
    program += [f"--arm={arm}", f"--namespace={namespace}"]
    program += [f"--rate={options.rate}", f"--patience={options.patience}"]
    program += ["--once"] if options.once else []
    sys.stdout.flush()
    os.execv(sys.executable, program)  # only nodes talk ROS: become one
