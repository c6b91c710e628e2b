"""How evenly commands come that the arm bridge sends by its own clock, to the mock arm."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.processes import processes
from benchmarks.rows import Row
from benchmarks.turns import executor_of, ros, turn
from benchmarks.workloads.swing import ARM, CommandListener
from introspect_control.nodes.runtime import end
from introspect_description import ArmDescription

MOST_SPREAD, MOST_MISSED = 0.5, 0.1  # [ms], [percent]
NODES = {
    "mock_arm_node": ["-m", "introspect_sim.nodes.mock_arm_node"],
    "arm_bridge_node": ["-m", "introspect_control.nodes.arm_bridge_node"],
    "policy": ["-m", "benchmarks.workloads.swing"],
}


class Commands(NamedTuple):
    """Commands to a moving arm."""

    arrivals: NDArray[np.float64]  # when they came to this process, the way here included [s]
    spread: float  # standard deviation of the period of the loop that sends them [s]


def watch_commands(seconds: float, patience: float) -> Commands:
    """Watch the bridge command the mock arm for a policy that swings its tool.

    Raises:
        TimeoutError: No commands come within ``patience`` [s], or they cease.
    """
    enough = 2.0 * ArmDescription.load(ARM).controller.rate
    with processes(NODES), ros():
        me = CommandListener()
        executor = executor_of(me)
        turn(executor, lambda: len(me.arrivals) > enough, patience, "two seconds of commands")
        turn(executor, lambda: bool(me.bridge), patience, "the bridge's diagnostics")
        me.arrivals.clear()
        turn(executor, lambda: bool(me.fault), seconds)
        spread = 1e-3 * float(me.bridge["tick period std [ms]"])
        end(me)
    if me.fault:
        raise TimeoutError(f"the arm stopped while the period of commands was measured: {me.fault}")
    return Commands(np.array(me.arrivals), spread)


def period_rows(commands: Commands, seconds: float) -> list[Row]:
    """Spread of the loop's period and of the times between arrivals; share that never came.

    Args:
        commands: that were seen.
        seconds: in which they came.
    """
    expected = max(1, round(seconds * ArmDescription.load(ARM).controller.rate))
    gaps = np.diff(commands.arrivals)
    missing = 100.0 * max(0, expected - len(commands.arrivals)) / expected
    most = {"target": MOST_SPREAD, "at_most": True}
    spread, between = 1e3 * commands.spread, 1e3 * float(gaps.std())
    return [
        Row("bridge's period", "std_ms", spread, None, expected, 0, seconds, **most),
        Row("between commands", "std_ms", between, None, len(gaps), 0, seconds),
        Row(
            *("commands that never came", "percent", missing, None, expected, 0, seconds),
            target=MOST_MISSED,
            at_most=True,
        ),
    ]
