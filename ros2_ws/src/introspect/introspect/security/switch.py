"""SROS2 as the environment switches it: what is asked for, and whether it can be had.

ROS itself is lax where it should not be: any value of ``ROS_SECURITY_ENABLE`` but ``true`` is off,
any strategy but ``Enforce`` lets a node run without keys, and says so in its log only. Here a node
is not started with a value that somebody may have meant to be on.

Source: rcl, security.c.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from introspect.errors import UsageError
from introspect.security.access import enclave_of
from introspect.security.middleware import find_middleware

ENABLE, STRATEGY = "ROS_SECURITY_ENABLE", "ROS_SECURITY_STRATEGY"
KEYSTORE, OVERRIDE = "ROS_SECURITY_KEYSTORE", "ROS_SECURITY_ENCLAVE_OVERRIDE"
ENFORCE = "Enforce"
ENCLAVES = "enclaves"  # folder in a keystore
FILES = (
    "identity_ca.cert.pem",
    "permissions_ca.cert.pem",
    "cert.pem",
    "key.pem",
    "governance.p7s",
    "permissions.p7s",
)
"""What the middleware wants of an enclave."""
MAKE_KEYSTORE = "introspect security keystore --out KEYSTORE"
OTHER_BUILD = (
    "use a ROS 2 installation (apt install ros-$ROS_DISTRO-desktop), whose Fast DDS has it, or "
    f"unset {ENABLE}"
)


@dataclass(frozen=True)
class Switch:
    """What the variables of SROS2 ask for."""

    enabled: bool  # as ROS understands it
    strict: bool  # whether a node without keys is refused
    keystore: Path | None  # folder; None where none is named

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Switch:
        """The switch of an environment."""
        folder = environment.get(KEYSTORE, "")
        return cls(
            enabled=environment.get(ENABLE) == "true",
            strict=environment.get(STRATEGY) == ENFORCE,
            keystore=Path(folder) if folder else None,
        )

    def lacks(self, node: str) -> str:
        """What the enclave of a node lacks, in words; "" where it is whole."""
        if self.keystore is None:
            return f"{KEYSTORE} is not set"
        if not self.keystore.is_dir():
            return f"{KEYSTORE}={self.keystore} is not a folder"
        folder = self.keystore / ENCLAVES / enclave_of(node).lstrip("/")
        if not os.access(folder, os.X_OK):
            return f"{self.keystore} has no enclave {enclave_of(node)}"
        if missing := [name for name in FILES if not os.access(folder / name, os.R_OK)]:
            return f"{folder} lacks, or does not let us read, {', '.join(missing)}"
        return ""


def check_enclave(node: str, environment: Mapping[str, str]) -> None:
    """Refuse to start a node that would find no keys.

    Args:
        node: its name.
        environment: of the node.

    Raises:
        UsageError: SROS2 is on, but the middleware cannot, or the node has no keys; or it is not
            clear whether it is meant to be on.
    """
    if (value := environment.get(ENABLE, "")) not in ("", "true", "false"):
        raise UsageError(
            f"{ENABLE} must be true or false, got {value!r}, which ROS takes for off. Cure: "
            f"export {ENABLE}=true"
        )
    switch = Switch.of(environment)
    if not switch.enabled:
        return
    middleware = find_middleware(environment)
    if middleware.secure is False:
        raise UsageError(f"{ENABLE}=true, but this is {middleware.text}. Cure: {OTHER_BUILD}")
    if not environment.get(OVERRIDE) and (problem := switch.lacks(node)):
        raise UsageError(f"{ENABLE}=true, but {problem}. Cure: {MAKE_KEYSTORE}")


def enclave_arguments(node: str, environment: Mapping[str, str]) -> list[str]:
    """The ROS arguments that give a node its keys; none where SROS2 is off.

    Args:
        node: its name.
        environment: of the node.
    """
    return ["--enclave", enclave_of(node)] if Switch.of(environment).enabled else []


def security_environment(environment: Mapping[str, str], node: str = "") -> dict[str, str]:
    """Variables to add where SROS2 is on and the user says nothing else.

    A node without keys is refused, not started without them.

    Args:
        environment: the user's.
        node: whose keys to take, for a process that has no ROS arguments.
    """
    if not Switch.of(environment).enabled:
        return {}
    wanted = {STRATEGY: ENFORCE} | ({OVERRIDE: enclave_of(node)} if node else {})
    return {name: value for name, value in wanted.items() if not environment.get(name)}


def take_keys(node: str, environment: MutableMapping[str, str]) -> None:
    """Have the process with this environment be a node, with that node's keys.

    Raises:
        UsageError: As ``check_enclave``.
    """
    check_enclave(node, environment)
    environment.update(security_environment(environment, node))
