"""The ROS domain that a run takes: valid, and not already taken by another run."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from introspect.errors import UsageError
from introspect.specification import absolute_namespace

HIGHEST_DOMAIN = 232  # above, the ports of DDS no longer fit
HIGHEST_SAFE_DOMAIN = 101  # above, they reach into the ports that Linux hands out


def domain_id(environment: Mapping[str, str]) -> int:
    """The ROS domain that the environment asks for.

    Raises:
        UsageError: if ROS_DOMAIN_ID is not a domain.
    """
    text = environment.get("ROS_DOMAIN_ID", "") or "0"
    if not re.fullmatch(r"\d{1,3}", text) or int(text) > HIGHEST_DOMAIN:
        raise UsageError(
            f"ROS_DOMAIN_ID={text} is not a domain. Allowed: 0 to {HIGHEST_DOMAIN}, "
            f"better 0 to {HIGHEST_SAFE_DOMAIN}."
        )
    return int(text)


def runtime_folder(environment: Mapping[str, str]) -> Path:
    """A folder of the user's own for files that live as long as a run.

    Raises:
        UsageError: if somebody else has put a folder in its place.
    """
    base = environment.get("XDG_RUNTIME_DIR", "")
    if base and os.access(base, os.W_OK):
        folder = Path(base) / "introspect"
    else:
        folder = Path(tempfile.gettempdir()) / f"introspect-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise UsageError(f"{folder} belongs to somebody else. Cure: remove it")
    return folder


class DomainLock:
    """Holds one domain and namespace for this run, beside others that only join it.

    The lock is the kernel's (``flock``): it ends with the last process that holds its descriptor,
    so there is never a stale one to clean up.
    """

    def __init__(
        self, domain: int, namespace: str, environment: Mapping[str, str], beside: str = ""
    ) -> None:
        """Take the lock.

        Args:
            domain: of ROS.
            namespace: absolute or relative.
            environment: of the user.
            beside: name of a graph that joins others: only its like are in its way.

        Raises:
            UsageError: if another run holds it, naming that run and a free domain.
        """
        self.path = _lock_path(domain, namespace, environment, beside)
        descriptor = _try_lock(self.path)
        if descriptor is None:
            holder = self.path.read_text().strip() or "unknown"
            if beside:
                raise UsageError(
                    f"{beside} already runs in ROS domain {domain}, namespace "
                    f"{absolute_namespace(namespace)} (process {holder}). Cure: stop it"
                )
            free = _free_domain(domain, namespace, environment)
            raise UsageError(
                f"an introspect graph already runs in ROS domain {domain}, namespace "
                f"{absolute_namespace(namespace)} (process {holder}). "
                f"Cure: stop it, or take another domain: ROS_DOMAIN_ID={free}"
            )
        self.descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Give our share of the lock back."""
        os.close(self.descriptor)


def _lock_path(
    domain: int, namespace: str, environment: Mapping[str, str], beside: str = ""
) -> Path:
    words = absolute_namespace(namespace).replace("/", ".").rstrip(".")
    suffix = f"-{beside}" if beside else ""  # no namespace has a hyphen
    return runtime_folder(environment) / f"domain-{domain}{words}{suffix}.lock"


def _try_lock(path: Path) -> int | None:
    """A locked descriptor, or None where someone else holds the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _free_domain(taken: int, namespace: str, environment: Mapping[str, str]) -> int:
    """The next domain in which no run of ours holds this namespace."""
    above, below = range(taken + 1, HIGHEST_SAFE_DOMAIN + 1), range(taken)
    for domain in chain(above, below):
        descriptor = _try_lock(_lock_path(domain, namespace, environment))
        if descriptor is not None:
            os.close(descriptor)
            return domain
    return taken


def running_domains(environment: Mapping[str, str]) -> list[int]:
    """The domains in which runs of this user are under way on this machine."""
    found = set()
    for path in runtime_folder(environment).glob("domain-*.lock"):
        domain = re.match(r"domain-(\d+)", path.name)
        descriptor = _try_lock(path)
        if descriptor is not None:
            os.close(descriptor)
        elif domain:
            found.add(int(domain[1]))
    return sorted(found)
