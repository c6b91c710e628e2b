"""Whatever of ours talks ROS keeps to this machine, unless the user has said otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from introspect.cli import main
from introspect.doctor.examination import examine_system
from introspect.graph import ENVIRONMENT
from introspect.runner.command import node_environment

RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"


@pytest.mark.parametrize(
    ("users", "wanted"), [(None, "LOCALHOST"), ("", "LOCALHOST"), ("SUBNET", "SUBNET")]
)
def test_nodes_of_the_runner(users: str | None, wanted: str) -> None:
    environment = {} if users is None else {RANGE: users}
    assert node_environment(environment, colour=False)[RANGE] == wanted


@pytest.mark.parametrize(
    ("users", "wanted"), [(None, "LOCALHOST"), ("", "LOCALHOST"), ("SUBNET", "SUBNET")]
)
@pytest.mark.parametrize(
    "words",
    [
        ["view"],
        ["capture", "--out", "a_new_bag"],
        ["arm", "check"],
        ["arm", "teleop"],
        ["calibrate", "--record"],
    ],
)
def test_commands_that_become_a_node(
    words: list[str], users: str | None, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if users is None:
        monkeypatch.delenv(RANGE, raising=False)
    else:
        monkeypatch.setenv(RANGE, users)
    seen: list[str] = []
    monkeypatch.setattr("introspect.cli.arm._arm", lambda given, namespace: "panda")
    monkeypatch.setattr("os.execv", lambda *_: seen.append(os.environ[RANGE]))
    main(words)
    assert seen == [wanted]


@pytest.mark.parametrize(("users", "wanted"), [(None, "LOCALHOST"), ("SUBNET", "SUBNET")])
def test_the_doctors_look_at_the_running_system(
    users: str | None, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if users is None:
        monkeypatch.delenv(RANGE, raising=False)
    else:
        monkeypatch.setenv(RANGE, users)
    seen: list[str] = []
    programs: list[str] = []

    def probe(words: list[str], **named: Any) -> Any:
        programs.append(words[2])
        seen.append(named["env"][RANGE])
        raise subprocess.TimeoutExpired(words, 0.0)

    monkeypatch.setattr("introspect.doctor.examine", examine_system)
    monkeypatch.setattr("subprocess.run", probe)
    main(["doctor", "--seconds", "0.1"])
    assert programs == ["introspect.nodes.arm_terminal", "introspect.nodes.system_probe"]
    assert seen == [wanted, wanted]


def test_looking_at_a_bag_starts_no_node(tmp_path: Path) -> None:
    program = (
        "import sys; from introspect.cli import main; main(['bag', 'info', sys.argv[1]]); "
        "sys.exit('rclpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == 0


def test_localhost_is_what_the_graphs_ask_for() -> None:
    assert ENVIRONMENT[RANGE] == "LOCALHOST"
