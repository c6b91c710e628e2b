"""A clean ROS 2 environment for every test process: its own DDS domain, this machine only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

# Before anything imports rclpy.
os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"  # a wrong type fails where it is assigned
os.environ.pop("ROS_LOCALHOST_ONLY", None)
os.environ.pop("ROS_DOMAIN_ID", None)  # the shell's own system must not hear the tests

if "PYTEST_XDIST_WORKER" in os.environ:  # one core a worker
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def ros_domain() -> Iterator[int]:
    """Hold a DDS domain that no other test process on this machine uses, and return its number."""
    domain_coordinator = pytest.importorskip("domain_coordinator")
    with domain_coordinator.domain_id() as number:
        os.environ["ROS_DOMAIN_ID"] = str(number)
        yield int(number)
        del os.environ["ROS_DOMAIN_ID"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte, which is soon full."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=777", "introspect-test", str(folder)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("NOT TESTED: a full disk; there is no mount command")
    if done.returncode:
        pytest.skip(f"NOT TESTED: a full disk; mounting is not allowed: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(autouse=True)
def isolated_domain(request: pytest.FixtureRequest) -> None:
    """Give every test that is marked `ros` or `e2e` the session's domain."""
    if request.node.get_closest_marker("ros") or request.node.get_closest_marker("e2e"):
        request.getfixturevalue("ros_domain")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, so that no test can forget to be isolated."""
    for item in items:
        folders = item.path.relative_to(TESTS).parts
        if {"nodes", "launch", "faults"} & set(folders):
            item.add_marker(pytest.mark.ros)
        if "e2e" in folders:
            item.add_marker(pytest.mark.e2e)
