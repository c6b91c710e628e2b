"""Setting up: what is missing is named in one line, with its cure; `make` explains itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = (
    "bash",
    "cut",
    "getconf",
    "head",
    "printf",
    "sort",
    "uname",
)  # what the script itself needs

Machine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that has only what is named: `machine("cc", python="...", uname="...")`."""

    def preflight(*programs: str, **scripts: str) -> subprocess.CompletedProcess[str]:
        for name in (*TOOLS, *programs):
            if name not in scripts:
                (tmp_path / name).symlink_to(shutil.which(name) or "/bin/true")
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)
        return subprocess.run(
            [str(ROOT / "tools" / "preflight.sh"), "python"],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": str(tmp_path)},
        )

    return preflight


PYTHON = f'exec {sys.executable} "$@"'


def test_a_machine_that_has_everything_passes(machine: Machine) -> None:
    result = machine("cc", "c++", python="exit 0")
    assert result.returncode == 0, result.stderr


def test_another_processor_is_refused(machine: Machine) -> None:
    result = machine(uname='[ "$1" = -m ] && echo aarch64 || echo Linux')
    assert result.returncode == 1
    assert "needs Linux on x86_64, this is Linux on aarch64" in result.stderr


def test_no_python_is_named_with_its_cure(machine: Machine) -> None:
    result = machine()
    assert result.returncode == 1
    assert "'python' is not there: sudo apt-get install -y python3" in result.stderr


def test_an_old_python_is_refused_by_its_version(machine: Machine) -> None:
    result = machine(python='[ "$1" = -V ] && echo Python 3.8.10; [ "$1" = -V ]')
    assert result.returncode == 1
    assert "needs Python 3.10 to 3.14, 'python' is Python 3.8.10" in result.stderr
    assert "make PYTHON=python3.11" in result.stderr


def test_a_missing_compiler_is_named_with_its_cure(machine: Machine) -> None:
    result = machine(python=PYTHON)
    assert result.returncode == 1
    assert "a C++ compiler: sudo apt-get install -y build-essential" in result.stderr


def test_all_that_apt_can_cure_is_cured_by_one_command(machine: Machine) -> None:
    result = machine(python='case "$2" in *version_info*) exit 0;; *) exit 1;; esac')
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "apt-get install -y python3-venv build-essential python3-dev\n" in result.stderr


def test_make_lists_every_target() -> None:
    result = subprocess.run(
        ["make", "--no-print-directory"], check=True, capture_output=True, text=True, cwd=ROOT
    )
    listed = set(re.findall(r"^  make (\S+)", result.stdout, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    assert listed == set(phony[1].split())


def test_the_lock_pins_everything_that_is_required() -> None:
    locked = {
        line.partition("==")[0]
        for line in (ROOT / "requirements" / "lock.txt").read_text().splitlines()
        if "==" in line
    }
    for file in (ROOT / "requirements").glob("*.txt"):
        for line in file.read_text().splitlines():
            if match := re.match(r"([a-z][\w.-]*)(\[\w+\])?==", line, re.IGNORECASE):
                assert match[1].lower().replace("_", "-") in locked, f"{file.name}: {line}"
            else:
                assert re.match(r"$|#|-r \w+\.txt$", line), f"{file.name} does not pin {line}"


def test_no_registry_is_named() -> None:
    """Where packages come from is the machine's business."""
    for path in (ROOT / "Makefile", *(ROOT / "requirements").iterdir()):
        assert not re.search(r"index-url|find-links|https?://", path.read_text()), path
