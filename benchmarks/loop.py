"""Latency of the loop over real processes: state, features, choreographer, action, command.

This process is ``sim_node`` with its camera; the bridge, the nodes of the policy, the task node and
the page are processes of their own, as ``introspect launch sim`` starts them; somebody watches the
camera, nobody has the page open. Times run from the publication of a state to the arrival of what
answers it: any trajectory (the bridge alone), the policy's action, and the command (the trajectory
that carries this action out); at the policy's own rate, and at rates that it was not trained for.
Beside them are the floors: two processes or five in a ring, joint states there, trajectories of the
same size back, and nothing in between. Then the same graph is recorded and not recorded by turns:
what a recording costs the loop. How evenly commands come that the bridge sends by its own clock is
measured on the mock arm.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.loop_graph import OWN_RATE, START, graph_times, recorded_times
from benchmarks.period import period_rows, watch_commands
from benchmarks.rings import RINGS, ring_times
from benchmarks.rows import Row, add_output, machine, positive, tell, write
from benchmarks.sides import ROOT
from benchmarks.turns import use_own_domain

Samples = NDArray[np.float64]

RATES = (OWN_RATE, 100.0, 250.0)  # of the policy [Hz]
MOST = {  # by what is measured, at every rate [ms]
    ("command", "p50_ms"): 1.5,
    ("command", "p99_ms"): 4.0,
    ("inference", "p99_ms"): 0.1,
}
STRETCHES = 20  # that the interval of a percentile is drawn from
MOST_COST = 1.10  # of recording: 99th percentile of the command with it over that without


def measure(seconds: float) -> list[Row]:
    """Measure the rings, the graph, what recording costs it, and the bridge's own clock.

    Args:
        seconds: of each.

    Raises:
        TimeoutError: Something did not start.
    """
    rows = []
    for name, (relays, rate) in RINGS.items():
        rows += percentile_rows(name, ring_times(relays, rate, seconds, START), seconds)
    for rate in RATES:
        rows += graph_rows(rate, seconds)
    rows += recording_rows(*recorded_times(seconds), seconds)
    return rows + period_rows(watch_commands(seconds, START), seconds)


def graph_rows(rate: float, seconds: float) -> list[Row]:
    """The graph with a policy of a rate [Hz]."""
    at = f" at {rate:g} Hz"
    samples, shares = graph_times(seconds, rate)
    rows = []
    for name, times in samples.items():
        most = {q: MOST.get((name, f"p{q}_ms")) for q in (50, 99)}
        rows += percentile_rows(name + at, times, seconds, most)
    for (name, metric), (value, n) in shares.items():
        target = MOST.get((name, metric))
        rows.append(Row(name + at, metric, value, None, n, 0, seconds, target, at_most=True))
    return rows


def percentile_rows(
    what: str, samples: Samples, seconds: float, most: Mapping[int, float | None] | None = None
) -> list[Row]:
    """Median and 99th percentile in milliseconds, with bootstrap intervals.

    Whole stretches of the measurement are drawn, for neighbouring times are alike.

    Args:
        what: was measured.
        samples: [s].
        seconds: of the measurement.
        most: target of each percentile that has one [ms].
    """
    times = 1e3 * samples
    rng, stretches = np.random.default_rng(0), np.array_split(times, STRETCHES)
    drawn = [
        np.concatenate([stretches[k] for k in rng.integers(STRETCHES, size=STRETCHES)])
        for _ in range(500)
    ]
    rows = []
    for q in (50, 99):
        value = float(np.percentile(times, q))
        low, high = np.percentile([np.percentile(some, q) for some in drawn], (2.5, 97.5))
        interval = (min(float(low), value), max(float(high), value))
        target = (most or {}).get(q)
        rows.append(
            Row(what, f"p{q}_ms", value, interval, len(times), 0, seconds, target, at_most=True)
        )
    return rows


def recording_rows(alone: list[Samples], recorded: list[Samples], seconds: float) -> list[Row]:
    """What recording costs: commands of neighbouring turns, with it over without."""
    rows = percentile_rows("command, not recorded", np.concatenate(alone), seconds)
    rows += percentile_rows("command, recorded", np.concatenate(recorded), seconds)
    rng, found = np.random.default_rng(0), []
    for _ in range(500):  # whole pairs of turns are drawn: times of one turn are alike
        pick = rng.integers(len(alone), size=len(alone))
        with_it = np.percentile(np.concatenate([recorded[k] for k in pick]), 99)
        found.append(with_it / np.percentile(np.concatenate([alone[k] for k in pick]), 99))
    value = float(
        np.percentile(np.concatenate(recorded), 99) / np.percentile(np.concatenate(alone), 99)
    )
    low, high = np.percentile(found, (2.5, 97.5))
    interval = (min(float(low), value), max(float(high), value))
    metric, n = "p99_recorded_over_not", len(alone)
    return [*rows, Row("command", metric, value, interval, n, 0, seconds, MOST_COST, at_most=True)]


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="introspect bench loop", description=__doc__)
    parser.add_argument("--seconds", type=positive, default=20.0, help="of each side (default 20)")
    add_output(parser, "bench.json, as results/bench-loop")
    options = parser.parse_args()
    use_own_domain()
    where = machine()
    try:
        rows = measure(options.seconds)
    except TimeoutError as error:
        parser.exit(1, f"introspect: {error}\n")
    if options.out:
        write(ROOT / options.out / "bench.json", rows, machine=where)
    headline = next(row for row in rows if row.target is not None)
    title = (
        "From the publication of a state to the arrival of what answers it, over real processes; "
        "and how evenly commands come:"
    )
    tell(rows, headline, title, options.json)
    if where["load_before"] > 0.5 and not options.json:
        print(f"The machine was busy (load {where['load_before']}): these times are not its own.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
