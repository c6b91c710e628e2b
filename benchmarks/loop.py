"""Latency of the loop over real processes: state, features, choreographer, action, command.

This process is ``sim_node``; the bridge, both nodes of the policy and the task node are processes
of their own, as ``introspect launch sim`` starts them. Times run from the publication of a state to
the arrival of what answers it: any trajectory (the bridge alone), the policy's action, and the
command (the trajectory that carries this action out). Beside them are the floors: two processes or
five in a ring, joint states there, trajectories of the same size back, and nothing in between. Then
the same graph is recorded and not recorded by turns: what a recording costs the loop. How evenly
commands come that the bridge sends by its own clock is measured on the mock arm.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from introspect_msgs.srv import StartCapture
from numpy.typing import NDArray
from std_srvs.srv import Trigger

from benchmarks.period import period_rows, watch_commands
from benchmarks.processes import cpu_times, processes
from benchmarks.rings import RINGS, ring_times
from benchmarks.rows import Row, add_output, machine, positive, tell, write
from benchmarks.sides import ROOT
from benchmarks.turns import ask, executor_of, ros, turn, use_own_domain
from introspect_control.nodes.runtime import end
from introspect_sim.nodes.sim_node import SimNode

Samples = NDArray[np.float64]

EPISODE = "an episode (try: introspect launch sim)"
START = 60.0  # longest wait for all processes [s]
TARGETS = {("command", 50): 1.5, ("command", 99): 4.0}  # [ms]
RATE = 100  # of joint states [Hz]
NODES = {
    "arm_bridge_node": "introspect_control.nodes.arm_bridge_node",
    "behaviour_node": "introspect_learning.nodes.behaviour_node",
    "choreographer_node": "introspect_learning.nodes.choreographer_node",
    "internal_state_node": "introspect_learning.nodes.internal_state_node",
    "task_node": "introspect_sim.nodes.task_node",
}
RECORDER = {"capture_node": "introspect_control.nodes.capture_node"}
STRETCHES = 20  # that the interval of a percentile is drawn from
TURNS = 20  # of either, recorded and not
TURN = 0.1  # share of the time of one side: a turn must be short, as a machine has its moods
MOST_COST = 1.10  # of recording: 99th percentile of the command with it over that without
SIMULATED = ("arm_bridge_node", "behaviour_node")  # that follow the clock, as in the graph


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
    samples, shares = graph_times(seconds)
    for name, times in samples.items():
        rows += percentile_rows(name, times, seconds)
    rows += [
        Row(name, metric, value, None, n, 0, seconds)
        for (name, metric), (value, n) in shares.items()
    ]
    rows += recording_rows(*recorded_times(seconds), seconds)
    return rows + period_rows(watch_commands(seconds, START), seconds)


def percentile_rows(what: str, samples: Samples, seconds: float) -> list[Row]:
    """Median and 99th percentile in milliseconds, with bootstrap intervals.

    Whole stretches of the measurement are drawn, for neighbouring times are alike.
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
        target = TARGETS.get((what, q))
        rows.append(
            Row(what, f"p{q}_ms", value, interval, len(times), 0, seconds, target, at_most=True)
        )
    return rows


def graph_times(
    seconds: float,
) -> tuple[dict[str, Samples], dict[tuple[str, str], tuple[float, int]]]:
    """Response times of the whole graph [s]; and its other figures, each with its n."""
    simulated = ["--ros-args", "-p", "use_sim_time:=true"]
    commands = {
        name: ["-m", module, *(simulated if name in SIMULATED else [])]
        for name, module in NODES.items()
    }
    with processes(commands) as started, ros():
        world = SimNode()
        executor = executor_of(world)
        said: list[DiagnosticArray] = []
        world.create_subscription(DiagnosticArray, "/diagnostics", said.append, 50)
        world.start()
        commanded = world.responses["command"].samples
        turn(executor, lambda: len(commanded) > RATE, START, EPISODE)
        for times in world.responses.values():
            times.samples = type(commanded)()
        before, load, own = policy(said), cpu_times(started), time.process_time()
        turn(executor, lambda: False, seconds)
        used = {name: at - load[name] for name, at in cpu_times(started).items()}
        used["sim_node"] = time.process_time() - own
        samples = {name: np.array(times.samples) for name, times in world.responses.items()}
        shares = {(name, "cpu_percent"): (100.0 * t / seconds, 1) for name, t in used.items()}
        after, periods = policy(said), len(samples["action"])
        for name in ("late decisions", "held periods", "skipped periods"):
            missed = int(after[name]) - int(before[name])
            shares[name, "percent"] = (100.0 * missed / max(1, periods), max(1, periods))
        for q in ("p50", "p99"):
            inference = float(after[f"inference work {q} [ms]"])
            shares["inference", f"{q}_ms"] = (inference, max(1, periods))
        world.close()
        end(world)
    return samples, shares


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


def recorded_times(seconds: float) -> tuple[list[Samples], list[Samples]]:
    """Response times of the graph [s], by turns without and with a recording of it."""
    simulated = ["--ros-args", "-p", "use_sim_time:=true"]
    commands = {
        name: ["-m", module, *(simulated if name in SIMULATED else [])]
        for name, module in (NODES | RECORDER).items()
    }
    times: tuple[list[Samples], list[Samples]] = ([], [])
    with processes(commands), ros(), tempfile.TemporaryDirectory() as folder:
        world = SimNode()
        executor = executor_of(world)
        start = world.create_client(StartCapture, "capture/start")
        stop = world.create_client(Trigger, "capture/stop")
        world.start()
        commanded = world.responses["command"].samples
        turn(executor, lambda: len(commanded) > RATE, START, EPISODE)
        turn(executor, start.service_is_ready, START, "the recorder")
        for number in range(TURNS):
            for which, recording in enumerate((False, True)):
                if recording:
                    path = str(Path(folder) / str(number))
                    ask(executor, start, StartCapture.Request(path=path), "capture/start")
                turn(executor, lambda: False, 0.5)  # what began before is over
                world.responses["command"].samples = type(commanded)()
                turn(executor, lambda: False, TURN * seconds)
                times[which].append(np.array(world.responses["command"].samples))
                if recording:
                    ask(executor, stop, Trigger.Request(), "capture/stop")
        world.close()
        end(world)
    return times


def policy(said: Sequence[DiagnosticArray]) -> dict[str, str]:
    """The latest diagnostics of the behaviour node."""
    for message in reversed(said):
        for status in message.status:
            if status.name.endswith("behaviour_node"):
                return {item.key: item.value for item in status.values}
    raise TimeoutError("behaviour_node has published no diagnostics")


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
