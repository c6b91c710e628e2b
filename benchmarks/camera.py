"""Pictures per CPU-second, without a graphics card: our cameras, and MuJoCo's own settings.

Every picture shows arm and object in another pose; posing the scene, drawing and reading the pixels
all count. One thread draws, in software: what a graphics card does would cost no CPU time.
"""

from __future__ import annotations

import argparse
import os
import time

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
from benchmarks.sides import ROOT, SideError, interleave, starting
from introspect_sim.worlds import WorldError
from introspect_sim.worlds.offscreen import choose_offscreen_gl

WORKLOAD = "workloads.camera"
EDGES = (64, 128)
TARGETS = {("mujoco", 64): 4000.0, ("pybullet", 64): 1500.0}  # pictures per CPU-second


def measure(rounds: int, seconds: float) -> list[Row]:
    """Let all sides take turns.

    Raises:
        SideError: A side fails.
        WorldError: Nothing here can draw off screen.
    """
    choose_offscreen_gl()
    os.environ["LP_NUM_THREADS"] = "0"  # Mesa draws in the calling thread, whose time is counted
    os.environ["LIBGL_ALWAYS_SOFTWARE"] = "1"
    with starting() as side:
        sides = {
            (world, edge): side(f"{world}, {edge} px", WORKLOAD, world=world, edge=edge)
            for world in ("mujoco", "pybullet")
            for edge in EDGES
        }
        default = side("MuJoCo's defaults, 64 px", WORKLOAD, rendering="default")
        started = time.perf_counter()
        samples = interleave([*sides.values(), default], rounds, seconds)
    took = time.perf_counter() - started
    rates = {name: [sample.rate for sample in taken] for name, taken in samples.items()}
    targets = {sides[key].name: value for key, value in TARGETS.items()}
    rows = [
        median_row(
            name,
            "pictures_per_cpu_second",
            values,
            seed=0,
            seconds=took,
            target=targets.get(name),
        )
        for name, values in rates.items()
    ]
    ours = sides["mujoco", 64].name
    pairs = ratios(rates[ours], rates[default.name])
    return [*rows, median_row(ours, "times_MuJoCo's_defaults", pairs, seed=0, seconds=took)]


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="introspect bench camera", description=__doc__)
    parser.add_argument(
        "--rounds", type=at_least_one, default=9, help="turns of every side (default 9)"
    )
    parser.add_argument(
        "--seconds", type=positive, default=1.0, help="CPU time of a turn (default 1)"
    )
    add_output(parser, "bench.json, as results/bench-camera")
    options = parser.parse_args()
    where = machine()
    try:
        rows = measure(options.rounds, options.seconds)
    except (SideError, WorldError) as error:
        parser.exit(1, f"introspect: {error}\n")
    where["gl"] = os.environ["MUJOCO_GL"]
    if options.out:
        write(ROOT / options.out / "bench.json", rows, machine=where)
    tell(rows, rows[0], f"Pictures per CPU-second, drawn by {where['gl']}:", options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
