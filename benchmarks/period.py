"""How evenly commands come that the arm bridge sends by its own clock, to the mock arm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.processes import processes
from benchmarks.rows import Row
from benchmarks.turns import executor_of, ros, turn
from benchmarks.workloads.swing import SwingingPolicy
from introspect_control.nodes.runtime import end
from introspect_description import ArmDescription

ARM = "panda"
MOST_SPREAD, MOST_MISSED = 0.5, 0.1  # [ms], [percent]
NODES = {
    "mock_arm_node": ["-m", "introspect_sim.nodes.mock_arm_node"],
    "arm_bridge_node": ["-m", "introspect_control.nodes.arm_bridge_node"],
}


def command_arrivals(seconds: float, patience: float) -> NDArray[np.float64]:
    """Times at which commands arrive in this process while the arm moves [s].

    The way here and this process's own delays are in them.

    Raises:
        TimeoutError: No commands come within ``patience`` [s], or they cease.
    """
    arm = ArmDescription.load(ARM)
    with processes(NODES), ros():
        policy = SwingingPolicy(arm)
        executor = executor_of(policy)
        enough = 2.0 * arm.controller.rate
        turn(executor, lambda: len(policy.arrivals) > enough, patience, "two seconds of commands")
        policy.arrivals.clear()
        turn(executor, lambda: bool(policy.fault), seconds)
        fault = policy.fault
        end(policy)
    if fault:
        raise TimeoutError(f"the arm stopped while the period of commands was measured: {fault}")
    return np.array(policy.arrivals)


def period_rows(arrivals: NDArray[np.float64], seconds: float) -> list[Row]:
    """Spread of the time from one command to the next, and share of the commands that are missing.

    Args:
        arrivals: [s].
        seconds: in which they came.
    """
    expected = max(1, round(seconds * ArmDescription.load(ARM).controller.rate))
    gaps = np.diff(arrivals)
    missing = 100.0 * max(0, expected - len(arrivals)) / expected
    what = "command's period, mock arm"
    return [
        Row(
            what,
            "std_ms",
            1e3 * float(gaps.std()),
            None,
            len(gaps),
            0,
            seconds,
            MOST_SPREAD,
            at_most=True,
        ),
        Row(
            what,
            "missed_percent",
            missing,
            None,
            expected,
            0,
            seconds,
            MOST_MISSED,
            at_most=True,
        ),
    ]
