"""A system of fake nodes: real processes, real signals, no ROS."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from introspect.graph import SIM

PATIENCE = 20.0
"""Longest wait for anything in these tests [s]; they wait for conditions, never for a time."""

FAKE_NODE = """\
import faulthandler, json, os, resource, signal, subprocess, sys
name = os.path.basename(sys.argv[0])
do = json.loads(os.environ.get("FAKE_NODES", "{}")).get(name, {})
if do.get("crashes_at_start"):
    with open(os.environ["FAKE_GATE"] + "-" + name, "a") as starts:
        starts.write("x")
        if starts.tell() <= do["crashes_at_start"]:
            faulthandler.enable()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.kill(os.getpid(), signal.SIGSEGV)
for word in do.get("ignore", []):
    signal.signal(getattr(signal, word), signal.SIG_IGN)
if do.get("dawdle"):  # as if it were still importing, without handlers of its own
    while True:
        signal.pause()
def stop(number, _):
    os.write(1, f"got {signal.Signals(number).name}\\n{do.get('last_words', '')}".encode())
    os._exit(do.get("code_when_stopped", 0))
for word in {"SIGINT", "SIGTERM"} - set(do.get("ignore", [])):
    signal.signal(getattr(signal, word), stop)
if do.get("child"):
    child = subprocess.Popen(["sleep", "600"])
    print("child", child.pid, flush=True)
print("up", os.getpid(), json.dumps(sys.argv[1:]), flush=True)
if "exit" in do:
    while not os.path.exists(os.environ["FAKE_GATE"]):
        signal.sigtimedwait([], 0.02)
    if do["exit"] < 0:
        os.kill(os.getpid(), -do["exit"])
    sys.exit(do["exit"])
while True:
    signal.pause()
"""


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until a condition holds; return what it returned."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    pytest.fail(f"waited {PATIENCE:g} s in vain for {what}")


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processes_of(folder: Path) -> list[int]:
    """The running processes whose program lies below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder).encode() in words and alive(int(process.name)):
            found.append(int(process.name))
    return found


class System:
    """``introspect launch sim``, or another launcher, with fake executables, as a subprocess."""

    def __init__(
        self, folder: Path, command: list[str], nodes: dict[str, Any], env: dict[str, str]
    ):
        self.gate = folder / "gate"
        environment = {
            **os.environ,
            "AMENT_PREFIX_PATH": f"{folder / 'prefix'}:{sys.prefix}",
            "XDG_RUNTIME_DIR": str(folder),
            "FAKE_NODES": json.dumps(nodes),
            "FAKE_GATE": str(self.gate),
            **env,
        }
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for_line(self, pattern: str) -> re.Match[str]:
        """Read on until a line matches (earlier lines count as well)."""
        for line in self.lines:
            if match := re.search(pattern, line):
                return match
        while True:
            try:
                line = self._queue.get(timeout=PATIENCE)
            except queue.Empty:
                pytest.fail(f"no line like {pattern!r} in:\n" + "\n".join(self.lines))
            if line is None:
                pytest.fail(f"ended without a line like {pattern!r}:\n" + "\n".join(self.lines))
            self.lines.append(line)
            if match := re.search(pattern, line):
                return match

    def pid(self, node: str) -> int:
        """The process of a node, once it is up."""
        return int(self.wait_for_line(rf"\[{node}(?:-\d+)?\] up (\d+)")[1])

    def pids(self, nodes: tuple[str, ...]) -> dict[str, int]:
        """The processes of these nodes, once all are up."""
        return {node: self.pid(node) for node in nodes}

    def open_gate(self) -> None:
        """Let the nodes that are to end, end."""
        self.gate.touch()

    def signal(self, number: int) -> None:
        """Send a signal to the runner alone, as a terminal does: the nodes have other sessions."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """The exit code, once the runner has ended and all it wrote is read."""
        code = self.process.wait(PATIENCE)
        while (line := self._queue.get(timeout=PATIENCE)) is not None:
            self.lines.append(line)
        return code

    @property
    def text(self) -> str:
        """Everything read so far."""
        return "\n".join(self.lines)


NODES = tuple(node.name for node in SIM.chosen(SIM.resolve({})))
"""The nodes that run by default."""
