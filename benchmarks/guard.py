"""What a call of the command guard costs, as the arm bridge has it: with all that it watches.

Random policies swing each arm through the Cartesian servo; every command goes through one guard,
and the time of each call is taken. Beside it is the same guard with nothing to stay clear of.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row, add_output, at_least_one, machine, tell, write
from benchmarks.sides import ROOT
from introspect_control.bridge.config import BridgeConfig
from introspect_control.bridge.hazards import make_watch
from introspect_control.guard import ClearanceWatch, CommandGuard
from introspect_control.servo import CartesianServo
from introspect_control.trajectory import ShortHorizon
from introspect_description import ArmDescription

ARMS = ("panda", "fr3", "iiwa14", "gen3", "xarm7")
ACTION_TICKS = 4  # that an action lasts
SPEED = 0.5  # of the tool [m/s]
EPISODE = 400  # commands, from home
MOST = 50.0  # a call, in the median [us]


def measure(name: str, calls: int, watched: bool) -> NDArray[np.float64]:
    """Times of single calls (calls,) [s]."""
    arm, config = ArmDescription.load(name), BridgeConfig()
    servo, rng = CartesianServo(arm, config.servo), np.random.default_rng(0)
    watch, coast = make_watch(arm, servo.chain, config) if watched else None, 0.0
    if watch is not None:
        horizon = ShortHorizon(
            arm.limits, servo.limits, config.period, config.horizon, lead=config.lead
        )
        coast = horizon.coast
    times = []
    for begin in range(0, calls, EPISODE):
        times += _episode(servo, watch, coast, np.array(arm.home), min(EPISODE, calls - begin), rng)
    return np.array(times)


def _episode(
    servo: CartesianServo,
    watch: ClearanceWatch | None,
    coast: float,
    home: NDArray[np.float64],
    calls: int,
    rng: np.random.Generator,
) -> list[float]:
    guard = CommandGuard(servo.limits, servo.config.period, watch=watch, coast=coast)
    guard.start(home)
    servo.reset(guard.position[None])
    times = []
    for tick in range(calls):
        if tick % ACTION_TICKS == 0:
            direction = rng.normal(size=(1, 6))
            twist = SPEED * direction / np.linalg.norm(direction)
            servo.set_twist(twist[:, :3], twist[:, 3:])
        wanted, now = servo.tick().position[0], tick * servo.config.period
        begin = time.perf_counter()
        decision = guard.check(wanted, now, now)
        times.append(time.perf_counter() - begin)
        if not np.array_equal(decision.position, wanted):
            servo.resume(guard.position[None], guard.velocity[None], guard.acceleration[None])
    return times


def rows(name: str, calls: int) -> list[Row]:
    """Figures of one arm."""
    result = []
    for what, watched in (("guard", True), ("guard, nothing watched", False)):
        begin = time.perf_counter()
        times = 1e6 * measure(name, calls, watched)
        seconds = time.perf_counter() - begin
        for metric, value in (
            ("median_us", float(np.median(times))),
            ("mean_us", float(times.mean())),
            ("p99_us", float(np.percentile(times, 99.0))),
        ):
            target = MOST if watched and metric == "median_us" else None
            label = f"{what}, {name}"
            result.append(Row(label, metric, value, None, calls, 0, seconds, target, at_most=True))
    return result


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="introspect bench guard", description=__doc__)
    parser.add_argument("--calls", type=at_least_one, default=20_000, help="(default 20000)")
    add_output(parser, "bench.json, as results/bench-guard")
    options = parser.parse_args()
    where, table = machine(), []
    for name in ARMS:
        table += rows(name, options.calls)
    if options.out:
        write(ROOT / options.out / "bench.json", table, machine=where)
    headline = max((row for row in table if row.target is not None), key=lambda row: row.value)
    tell(table, headline, "Time of a call of the command guard:", options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
