"""The last question before a real arm may move."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

from introspect.specification import Graph, Value

COUNTDOWN = 3  # [s]


def confirmed(
    graph: Graph,
    given: Mapping[str, str],
    ask: Callable[[str], str] = input,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, str]:
    """Ask the person at the terminal whether a real arm is to be armed, where one would move.

    Args:
        graph: to be started.
        given: launch arguments as text.
        ask: puts a question and returns the answer.
        sleep: waits for some seconds.

    Returns:
        The launch arguments, with ``armed:=true`` where the person typed the arm's name.

    Raises:
        UsageError: for arguments that the graph does not allow.
    """
    values = graph.resolve(given)
    if not graph.moves_hardware(values) or "armed" in given or not sys.stdin.isatty():
        return dict(given)
    arm = str(values["arm"])
    answer = ask(f"{warning(values)}\nType {arm} to arm it, or press Enter to start unarmed: ")
    if answer.strip() != arm:
        print("starting unarmed; to arm: introspect arm rearm")
        return dict(given)
    for seconds in range(COUNTDOWN, 0, -1):
        print(f"armed in {seconds} s; Ctrl-C stops that", flush=True)
        sleep(1.0)
    return {**given, "armed": "true"}


def warning(values: Mapping[str, Value]) -> str:
    """What is about to happen, and what nothing here protects from."""
    return (
        f"This moves a real arm: {values['arm']}, at {float(values['speed']):.0%} of its joints' "
        "speed.\nNothing here is functional safety. Keep the emergency stop in your hand and "
        "people out of reach."
    )
