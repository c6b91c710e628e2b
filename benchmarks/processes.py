"""Processes of a measurement, which all end with it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.sides import ROOT

LEAVING = 5.0  # longest wait for one to end [s]; who is killed leaves segments in /dev/shm


@contextmanager
def processes(commands: dict[str, list[str]]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Python processes by name, which all end with the block.

    A wait in vain is told with who has ended before its time, and with what all have said.
    """
    with tempfile.TemporaryFile("w+b") as output:
        started = {
            name: subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
            )
            for name, command in commands.items()
        }
        try:
            yield started
        except TimeoutError as error:
            ended = {name: process.poll() for name, process in started.items()}
            gone = [f"{name} ended with {code}" for name, code in ended.items() if code is not None]
            said = os.pread(output.fileno(), os.fstat(output.fileno()).st_size, 0).decode()
            raise TimeoutError("\n".join([str(error), *gone, said])) from error
        finally:
            leave(started.values())


def leave(started: Collection[subprocess.Popen[bytes]]) -> None:
    """End processes, in peace if they will."""
    for process in started:
        process.terminate()
    for process in started:
        try:
            process.wait(LEAVING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_times(started: dict[str, subprocess.Popen[Any]]) -> dict[str, float]:
    """Processor time that running processes have used [s]."""
    times = {}
    for name, process in started.items():
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
        times[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return times
