"""Fakes of a middleware with and without DDS security, and a keystore of empty files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from introspect.security.middleware import LIBRARY
from introspect.security.processes import PROCESSES
from introspect.security.switch import ENCLAVES, FILES

Environment = dict[str, str]


@pytest.fixture
def built(tmp_path: Path) -> Callable[[bool], Environment]:
    """The environment in which a middleware is found that was built with security, or without."""

    def environment(secure: bool) -> Environment:
        folder = tmp_path / f"secure_{secure}"
        folder.mkdir(exist_ok=True)
        says = b"" if secure else b"This Fast DDS version doesn't have the security libraries"
        (folder / LIBRARY).write_bytes(b"\x7fELF" + says)
        return {"LD_LIBRARY_PATH": str(folder)}

    return environment


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    """A keystore that has every file, and nothing in it."""
    folder = tmp_path / "keys"
    for process in PROCESSES:
        enclave = folder / ENCLAVES / process.enclave.lstrip("/")
        enclave.mkdir(parents=True)
        for name in FILES:
            (enclave / name).touch(mode=0o600)
    return folder


@pytest.fixture
def secured(built: Callable[[bool], Environment], keystore: Path) -> Environment:
    """An environment in which SROS2 is on and works."""
    return built(True) | {
        "ROS_SECURITY_ENABLE": "true",
        "ROS_SECURITY_STRATEGY": "Enforce",
        "ROS_SECURITY_KEYSTORE": str(keystore),
    }
