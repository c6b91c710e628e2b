"""Everything that the doctor looks at, in the order in which it matters."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from introspect.doctor import content, machine, security
from introspect.doctor.finding import Finding, Level, note, problem
from introspect.doctor.imports import check_import, try_imports
from introspect.doctor.system import System
from introspect.doctor.system_checks import check_system
from introspect.leftovers import CLEAN_UP
from introspect.runner.command import ament_prefixes
from introspect.runner.domain import domain_id, running_domains
from introspect.security.middleware import find_middleware
from introspect.security.switch import security_environment
from introspect.specification import absolute_namespace

_SETUP = "make setup"
_PROBE_TIMEOUT = 60.0  # [s]
PROBE = "introspect_doctor"  # name of the node that looks at the running system
_MIDDLEWARE_CURE = f"end all nodes, clean up ({CLEAN_UP}), and try in another domain"
_ROS_MODULES = ("rclpy", "sensor_msgs.msg", "trajectory_msgs.msg", "diagnostic_msgs.msg")
_OUR_MODULES = ("introspect_msgs.msg", "introspect_msgs.srv", "introspect_msgs.action")
_LIBRARIES = (
    # check, modules, cure, what does not work without it
    ("ros", _ROS_MODULES, _SETUP, ""),
    ("messages", _OUR_MODULES, _SETUP, ""),
    ("onnxruntime", ("onnxruntime",), _SETUP, ""),
    ("mujoco", ("mujoco",), _SETUP, ""),
    ("pybullet", ("pybullet",), "make setup-pybullet", "backend:=pybullet"),
    ("viser", ("viser",), "pip install viser", "view:=true"),
)


def examine_installation(environment: Mapping[str, str], arm: str) -> Iterator[Finding]:
    """Look at machine, shell, libraries, messages, arm and model.

    Args:
        environment: variables of the user.
        arm: by the name of its data file.
    """
    yield machine.check_python()
    yield machine.check_shell(environment)
    names = [name for _, modules, _, _ in _LIBRARIES for name in modules]
    imports = try_imports(names, environment)
    for check, modules, cure, without in _LIBRARIES:
        yield check_import(check, modules, imports, cure, without)
    yield content.check_interfaces(_built_interfaces(environment), _interface_sources())
    yield machine.check_graphics()
    yield machine.check_domain(environment)
    yield machine.check_discovery(environment)
    yield security.check_security(environment, find_middleware(environment))
    yield security.check_enclaves(environment)
    yield security.check_keys(environment)
    yield machine.check_loopback()
    yield machine.check_shared_memory()
    yield machine.check_disk(Path.cwd())
    yield content.check_arm(arm)
    yield content.check_model(None, arm)


def examine_system(
    environment: Mapping[str, str], arm: str, namespace: str, seconds: float
) -> list[Finding]:
    """Look at the running system, for a few seconds.

    Args:
        environment: variables of the user.
        arm: by the name of its data file.
        namespace: of the system.
        seconds: how long to listen.
    """
    from introspect_description import ArmDescription

    description = ArmDescription.load(arm)
    words = (
        str(domain_id(environment)),
        absolute_namespace(namespace),
        description.controller.state_topic,
        str(seconds),
    )
    # In a process of its own, as the middleware can hang or crash where something is wrong.
    try:
        probe = subprocess.run(
            [sys.executable, "-m", "introspect.nodes.system_probe", *words],
            env={**environment, **security_environment(environment, PROBE)},
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT + seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [problem("graph", "looking at it does not end", _MIDDLEWARE_CURE)]
    if probe.returncode:
        last = (probe.stderr.strip().splitlines() or [f"code {probe.returncode}"])[-1]
        return [problem("graph", f"it cannot be looked at: {last}", _MIDDLEWARE_CURE)]
    system = System.from_json(probe.stdout.splitlines()[-1])
    return check_system(system, description, running_domains(environment))


def examine(
    environment: Mapping[str, str], arm: str, namespace: str, seconds: float
) -> Iterator[Finding]:
    """Look at everything; at the running system only if the installation allows it."""
    broken = set()
    for finding in examine_installation(environment, arm):
        if finding.level is Level.PROBLEM:
            broken.add(finding.check)
        yield finding
    in_the_way = broken & {"ros", "messages", "domain", "arm", "loopback"}
    if seconds <= 0.0:
        return
    if in_the_way:
        yield note("graph", f"not looked at, because of: {', '.join(sorted(in_the_way))}")
        return
    yield from examine_system(environment, arm, namespace, seconds)


def _built_interfaces(environment: Mapping[str, str]) -> Path | None:
    prefixes = (*ament_prefixes(environment), Path(sys.prefix))
    places = (prefix / "share/introspect_msgs" for prefix in prefixes)
    return next((place for place in places if place.is_dir()), None)


def _interface_sources() -> Path | None:
    sources = Path(__file__).resolve().parents[3] / "introspect_msgs"
    return sources if (sources / "package.xml").is_file() else None
