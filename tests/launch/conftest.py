"""Fixtures of the launch tests: see ``fake_system``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_system import FAKE_NODE, System, processes_of

from introspect.graph import SIM


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An installation prefix that holds a fake executable for every node of the graph."""
    prefix = tmp_path / "prefix"
    for node in SIM.nodes:
        index = prefix / "share/ament_index/resource_index/packages"
        for folder in (prefix / "lib" / node.package, prefix / "share" / node.package, index):
            folder.mkdir(parents=True, exist_ok=True)
        (index / node.package).touch()
        executable = prefix / "lib" / node.package / node.executable
        executable.write_text(f"#!{sys.executable} -IS\n{FAKE_NODE}")
        executable.chmod(0o755)
    return prefix


@pytest.fixture
def start(tmp_path: Path, prefix: Path) -> Iterator[Callable[..., System]]:
    """Start systems of fake nodes; none outlives the test."""
    systems: list[System] = []

    def start(
        *arguments: str,
        launcher: Sequence[str] = (sys.executable, "-m", "introspect", "launch", "sim"),
        nodes: dict[str, Any] | None = None,
        **env: str,
    ) -> System:
        systems.append(System(tmp_path, [*launcher, *arguments], nodes or {}, env))
        return systems[-1]

    yield start
    for system in systems:
        system.process.kill()
        system.process.wait()
    for pid in processes_of(prefix):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
