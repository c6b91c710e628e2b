"""The machine and the shell: what has to be right before any of our code matters."""

from __future__ import annotations

import ctypes.util
import fcntl
import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from introspect.doctor.finding import Finding, note, ok, problem, warning
from introspect.errors import UsageError
from introspect.leftovers import CLEAN_UP
from introspect.runner.domain import HIGHEST_SAFE_DOMAIN, domain_id
from introspect.security.switch import Switch

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 14)
GIB = 2**30
_ROS = "/opt/ros"
_WIDE = ("SUBNET", "SYSTEM_DEFAULT")  # ranges of discovery that reach other machines


def check_python(
    version: tuple[int, int] = sys.version_info[:2],
    system: str = platform.system(),
    machine: str = platform.machine(),
    libc: tuple[str, str] = platform.libc_ver(),
    full_ros: bool = bool(os.environ.get("ROS_DISTRO")),
) -> Finding:
    """Whether there are ROS wheels for this Python and this machine.

    Args:
        version: of Python.
        system: operating system.
        machine: processor.
        libc: name and version of the C library.
        full_ros: whether a ROS 2 installation is sourced, which needs no wheels.
    """
    name = "python"
    here = f"Python {version[0]}.{version[1]} on {system} {machine}"
    if version < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return problem(name, f"{here} is too old", f"make setup PYTHON=python{oldest} or newer")
    if full_ros:
        return ok(name, f"{here}, with a ROS 2 installation")
    glibc = tuple(int(part) for part in libc[1].split(".")[:2]) if libc[0] == "glibc" else (0, 0)
    if (system, machine) != ("Linux", "x86_64") or version > NEWEST_PYTHON or glibc < (2, 28):
        return problem(
            name,
            f"{here} ({libc[0] or 'unknown libc'} {libc[1]}): the ROS wheels are for Linux x86_64, "
            "glibc 2.28 and newer, Python 3.10 to 3.14",
            "use such a machine, or source a ROS 2 installation and build with colcon",
        )
    return ok(name, here)


def check_shell(
    environment: Mapping[str, str], prefix: str = sys.prefix, base_prefix: str = sys.base_prefix
) -> Finding:
    """Whether libraries of another ROS are mixed with those of this environment.

    Args:
        environment: variables of the shell.
        prefix: of this Python environment.
        base_prefix: of the Python that it was made from.
    """
    name = "shell"
    in_environment = prefix != base_prefix
    mixed = [
        variable
        for variable in ("LD_LIBRARY_PATH", "PYTHONPATH", "AMENT_PREFIX_PATH")
        if any(p.startswith(_ROS) for p in environment.get(variable, "").split(os.pathsep))
    ]
    wheels = (Path(prefix) / "lib").glob("python*/site-packages/rclpy")
    if in_environment and mixed and any(wheels):
        return problem(
            name,
            f"{', '.join(mixed)} names {_ROS}, and {prefix} has the ROS wheels: "
            "which libraries are loaded is a matter of chance",
            "use a shell that has not sourced /opt/ros (env -i bash -l), or one without the wheels",
        )
    if environment.get("_ROS_WHEELS_BOOTSTRAP_COMPLETE") and prefix not in environment.get(
        "LD_LIBRARY_PATH", ""
    ):
        return problem(
            name,
            "this shell carries the library paths of the ROS wheels of another environment",
            "unset LD_LIBRARY_PATH _ROS_WHEELS_BOOTSTRAP_COMPLETE",
        )
    return ok(name, f"nothing foreign beside {prefix}")


def check_domain(environment: Mapping[str, str]) -> Finding:
    """Whether ROS_DOMAIN_ID is a domain."""
    name = "domain"
    try:
        domain = domain_id(environment)
    except UsageError as error:
        return problem(name, str(error), "export ROS_DOMAIN_ID=0")
    if domain > HIGHEST_SAFE_DOMAIN:
        return warning(
            name,
            f"domain {domain}: its ports reach into those that Linux hands out to other programs",
            f"take one from 0 to {HIGHEST_SAFE_DOMAIN}: export ROS_DOMAIN_ID=0",
        )
    return ok(name, f"ROS domain {domain}")


def check_discovery(environment: Mapping[str, str]) -> Finding:
    """Whether the variables of ROS and its middleware let nodes find each other."""
    name = "discovery"
    reach = environment.get("ROS_AUTOMATIC_DISCOVERY_RANGE", "") or "LOCALHOST"
    allowed = ("LOCALHOST", "SUBNET", "OFF", "SYSTEM_DEFAULT")
    if reach not in allowed:
        return problem(
            name,
            f"ROS_AUTOMATIC_DISCOVERY_RANGE={reach} is not one of {', '.join(allowed)}",
            "unset ROS_AUTOMATIC_DISCOVERY_RANGE",
        )
    if reach == "OFF":
        return problem(
            name,
            "ROS_AUTOMATIC_DISCOVERY_RANGE=OFF: no node finds any other",
            "unset ROS_AUTOMATIC_DISCOVERY_RANGE",
        )
    middleware = environment.get("RMW_IMPLEMENTATION", "")
    if middleware not in ("", "rmw_fastrtps_cpp") and not environment.get("ROS_DISTRO"):
        return warning(
            name,
            f"RMW_IMPLEMENTATION={middleware}: the ROS wheels have Fast DDS only and ignore it",
            "unset RMW_IMPLEMENTATION",
        )
    peers = environment.get("ROS_STATIC_PEERS", "")
    if environment.get("ROS_LOCALHOST_ONLY") == "1":  # old, and stronger than both
        reach, peers = "LOCALHOST", ""
    if reach in _WIDE or peers:
        return _wide_discovery(name, reach, peers, environment)
    return ok(name, f"nodes find each other, range {reach}")


def _wide_discovery(name: str, reach: str, peers: str, environment: Mapping[str, str]) -> Finding:
    """Others can take part: whether they need keys for it."""
    who = f"{peers} and this machine" if reach == "LOCALHOST" else "every machine on this network"
    if Switch.of(environment).enabled:
        return ok(name, f"range {reach}: {who} may take part, with keys")
    return warning(
        name,
        f"range {reach}: nodes of {who} are heard, hear ours, and may command the arm",
        "unset ROS_AUTOMATIC_DISCOVERY_RANGE ROS_STATIC_PEERS, or switch SROS2 on "
        "(docs/hardware/security.md)",
    )


def check_loopback(folder: Path = Path("/sys/class/net/lo")) -> Finding:
    """Whether the interface is up over which nodes of one machine find each other.

    Args:
        folder: of the interface in sysfs.
    """
    name, up = "loopback", 0x1  # IFF_UP
    try:
        flags = int((folder / "flags").read_text(), 16)
    except (OSError, ValueError):
        return note(name, f"{folder} cannot be read, so it is not known whether it is up")
    if not flags & up:
        return problem(
            name, "the interface lo is down: no node finds any other", "ip link set lo up"
        )
    return ok(name, "lo is up")


def check_shared_memory(folder: Path = Path("/dev/shm"), most: int = 40) -> Finding:
    """Whether killed nodes have left much behind in shared memory.

    Fast DDS locks the ``_el`` file of each segment for as long as its process lives.

    Args:
        folder: where the segments are.
        most: leftovers that nobody needs to mind.
    """
    name = "shared memory"
    if not folder.is_dir():
        return note(name, f"{folder} does not exist: nodes talk through the network interface")
    if shutil.disk_usage(folder).free < 16 * 2**20:
        return problem(
            name,
            f"{folder} is full: less than 16 MiB are free",
            f"end all nodes, then: {CLEAN_UP}; in a container, run it with --shm-size=256m",
        )
    leftovers = [path for path in folder.glob("fast*_el") if not _locked(path)]
    if len(leftovers) > most:
        return warning(
            name,
            f"{len(leftovers)} segments in {folder} belong to processes that are gone",
            f"end all nodes of this machine, then: {CLEAN_UP}",
        )
    return ok(name, f"{len(leftovers)} leftovers of processes that are gone in {folder}")


def _locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True  # somebody else's: not ours to judge
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def check_disk(
    folder: Path, free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free
) -> Finding:
    """Whether there is room for logs, models and recordings.

    Args:
        folder: on the disk in question.
        free: tells the free space of a folder's disk [bytes].
    """
    name, space = "disk", free(folder)
    text = f"{space / GIB:.1f} GiB free at {folder}"
    if space < 0.2 * GIB:
        return problem(name, text, "free some space: logs are in ~/.ros/log, results in runs/")
    if space < 2 * GIB:
        return warning(name, text, "free some space before training or recording")
    return ok(name, text)


def check_graphics(
    find: Callable[[str], str | None] = ctypes.util.find_library,
) -> Finding:
    """Whether the simulated camera can be rendered without a screen.

    Args:
        find: tells the file of a library by its short name, None where there is none.
    """
    name = "graphics"
    for library in ("EGL", "OSMesa"):
        if file := find(library):
            return ok(name, f"{file} renders the camera")
    return warning(
        name,
        "neither libEGL nor libOSMesa is installed. Without them: camera:=true",
        "apt install libegl1 libosmesa6",
    )
