"""Doctor, terminal view and page against real nodes on a real DDS domain."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import planted_system
import pytest
from fake_system import PATIENCE

from introspect_control.capture import BagReader

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run() -> Iterator[Start]:
    """Start programs of this Python; none outlives the test."""
    processes: list[subprocess.Popen[str]] = []

    def run(*words: str) -> subprocess.Popen[str]:
        processes.append(
            subprocess.Popen(
                [sys.executable, *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        )
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def wait_for_line(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if found := re.search(pattern, line):
            return found
    pytest.fail(f"ended without a line like {pattern!r}:\n{''.join(lines)}")


def introspect(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "introspect", *words],
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        check=False,
    )


def test_the_doctor_finds_what_is_wrong_with_real_nodes(run: Start) -> None:
    wait_for_line(run(planted_system.__file__), "^up$")
    done = introspect("doctor", "--json", "--seconds", "1")
    assert done.returncode == 1, done.stderr
    findings = {f["check"]: f for f in json.loads(done.stdout.splitlines()[-1])["findings"]}
    expected = {
        "graph": ("ok", "4 nodes"),
        "silent topics": ("problem", "on object_pose (from /arm)"),
        "state rate": ("problem", "joint_states comes at"),
        "quality of service": ("problem", "/joint_states: /bridge wants reliable messages"),
        "commanders": ("problem", "/bridge, /intruder"),
        "joints": ("problem", "told are fr3_joint1"),
        "simulated time": ("problem", "/late follow simulated time, but nobody publishes /clock"),
        "guard": ("warning", "stopped: planted"),
    }
    for check, (level, text) in expected.items():
        assert findings[check]["level"] == level, findings[check]
        assert text in findings[check]["finding"]
        assert level == "ok" or findings[check]["cure"]


def test_the_bridge_is_asked_which_arm_is_meant(run: Start, tmp_path: Path) -> None:
    fr3 = ("--ros-args", "-p", "arm:=fr3")
    wait_for_line(run("-m", "introspect_sim.nodes.sim_node", *fr3), "fr3 in mujoco")
    bridge = run("-m", "introspect_control.nodes.arm_bridge_node", *fr3, "-p", "use_sim_time:=true")
    wait_for_line(bridge, "ready: fr3")

    recorded = introspect("capture", "--out", str(tmp_path / "bag"), "--seconds", "2")
    assert recorded.returncode == 0, recorded.stderr
    assert len(list(BagReader(tmp_path / "bag").messages("/franka/joint_states"))) > 100

    seen = introspect("view", "--once")
    assert seen.returncode == 0, seen.stderr
    assert re.search(r"fr3_joint4 .*█.* -\d+\.\d°", seen.stdout), seen.stdout

    findings = json.loads(introspect("doctor", "--json").stdout.splitlines()[-1])["findings"]
    by_check = {finding["check"]: finding for finding in findings}
    assert by_check["arm"]["finding"].startswith("fr3: ")
    assert by_check["joints"]["level"] == "ok", by_check["joints"]

    for verb in (("capture", "--out", str(tmp_path / "other")), ("view", "--once")):
        refused = introspect(*verb, "--arm", "panda")
        assert refused.returncode == 2
        assert "--arm panda: the running system drives fr3" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_the_view_prints_one_picture_of_real_nodes(run: Start) -> None:
    wait_for_line(run("-m", "introspect_sim.nodes.sim_node"), "panda in mujoco")
    done = introspect("view", "--once")
    assert done.returncode == 0, done.stderr
    assert re.search(r"panda_joint4 .*█.* -139\.3°", done.stdout)
    assert re.search(r"joint_states +\d+\.\d Hz", done.stdout)
    assert re.search(r"object to goal +\d+\.\d cm", done.stdout)


def test_the_view_says_when_there_is_nothing_to_see() -> None:
    done = introspect("view", "--once", "--patience", "0.5")
    assert done.returncode == 1
    assert done.stderr.startswith("introspect: nothing heard on joint_states for 0.5 s")
    assert "Cure: introspect launch sim" in done.stderr


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def dashboard(run: Start, port: int) -> subprocess.Popen[str]:
    return run("-m", "introspect.nodes.dashboard_node", "--ros-args", "-p", f"port:={port}")


def test_the_page_is_served_on_the_next_port_where_its_own_is_taken(
    run: Start, taken_port: int
) -> None:
    page = dashboard(run, taken_port)
    warned = wait_for_line(page, rf"port {taken_port} is taken, the page is on (\d+)")
    address = wait_for_line(page, r"watch at (http://127\.0\.0\.1:(\d+))")
    assert address[2] == warned[1]
    with urllib.request.urlopen(address[1], timeout=PATIENCE) as answer:
        assert b"viser" in answer.read()
    page.send_signal(signal.SIGINT)
    assert page.wait(PATIENCE) == 0


def test_the_page_is_not_served_to_other_machines(run: Start, taken_port: int) -> None:
    page = dashboard(run, taken_port)
    port = int(wait_for_line(page, r"watch at http://127\.0\.0\.1:(\d+)")[1])
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    ]
    assert listening == [f"0100007F:{port:04X}"]
