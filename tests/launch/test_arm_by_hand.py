"""The mock arm, started as a user would, and moved by hand from another terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live_graph import PATIENCE, NodeProcess

pytestmark = [pytest.mark.ros, pytest.mark.slow]

INTROSPECT = [sys.executable, "-m", "introspect"]


def introspect(*words: str, folder: Path) -> tuple[int, str]:
    """Exit code and all that one command has said."""
    done = subprocess.run(
        [*INTROSPECT, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=90
    )
    return done.returncode, done.stdout + done.stderr


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A system without a policy, once its arm bridge is ready."""
    command = [*INTROSPECT, "launch", "real", "policy:=none", "view:=false", *arguments]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        wanted, deadline = {"arm_bridge_node", "planner_node"}, time.monotonic() + PATIENCE
        while wanted:
            line = process.stdout.readline()
            assert line, "the system ended before it was ready"
            assert time.monotonic() < deadline
            wanted -= {name for name in wanted if f"[{name}] [INFO] ready" in line}
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_an_arm_is_checked_taught_moved_and_stopped_by_hand(
    ros_domain: int, tmp_path: Path
) -> None:
    with running(tmp_path, "mock:=true", "speed:=0.5"):
        code, said = introspect("arm", "check", folder=tmp_path)
        assert code == 0, said
        for what in ("joint states", "state rate", "at rest", "publishers", "arm", "limits"):
            assert f"ok       {what}" in said
        assert "the arm is idle, ready for commands" in said

        code, said = introspect("arm", "teach", "--pose", "start", folder=tmp_path)
        assert code == 0, said
        assert re.search(r"tool at \(0\.4\d\d, -?0\.00\d, 0\.\d\d\d\) m in panda_link0", said)

        code, said = introspect("arm", "home", "--speed", "1", folder=tmp_path)
        assert code == 0, said
        assert "there: planned in" in said

        code, said = introspect("arm", "move", "--pose", "start", folder=tmp_path)
        assert code == 0, said

        code, said = introspect("arm", "stop", folder=tmp_path)
        assert code == 0, said
        code, said = introspect("arm", "home", folder=tmp_path)
        assert code == 1
        assert "FAULT" in said
        assert "guard/rearm" in said

        code, said = introspect("arm", "rearm", folder=tmp_path)
        assert code == 0, said
        assert "ready for the next action" in said


def test_an_unarmed_arm_does_not_move_before_a_person_has_armed_it(
    ros_domain: int, tmp_path: Path
) -> None:
    with NodeProcess("introspect_sim.nodes.mock_arm_node"), running(tmp_path, "gripper:=topic"):
        code, said = introspect("arm", "home", folder=tmp_path)
        assert code == 1
        assert "not armed yet" in said

        code, said = introspect("arm", "rearm", folder=tmp_path)
        assert code == 0, said
        code, said = introspect("arm", "home", folder=tmp_path)
        assert code == 0, said


def test_keys_move_the_tool_until_they_are_let_go(ros_domain: int, tmp_path: Path) -> None:
    with running(tmp_path, "mock:=true", "speed:=0.5"):
        before = tool(tmp_path, "before")
        keyboard, terminal = pty.openpty()
        hand = subprocess.Popen(
            [*INTROSPECT, "arm", "teleop"],
            cwd=tmp_path, stdin=terminal, stdout=terminal, stderr=terminal,
        )  # fmt: skip
        try:
            shown = b""
            deadline = time.monotonic() + PATIENCE
            while b"idle" not in shown and time.monotonic() < deadline:
                shown += os.read(keyboard, 1024)
            while shown.count(b"moving") < 25 and time.monotonic() < deadline:
                os.write(keyboard, b"r")
                time.sleep(0.05)  # a key that is held repeats
                shown += os.read(keyboard, 1024)
            assert b"moving" in shown
            os.write(keyboard, b"x")
            assert hand.wait(30) == 0
        finally:
            hand.kill()
            os.close(keyboard)
            os.close(terminal)
        after = tool(tmp_path, "after")

    assert 0.02 < after[2] - before[2] < 0.12
    assert abs(after[0] - before[0]) < 0.02


def tool(folder: Path, pose: str) -> list[float]:
    """Where the tool is [m], once it is at rest."""
    code, said = introspect("arm", "teach", "--pose", pose, folder=folder)
    assert code == 0, said
    found = re.search(r"tool at \((.*)\) m", said)
    assert found
    return [float(number) for number in found[1].split(",")]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["arm", "dance"], "there is no action 'dance'"),
        (["arm", "move"], "move needs the name of a pose: --pose NAME"),
        (["arm", "home", "--speed", "2"], "--speed 2 is not allowed. Allowed: 0 to 1."),
        (["arm", "check", "--arm", "pandora"], "unknown arm 'pandora'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    words: list[str], problem: str, tmp_path: Path
) -> None:
    code, said = introspect(*words, folder=tmp_path)

    assert code == 2
    assert problem in said
    assert len(said.strip().splitlines()) == 1
