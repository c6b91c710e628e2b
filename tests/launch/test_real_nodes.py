"""The runner with the real nodes of the simulated system."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fake_system import NODES, alive, wait_until

from introspect_learning.models import shipped

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # seven Pythons start on two cores
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the simulated system; it does not outlive the test."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "introspect", "launch", "sim", *arguments]
        environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
        processes.append(
            subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def wait_for_lines(process: subprocess.Popen[str], *patterns: str) -> str:
    """Read until each of the patterns has been seen; return what was read."""
    assert process.stdout is not None
    text, missing = "", list(patterns)
    for line in process.stdout:
        text += line
        missing = [pattern for pattern in missing if not re.search(pattern, line)]
        if not missing:
            return text
    pytest.fail(f"ended without {missing}:\n{text}")


def children(parent: subprocess.Popen[str]) -> list[int]:
    """Its processes; /proc/PID/task/TID/children may leave some out while others come and go."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it has ended
            if f"\nPPid:\t{parent.pid}\n" in status.read_text():
                found.append(int(status.parent.name))
    return found


def nodes_of(runner: subprocess.Popen[str]) -> dict[str, int]:
    """Process numbers of the runner's nodes, by name."""
    words = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in children(runner)}
    named = {pid: re.search(r"__node:=(\w+)", text) for pid, text in words.items()}
    return {found[1]: pid for pid, found in named.items() if found}


READY = ("panda in mujoco", "ready: panda on", "ready for pick_and_place", "choosing among")


def test_the_system_comes_up_and_ctrl_c_twice_ends_it_cleanly(start: Start) -> None:
    system = start("port:=18081")
    wait_for_lines(system, *READY, "watch at")
    pids = nodes_of(system)
    assert set(pids) == set(NODES)
    system.send_signal(signal.SIGINT)
    system.send_signal(signal.SIGINT)
    rest, _ = system.communicate()
    assert system.returncode == 0, rest
    assert "Traceback" not in rest
    assert not any(map(alive, pids.values()))


def test_a_killed_policy_ends_the_run_in_failure(start: Start) -> None:
    system = start("view:=false")
    wait_for_lines(system, *READY, r"arm_bridge_node.*ACTIVE")
    pids = nodes_of(system)
    os.kill(pids["behaviour_node"], signal.SIGKILL)
    rest, _ = system.communicate()
    assert system.returncode == 1, rest
    assert "behaviour_node was killed by SIGKILL; the run cannot go on without it" in rest
    assert (
        rest.splitlines()[-1] == "[introspect] the run failed: behaviour_node was killed by SIGKILL"
    )
    assert re.search(r"arm_bridge_node.*(STOPPING|FAULT): no policy action", rest)
    assert not any(map(alive, pids.values()))


def test_killing_the_runner_leaves_no_real_node_behind(start: Start) -> None:
    system = start("view:=false")
    wait_for_lines(system, *READY)
    pids = nodes_of(system)
    system.kill()
    wait_until(lambda: not any(map(alive, pids.values())), "the nodes to follow the runner")


def test_a_model_for_another_arm_ends_the_run_with_code_2(start: Start, tmp_path: Path) -> None:
    shutil.copytree(shipped("bbrl"), tmp_path / "model")
    path = tmp_path / "model/behaviours/contract.json"
    contract = json.loads(path.read_text())
    contract["joint_names"] = [f"fr3_joint{number}" for number in range(1, 8)]
    contract["input_names"][0] = "joint_position.0"  # one that reads no joint fits any arm
    path.write_text(json.dumps(contract))
    system = start(f"model:={tmp_path / 'model'}", "view:=false")
    text, _ = system.communicate()
    assert system.returncode == 2, text
    assert "refused its configuration" in text
    assert "fr3_joint1" in text
    assert "Traceback" not in text


def test_a_policy_can_be_left_out(start: Start) -> None:
    system = start("policy:=none", "view:=false", "backend:=pybullet", "namespace:=left")
    wait_for_lines(system, "panda in pybullet", "ready: panda on /left/")
    assert set(nodes_of(system)) == {"sim_node", "state_publisher_node", "arm_bridge_node"}
    system.send_signal(signal.SIGTERM)
    rest, _ = system.communicate()
    assert system.returncode == 0, rest
