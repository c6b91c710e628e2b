"""Environment steps per CPU-second: ours beside what others offer, random actions everywhere.

One core, one thread a process, resets included. Ours runs 64 copies in one process; the others one,
which is all they offer. At 4 ms the servo commands every 20 ms, because 10 ms is not a whole number
of such steps.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

from benchmarks.peers import PeersError, peers_python
from benchmarks.rows import (
    Row,
    add_output,
    at_least_one,
    machine,
    median_row,
    positive,
    ratios,
    tell,
    write,
)
from benchmarks.sides import ROOT, Sample, SideError, interleave, starting

FINE = {"timestep": 0.002, "period": 0.01}  # 20 steps of 2 ms, as the peers
COARSE = {"timestep": 0.004, "period": 0.02}  # 10 steps of 4 ms
STEPS = {"ours, 20 x 2 ms": 20, "ours, 10 x 4 ms": 10}  # of the physics in one of the environment
PEERS: dict[str, dict[str, Any]] = {
    "FetchPickAndPlace-v4": {
        "module": "gymnasium_robotics",
        "environment": "FetchPickAndPlace-v4",
        "packages": ["gymnasium-robotics", "mujoco"],
    },
    "PandaPickAndPlace-v3": {
        "module": "panda_gym",
        "environment": "PandaPickAndPlace-v3",
        "packages": ["panda-gym", "pybullet"],
    },
}
TARGETS = {"ours, 20 x 2 ms": 3.5, "ours, 10 x 4 ms": 6.5}  # times FetchPickAndPlace-v4
RAW_TARGET, THREADS_TARGET = 0.90, 1.85


def measure(rounds: int, seconds: float, peers: bool) -> tuple[list[Row], dict[str, Any]]:
    """Let all sides take turns; returns the rows and what the sides say of themselves.

    Raises:
        SideError: A side of ours fails; a peer that does is left out.
    """
    about: dict[str, Any] = {}
    with starting() as side:
        ours = "workloads.ours"
        sides = [
            side("ours, 20 x 2 ms", ours, **FINE),
            side("ours, 10 x 4 ms", ours, **COARSE),
            side("physics, 20 x 2 ms", ours, physics_only=True, **FINE),
            side("physics, 10 x 4 ms", ours, physics_only=True, **COARSE),
        ]
        python = peers_python() if peers else None
        for name, settings in PEERS.items() if peers else ():
            try:
                sides.append(side(name, "workloads.gymnasium_peer", python, **settings))
                about[name] = sides[-1].about
            except SideError as error:
                about[name] = {"left_out": str(error)}
        started = time.perf_counter()
        samples = interleave(sides, rounds, seconds)
    return rate_rows(samples, time.perf_counter() - started), about


def rate_rows(samples: dict[str, list[Sample]], seconds: float) -> list[Row]:
    """Rates of all sides, and the ratios between those of one round."""
    fields: dict[str, Any] = {"seed": 0, "seconds": seconds}
    rates = {name: [sample.rate for sample in taken] for name, taken in samples.items()}
    rows = [
        median_row(
            name,
            "physics_steps_per_cpu_second"
            if name.startswith("physics")
            else "steps_per_cpu_second",
            values,
            **fields,
        )
        for name, values in rates.items()
    ]
    for ours, steps in STEPS.items():
        for peer in PEERS:
            if peer in rates:
                target = TARGETS[ours] if peer == "FetchPickAndPlace-v4" else None
                pairs = ratios(rates[ours], rates[peer])
                rows.append(median_row(ours, f"times_{peer}", pairs, target=target, **fields))
        physics = [rate / steps for rate in rates[ours.replace("ours", "physics")]]
        share = ratios(rates[ours], physics)
        rows.append(median_row(ours, "share_of_physics", share, target=RAW_TARGET, **fields))
    return rows


def threads_rows(rounds: int, seconds: float) -> list[Row]:
    """Two threads against one by the clock on the wall: of the environment, and of its physics.

    That clock also counts what others do on the machine, so there are twice as many turns;
    what the physics gains, which is all threads, says what the machine had to give.
    """
    load = os.getloadavg()[0]
    rates: dict[tuple[bool, int], list[float]] = {}
    with starting() as side:
        sides = {
            (physics_only, threads): side(
                f"{'physics' if physics_only else 'ours'}, {threads} threads",
                "workloads.ours",
                threads=threads,
                physics_only=physics_only,
                **FINE,
            )
            for physics_only in (False, True)
            for threads in (1, 2)
        }
        started = time.perf_counter()
        for _ in range(2 * rounds + 1):
            for key, worker in sides.items():
                # A turn of two threads uses twice the CPU time in the same time.
                taken = worker.run(seconds * key[1])
                rates.setdefault(key, []).append(taken.count / taken.wall)
    took = time.perf_counter() - started
    return [
        median_row(
            f"{'physics' if physics_only else 'ours'}, 20 x 2 ms",
            "two_threads_over_one",
            # the first turns only warm up
            ratios(rates[physics_only, 2][1:], rates[physics_only, 1][1:]),
            seed=0,
            seconds=took,
            target=None if physics_only else THREADS_TARGET,
            more={"load_before": round(load, 2)},
        )
        for physics_only in (False, True)
    ]


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="introspect bench env", description=__doc__)
    parser.add_argument(
        "--rounds", type=at_least_one, default=15, help="turns of every side (default 15)"
    )
    parser.add_argument(
        "--seconds", type=positive, default=0.5, help="CPU time of a turn (default 0.5)"
    )
    parser.add_argument("--no-peers", action="store_true", help="only ours")
    add_output(parser, "bench.json, as results/bench-env")
    options = parser.parse_args()
    where = machine()
    try:
        rows, about = measure(options.rounds, options.seconds, not options.no_peers)
        rows += threads_rows(options.rounds, options.seconds)
    except (PeersError, SideError) as error:
        parser.exit(1, f"introspect: {error}\n")
    if options.out:
        write(ROOT / options.out / "bench.json", rows, machine=where, peers=about)
    headline = next((row for row in rows if row.metric.startswith("times_Fetch")), rows[0])
    title = "Environment steps per CPU-second, one core, random actions:"
    tell(rows, headline, title, options.json)
    if where["load_before"] > 0.5 and not options.json:
        print(
            f"The machine was busy (load {where['load_before']}): ratios within a round hold, "
            "rates and what two threads gain do not."
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
