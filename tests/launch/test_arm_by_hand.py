"""The mock arm, started as a user would, and moved by hand from another terminal."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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


def rearm_until_ready(folder: Path) -> None:
    """As a person would: a busy machine may make joint states late at the very moment."""
    for _ in range(3):
        code, said = introspect("arm", "rearm", folder=folder)
        assert code == 0, said
        if "ready for the next action" in said:
            return
    raise AssertionError(said)


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
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said


def test_an_arm_is_checked_taught_moved_and_stopped_by_hand(
    ros_domain: int, tmp_path: Path
) -> None:
    with running(tmp_path, "mock:=true", "speed:=0.5"):
        code, said = introspect("arm", "check", folder=tmp_path)
        assert code == 0, said
        for what in ("joint states", "state rate", "at rest", "publishers", "arm", "limits"):
            assert f"ok       {what}" in said
        assert "the arm is idle, ready for commands" in said
        code, said = introspect("arm", "home", "--arm", "fr3", folder=tmp_path)
        assert (code, said) == (2, "introspect: --arm fr3: the running system drives panda\n")

        code, said = introspect("arm", "teach", "--pose", "start", folder=tmp_path)
        assert code == 0, said
        assert re.search(r"tool at \(0\.4\d\d, -?0\.00\d, 0\.\d\d\d\) m in panda_link0", said)

        assert "replaced" not in said
        code, said = introspect("arm", "teach", "--pose", "start", folder=tmp_path)
        assert "it was there before, and has been replaced" in said

        code, said = introspect("arm", "home", "--speed", "1", folder=tmp_path)
        assert code == 0, said
        assert "there: planned in" in said

        code, said = introspect("arm", "move", "--pose", "start", folder=tmp_path)
        assert code == 0, said

        words = ("--value", "0.03", "--delay", "0.1", "--duration", "600")
        code, said = introspect("arm", "fault", "--fault", "state_delay", *words, folder=tmp_path)
        assert (code, said) == (0, "state_delay of 0.03 s, in 0.1 s, for 600 s\n")
        code, said = introspect("arm", "fault", "--fault", "controller_inactive", folder=tmp_path)
        assert code == 0, said
        code, said = introspect("arm", "check", folder=tmp_path)
        assert (code, "PROBLEM  arm: the arm is inactive" in said) == (1, True), said
        code, said = introspect("arm", "fault", "--fault", "none", folder=tmp_path)
        assert (code, "state_delay" in said, "controller_inactive" in said) == (0, True, True), said

        code, said = introspect("arm", "stop", folder=tmp_path)
        assert code == 0, said
        code, said = introspect("arm", "home", folder=tmp_path)
        assert code == 1
        assert "FAULT" in said
        assert "guard/rearm" in said

        rearm_until_ready(tmp_path)


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


class Hand:
    """A person at ``arm teleop``, in a terminal that is always read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keyboard, terminal = pty.openpty()
        self.program = subprocess.Popen(
            [*INTROSPECT, "arm", "teleop"],
            cwd=folder, stdin=terminal, stdout=terminal, stderr=terminal,
        )  # fmt: skip
        os.close(terminal)
        self.shown = ""
        self.rearmed = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError):  # its program has ended
            while some := os.read(self._keyboard, 1024):
                self.shown += some.decode(errors="replace")

    @property
    def state(self) -> str:
        """The line as it stands."""
        return self.shown.rpartition("\r")[0].rpartition("\x1b[K")[2]

    def type(self, key: str) -> None:
        os.write(self._keyboard, key.encode())

    def hold(self, key: str) -> None:
        """Type a key as often as one that is held; go on where a busy machine stopped the arm."""
        self.type(key)
        time.sleep(0.05)
        if self.state.startswith("FAULT"):
            self.rearm()

    def leave(self) -> None:
        self.program.kill()
        self.program.wait()
        os.close(self._keyboard)

    def rearm(self) -> None:
        self.rearmed += 1
        code, said = introspect("arm", "rearm", folder=self._folder)
        assert code == 0, said


@pytest.fixture
def hand(ros_domain: int, tmp_path: Path) -> Iterator[Hand]:
    with running(tmp_path, "mock:=true", "speed:=0.5"):
        hand = Hand(tmp_path)
        try:
            wait_until(lambda: hand.state.startswith("idle"), hand)
            yield hand
        finally:
            hand.leave()


def wait_until(reached: Callable[[], bool], hand: Hand) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline, f"shown so far: {hand.shown[-2000:]!r}"
        time.sleep(0.02)


def test_an_arm_is_not_armed_while_anything_is_wrong(ros_domain: int, tmp_path: Path) -> None:
    with running(tmp_path, "gripper:=topic"):  # its driver is not started
        code, said = introspect("arm", "rearm", folder=tmp_path)
        assert code == 1
        assert "not armed, for not everything is right yet" in said
        assert "joint states" in said

        with NodeProcess("introspect_sim.nodes.mock_arm_node"):
            deadline = time.monotonic() + PATIENCE
            while "ok       joint states" not in said and time.monotonic() < deadline:
                _, said = introspect("arm", "check", folder=tmp_path)
            assert "in FAULT" in said  # still unarmed, now that all is well

            code, said = introspect("arm", "rearm", folder=tmp_path)
            assert (code, said.splitlines()[-1]) == (0, "ready for the next action")


def test_keys_move_the_tool_until_they_are_let_go(hand: Hand, tmp_path: Path) -> None:
    before = tool(tmp_path, "before")

    def moved() -> bool:
        hand.hold("r")
        return hand.shown.count("moving") >= 25

    wait_until(moved, hand)
    hand.type("x")
    assert hand.program.wait(30) == 0
    after = tool(tmp_path, "after")

    assert hand.rearmed <= 3, "the arm stops again and again"
    assert 0.02 < after[2] - before[2] < 0.12
    assert abs(after[0] - before[0]) < 0.02


def test_an_arm_whose_keyboard_hangs_stops_and_can_be_moved_again(hand: Hand) -> None:
    def moves() -> bool:
        hand.hold("r")
        return hand.state.startswith("moving")

    wait_until(moves, hand)
    hand.program.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    hand.program.send_signal(signal.SIGCONT)
    wait_until(lambda: hand.state.startswith("FAULT: no policy action for"), hand)

    hand.rearm()
    wait_until(lambda: hand.state.startswith("idle"), hand)
    wait_until(moves, hand)


def tool(folder: Path, pose: str) -> list[float]:
    """Where the tool is [m], once it is at rest."""
    code, said = introspect("arm", "teach", "--pose", pose, folder=folder)
    assert code == 0, said
    found = re.search(r"tool at \((.*)\) m", said)
    assert found
    return [float(number) for number in found[1].split(",")]


def test_what_can_go_wrong_is_listed_without_a_system(tmp_path: Path) -> None:
    code, said = introspect("arm", "fault", folder=tmp_path)

    assert code == 0
    assert "state_delay (in [0.001, 2] s, usually 0.1): joint states come that much later" in said


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["arm", "dance"], "there is no action 'dance'"),
        (["arm", "move"], "move needs the name of a pose: --pose NAME"),
        (["arm", "home", "--speed", "2"], "--speed 2 is not allowed. Allowed: 0 to 1."),
        (["arm", "check", "--arm", "pandora"], "unknown arm 'pandora'"),
        (
            ["arm", "fault", "--fault", "reflx"],
            "fault 'reflx' does not exist. Did you mean 'reflex'?",
        ),
        (
            ["arm", "fault", "--fault", "state_delay", "--value", "9"],
            "must be in [0.001, 2] s, got 9",
        ),
        (
            ["arm", "fault", "--fault", "state_delay", "--delay", "-1"],
            "must be 0 or more, got -1 s",
        ),
        (["arm", "fault", "--value", "0.2"], "are of a fault: --fault NAME"),
        (["arm", "stop", "--fault", "reflex"], "--fault is for introspect arm fault, not for stop"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    words: list[str], problem: str, tmp_path: Path
) -> None:
    code, said = introspect(*words, folder=tmp_path)

    assert code == 2
    assert problem in said
    assert len(said.strip().splitlines()) == 1
