"""The whole system for an hour: does it keep what it takes, and what it says?

``introspect launch sim`` with everything on: policy, internal states, camera, page and recorder.
Every few seconds the memory of each process is looked at; a node of this process follows the
guard. Afterwards the recording is read back: what carries numbers must be there without gaps, and
so must every period of the joint states. What the system takes while it warms up does not count.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from introspect_msgs.msg import GuardStatus
from rclpy.node import Node

from benchmarks.rows import Row, add_output, machine, positive, tell, write
from benchmarks.sides import ROOT
from benchmarks.turns import executor_of, ros, turn, use_own_domain
from benchmarks.workloads.resident import Resident, resident
from introspect_control.capture import BagReader
from introspect_control.capture.verify import inspect
from introspect_control.nodes.runtime import LATCHED, end
from introspect_sim.episodes import EPISODE_LINE

LOOK = 5.0  # between two looks at the memory [s]
WARM = 0.1  # share of the time that is not counted
ENDS = 0.1  # share of the time at either end whose median counts
START = 60.0  # longest wait for the guard's first word [s]
LEAVING = 60.0  # longest wait for the system to end and close the recording [s]
MOST_GROWTH = 5.0  # of the memory of all processes [percent]
LEAST_RECORDED = 0.99  # of the time, in simulated time
JOINT_STATES = "/joint_states"


@dataclass
class Soak:
    """What was seen."""

    times: list[float] = field(default_factory=list)  # of the looks, from the start on [s]
    memory: dict[str, list[float]] = field(default_factory=dict)  # [MiB]; 0 while not there
    faults: list[str] = field(default_factory=list)  # reasons
    output: list[str] = field(default_factory=list)  # lines of the system
    exit_code: int = 0

    def growth(self, name: str) -> tuple[float, float]:
        """Memory of a process after the warm-up and at the end [MiB]."""
        used = self.memory[name]
        first, length = int(WARM * len(used)), max(1, int(ENDS * len(used)))
        return statistics.median(used[first : first + length]), statistics.median(used[-length:])

    @property
    def ended(self) -> list[str]:
        """Processes that were not there all the time."""
        begun = int(WARM * len(self.times))
        return sorted(name for name, used in self.memory.items() if not all(used[begun:]))


class GuardFollower(Node):
    """Notes every fault that the guard tells."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("soak")
        self.heard = False
        self._faults, self._state = faults, GuardStatus.IDLE
        self.create_subscription(GuardStatus, "guard/status", self._on_status, LATCHED)

    def _on_status(self, message: GuardStatus) -> None:
        self.heard = True
        if message.state == GuardStatus.FAULT != self._state:
            self._faults.append(message.reason)
        self._state = message.state


def soak(minutes: float, bag: Path) -> Soak:
    """Run the system, recording into ``bag``.

    Raises:
        TimeoutError: It did not start, or ended by itself.
    """
    result = Soak()
    arguments = ("camera:=true", "view:=true", "episodes:=0", f"capture:={bag}")
    with tempfile.TemporaryFile("w+") as output, ros():
        process = subprocess.Popen(
            [sys.executable, "-m", "introspect", "launch", "sim", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"NO_COLOR": "1"},
        )
        guard = GuardFollower(result.faults)
        try:
            executor = executor_of(guard)
            turn(executor, lambda: guard.heard, START, "the guard")
            begin = time.monotonic()
            while (now := time.monotonic()) < begin + 60.0 * minutes:
                if process.poll() is not None:
                    output.seek(0)
                    last = " | ".join(output.read().splitlines()[-3:])
                    raise TimeoutError(f"the system ended after {now - begin:.0f} s: {last}")
                look(result, now - begin, resident(process.pid))
                tell_progress(result, (now - begin) / (60.0 * minutes))
                turn(executor, lambda: False, LOOK)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                result.exit_code = process.wait(LEAVING)
            except subprocess.TimeoutExpired:
                process.kill()
                result.exit_code = process.wait()
            end(guard)
            output.seek(0)
            result.output = output.read().splitlines()
    return result


def look(result: Soak, now: float, processes: Sequence[Resident]) -> None:
    """Note the memory of each process; one that is not there has none."""
    for process in processes:
        result.memory.setdefault(process.name, [0.0] * len(result.times))
    result.times.append(now)
    present = {process.name: process.mebibytes for process in processes}
    for name, used in result.memory.items():
        used.append(present.get(name, 0.0))


def tell_progress(result: Soak, share: float) -> None:
    """One line about once a minute."""
    if len(result.times) % round(60.0 / LOOK) == 1:
        total = sum(used[-1] for used in result.memory.values())
        print(f"{share:4.0%}  {total:,.0f} MiB, {len(result.faults)} faults", flush=True)


def recorded_states(bag: Path) -> tuple[int, int, float]:
    """Joint states: missing ones between the first and the last, those there, their span [s]."""
    stamps = [
        1_000_000_000 * message.message.header.stamp.sec + message.message.header.stamp.nanosec
        for message in BagReader(bag).messages(JOINT_STATES)
    ]
    steps = [b - a for a, b in itertools.pairwise(stamps)]
    if not steps:
        return 0, len(stamps), 0.0
    period = min(steps)
    missing = sum(round(step / period) - 1 for step in steps)
    return missing, len(stamps), 1e-9 * (stamps[-1] - stamps[0])


def episodes_of(output: Sequence[str]) -> Iterator[bool]:
    """Whether each episode succeeded, by the lines of the task node."""
    for line in output:
        found = EPISODE_LINE.search(line)
        if found:
            yield found["result"] == "succeeded"


def rows(result: Soak, bag: Path, minutes: float) -> list[Row]:
    """What it came to."""
    seconds = 60.0 * minutes
    report = inspect(bag)
    missing, states, span = recorded_states(bag)
    ends = {name: result.growth(name) for name in result.memory}
    before, after = (sum(pair[k] for pair in ends.values()) for k in (0, 1))
    looks = len(result.times)

    def at_most(metric: str, value: float, target: float, n: int, **more: object) -> Row:
        return Row("soak", metric, value, None, n, 0, seconds, target, at_most=True, more=more)

    table = [
        at_most("memory_growth_percent", 100.0 * (after / before - 1.0), MOST_GROWTH, looks),
        at_most("faults", len(result.faults), 0, 1, reasons=result.faults),
        at_most("joint_states_lost", missing, 0, states),
        at_most(
            "recording_findings", len(report.findings), 0, report.messages, found=report.findings
        ),
        Row("soak", "recorded_share", span / seconds, None, 1, 0, seconds, LEAST_RECORDED),
        at_most("processes_ended", len(result.ended), 0, len(ends), names=result.ended),
        at_most("exit_code", abs(result.exit_code), 0, 1),
    ]
    succeeded = list(episodes_of(result.output))
    if succeeded:
        share = 100.0 * sum(succeeded) / len(succeeded)
        table.append(Row("soak", "success_percent", share, None, len(succeeded), 0, seconds))
    for name, (first, last) in ends.items():
        more = {"after_warm_up": round(first, 1)}
        table.append(Row(name, "memory_mib", last, None, looks, 0, seconds, more=more))
    return table


def draw(result: Soak, path: Path) -> None:
    """Memory over time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 4.0), layout="constrained")
    minutes = [time_ / 60.0 for time_ in result.times]
    for name, used in sorted(result.memory.items(), key=lambda item: -item[1][-1]):
        axes.plot(minutes[: len(used)], used, label=name)
    axes.set(xlabel="minutes", ylabel="resident memory [MiB]", ylim=(0.0, None))
    axes.legend(fontsize="small", ncols=2)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="introspect bench soak", description=__doc__)
    parser.add_argument("--minutes", type=positive, default=60.0, help="how long (default 60)")
    add_output(parser, "soak.json and soak.png")
    options = parser.parse_args()
    use_own_domain()
    where = machine()
    with tempfile.TemporaryDirectory() as folder:
        bag = Path(folder) / "bag"
        try:
            result = soak(options.minutes, bag)
        except TimeoutError as error:
            parser.exit(1, f"introspect: {error}\n")
        table = rows(result, bag, options.minutes)
    if options.out:
        out = ROOT / options.out
        write(out / "soak.json", table, machine=where, seconds=result.times, memory=result.memory)
        draw(result, out / "soak.png")
    tell(table, table[0], "The whole system, after its warm-up:", options.json)
    return int(any(row.met is False for row in table))


if __name__ == "__main__":
    sys.exit(main())
