"""Latency of the whole graph: a state, features, choreographer, action, command."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from introspect_msgs.srv import StartCapture
from numpy.typing import NDArray
from std_srvs.srv import Trigger

from benchmarks.processes import cpu_times, processes
from benchmarks.turns import ask, executor_of, ros, turn
from benchmarks.workloads.hastened import hastened
from introspect_control.nodes.runtime import end
from introspect_sim.nodes.sim_node import SimNode

Samples = NDArray[np.float64]

EPISODE = "an episode (try: introspect launch sim)"
START = 60.0  # longest wait for all processes [s]
ENOUGH = 100  # commands before which the graph is only starting
OWN_RATE = 25.0  # of the shipped policy [Hz]
EPISODE_TIME = 4.0  # longest, as the task's own at that rate [s]
CONTROL = {
    "arm_bridge_node": "introspect_control.nodes.arm_bridge_node",
    "behaviour_node": "introspect_learning.nodes.behaviour_node",
    "choreographer_node": "introspect_learning.nodes.choreographer_node",
    "internal_state_node": "introspect_learning.nodes.internal_state_node",
    "task_node": "introspect_sim.nodes.task_node",
}
WATCHERS = {
    "dashboard_node": "introspect.nodes.dashboard_node",
    "camera_watcher": "benchmarks.workloads.camera_watcher",
}
RECORDER = {"capture_node": "introspect_control.nodes.capture_node"}
SIMULATED = ("arm_bridge_node", "behaviour_node")  # that follow the clock, as in the graph
TURNS = 20  # of either, recorded and not
TURN = 0.1  # share of the time of one side: a turn must be short, as a machine has its moods


def command_lines(nodes: dict[str, str], rate: float = OWN_RATE) -> dict[str, list[str]]:
    """Words after ``python`` that start each node, by its name.

    Args:
        nodes: module of each.
        rate: of the policy [Hz].
    """
    lines = {}
    for name, module in nodes.items():
        start = ["-m", module]
        if rate != OWN_RATE and name in CONTROL:
            start = ["-m", "benchmarks.workloads.hastened", str(rate), module]
        given = ["-p", "use_sim_time:=true"] if name in SIMULATED else []
        if name == "arm_bridge_node":
            given += ["-p", f"policy_rate:={rate}"]
        if name == "task_node":
            given += ["-p", f"timeout:={EPISODE_TIME}"]
        lines[name] = [*start, "--ros-args", *given]
    return lines


def graph_times(
    seconds: float, rate: float
) -> tuple[dict[str, Samples], dict[tuple[str, str], tuple[float, int]]]:
    """Response times of the whole graph, camera and page included.

    Args:
        seconds: to measure for.
        rate: of the policy [Hz].

    Returns:
        Times [s] by what answers a state; and other figures by name and metric, each with its n.

    Raises:
        TimeoutError: Something did not start.
    """
    with (
        hastened(rate),
        processes(command_lines(CONTROL | WATCHERS, rate)) as started,
        ros("camera:=true"),
    ):
        world = SimNode()
        executor = executor_of(world)
        said: list[DiagnosticArray] = []
        world.create_subscription(DiagnosticArray, "/diagnostics", said.append, 50)
        world.start()
        commanded = world.responses["command"].samples
        turn(executor, lambda: len(commanded) > ENOUGH, START, EPISODE)
        turn(executor, lambda: world.count_subscribers("camera/image_raw") > 0, START, "a watcher")
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
        without = 100.0 * (1.0 - len(samples["command"]) / max(1, periods))
        shares["actions without a command", "percent"] = (without, max(1, periods))
        for q in ("p50", "p99"):
            inference = float(after[f"inference work {q} [ms]"])
            shares["inference", f"{q}_ms"] = (inference, max(1, periods))
        world.close()
        end(world)
    return samples, shares


def recorded_times(seconds: float) -> tuple[list[Samples], list[Samples]]:
    """Response times of the graph [s], by turns without and with a recording of it."""
    times: tuple[list[Samples], list[Samples]] = ([], [])
    commands = command_lines(CONTROL | RECORDER)
    with processes(commands), ros(), tempfile.TemporaryDirectory() as folder:
        world = SimNode()
        executor = executor_of(world)
        start = world.create_client(StartCapture, "capture/start")
        stop = world.create_client(Trigger, "capture/stop")
        world.start()
        commanded = world.responses["command"].samples
        turn(executor, lambda: len(commanded) > ENOUGH, START, EPISODE)
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
