"""``introspect view``: the running system in the terminal."""

from __future__ import annotations

import os
import time

from introspect.cli.parser import verb_parser
from introspect.errors import IntrospectError, UsageError


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    parser = verb_parser(
        "view",
        "Watch the running system: joints, behaviours, guard, episodes, rates. Ctrl-C ends it.",
        "introspect view\n  introspect view --once",
    )
    parser.add_argument("--arm", default="panda", help="arm, by the name of its data file")
    parser.add_argument("--namespace", default="", help="namespace of the system")
    parser.add_argument("--rate", type=float, default=10.0, help="refreshes a second")
    parser.add_argument("--once", action="store_true", help="print the first full picture and end")
    parser.add_argument("--patience", type=float, default=10.0, help="how long --once waits [s]")
    options = parser.parse_args(words)
    if not 0.1 <= options.rate <= 60.0:
        raise UsageError(f"--rate {options.rate:g} is not allowed. Allowed: 0.1 to 60.")

    from rich.console import Console
    from rich.live import Live

    from introspect.monitor import SystemMonitor
    from introspect.nodes.view_node import watch
    from introspect.runner.domain import domain_id
    from introspect.runner.preflight import check_arm
    from introspect.specification import absolute_namespace
    from introspect.terminal import render
    from introspect_description import ArmDescription
    from introspect_sim.tasks import PickAndPlaceConfig

    domain_id(os.environ)
    check_arm(options.arm)
    arm = ArmDescription.load(options.arm)
    monitor = SystemMonitor(PickAndPlaceConfig().success_distance)
    namespace = absolute_namespace(options.namespace)
    state_topic = arm.controller.state_topic
    console = Console()

    if options.once:
        deadline = time.monotonic() + options.patience

        def wait(now: float) -> bool:
            return monitor.real_time.value is None and now < deadline

        watch(monitor, state_topic, namespace, 0.05, wait)
        if not monitor.joints:
            raise IntrospectError(
                f"nothing heard on {state_topic} for {options.patience:g} s in namespace "
                f"{namespace}. Cure: introspect launch sim; if that runs, introspect doctor"
            )
        console.print(render(monitor, arm, time.monotonic()))
        return 0

    with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:

        def show(now: float) -> bool:
            live.update(render(monitor, arm, now), refresh=True)
            return True

        try:
            watch(monitor, state_topic, namespace, 1.0 / options.rate, show)
        except KeyboardInterrupt:
            return 0
    return 0
