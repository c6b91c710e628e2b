"""What `kill -9` costs a recording: seconds that are missing from the repaired bag.

A child records a thousand messages a second and notes, in memory that outlives it, how far it has
come. It is killed at a random instant; its bag is repaired and read back.
"""

from __future__ import annotations

import argparse
import mmap
import random
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import Row, add_output, machine, tell, write
from benchmarks.sides import ROOT
from introspect_control.capture import BagReader, BagWriter
from introspect_control.capture.definition import parse_definition
from introspect_control.capture.repair import repair
from introspect_control.capture.verify import inspect

DEFINITION = "uint64 number\nuint8[256] noise\n"
LOST_AT_MOST = 1.0  # [s]
_NOTE = struct.Struct("<QQ")  # number of the latest message, its time [ns]
_RATE = 1000.0  # [Hz]


@dataclass(frozen=True)
class Kill:
    """One killed recording."""

    after: float  # of recording [s]
    handed_over: int  # messages
    lost: int  # messages
    seconds_lost: float  # from the last message that is in the bag to the last handed over


def record(bag: Path, note: Path) -> None:
    """Record until killed."""
    definition = parse_definition("test_msgs/msg/Numbered", DEFINITION)
    with note.open("r+b") as file:
        memory = mmap.mmap(file.fileno(), _NOTE.size)
    writer = BagWriter(bag)
    topic = writer.add_topic("/numbers", definition)
    noise = random.Random(0).randbytes(256)
    number, due = 0, time.monotonic()
    while True:
        number += 1
        now = time.time_ns()
        data = b"\0\1\0\0" + struct.pack("<Q", number) + noise
        if writer.write(topic, now, data):
            _NOTE.pack_into(memory, 0, number, now)
        due += 1.0 / _RATE
        time.sleep(max(0.0, due - time.monotonic()))


def kill_once(folder: Path, after: float) -> Kill:
    """Kill a recording, repair its bag, and see what is missing.

    Args:
        folder: an empty one.
        after: when to kill, from the first message on [s].

    Raises:
        AssertionError: The bag is not sound after the repair, or not all in order.
    """
    bag, note = folder / "bag", folder / "note"
    note.write_bytes(bytes(_NOTE.size))
    command = [sys.executable, "-m", "benchmarks.capture_kill", "--record", str(bag), str(note)]
    child = subprocess.Popen(command, cwd=ROOT)
    try:
        while not note.read_bytes()[0]:
            if child.poll() is not None:
                raise RuntimeError("the recording ended by itself")
            time.sleep(0.01)
        time.sleep(after)
    finally:
        child.kill()
        child.wait()
    number, at = _NOTE.unpack(note.read_bytes())
    result = repair(bag)
    assert not repair(bag).changed
    assert not inspect(bag).findings
    last, found = at, 0
    for message in BagReader(bag).messages():
        found += 1
        last = message.log_time
        assert message.message.number == found
    assert found == result.messages
    began = at if not found else last
    return Kill(after, number, number - found, 1e-9 * (at - began) if found else after)


def main() -> int:
    """Kill many recordings and tell of the worst."""
    parser = argparse.ArgumentParser(prog="introspect bench capture_kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="how many (default 50)")
    parser.add_argument("--seed", type=int, default=0, help="of the instants (default 0)")
    add_output(parser, "kill.json, as results/capture")
    parser.add_argument("--record", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record:
        record(*options.record)
    where, rng, began = machine(), random.Random(options.seed), time.monotonic()
    kills = []
    for _ in range(options.kills):
        with tempfile.TemporaryDirectory() as folder:
            kills.append(kill_once(Path(folder), rng.uniform(0.05, 1.5)))
    lost = sorted(kill.seconds_lost for kill in kills)
    row = Row(
        "capture_kill",
        "most_seconds_lost",
        lost[-1],
        None,
        len(kills),
        options.seed,
        time.monotonic() - began,
        target=LOST_AT_MOST,
        at_most=True,
        more={
            "median_seconds_lost": lost[len(lost) // 2],
            "most_messages_lost": max(kill.lost for kill in kills),
            "messages_a_second": _RATE,
        },
    )
    if options.out:
        write(ROOT / options.out / "kill.json", [row], machine=where)
    tell([row], row, "Recordings ended by kill -9, then repaired:", options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
