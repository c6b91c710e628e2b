"""Processes in a ring that do nothing but hand messages on: what no graph of nodes can beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.processes import processes
from benchmarks.turns import executor_of, ros, turn
from benchmarks.workloads.relay import RelayedWorld
from introspect_control.nodes.runtime import end

RINGS = {  # relays beside the world, and rate of the states that they answer [Hz]
    "relay": (1, 100.0),
    # As many processes and messages as a command takes: state, activations, behaviour, action.
    "ring of five": (4, 100.0),
    "ring of five at 25 Hz": (4, 25.0),
}


def ring_times(relays: int, rate: float, seconds: float, patience: float) -> NDArray[np.float64]:
    """Times from a state to the trajectory that comes round [s].

    Args:
        relays: processes that the message goes through.
        rate: of states [Hz].
        seconds: to measure for.
        patience: until the first answers [s].

    Raises:
        TimeoutError: No answers come.
    """
    commands = {
        f"relay {k}": ["-m", "benchmarks.workloads.relay", str(k), str(relays)]
        for k in range(relays)
    }
    with processes(commands), ros():
        world = RelayedWorld(rate)
        executor = executor_of(world)
        turn(executor, lambda: len(world.responses.samples) > rate, patience, "the ring's answers")
        world.responses.samples.clear()
        turn(executor, lambda: False, seconds)
        end(world)
    return np.array(world.responses.samples)
