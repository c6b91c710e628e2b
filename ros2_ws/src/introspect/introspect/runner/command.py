"""From a node's specification to a process: its executable, its command line, its environment."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from introspect.errors import UsageError
from introspect.graph import ENVIRONMENT
from introspect.security.switch import check_enclave, enclave_arguments, security_environment
from introspect.specification import NodeSpec, ShareFile, Value, absolute_namespace


def ament_prefixes(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Installation prefixes in the order in which ament looks at them.

    Without ``AMENT_PREFIX_PATH`` that is this Python's own, where pip puts the packages.
    """
    listed = environment.get("AMENT_PREFIX_PATH", "") or sys.prefix
    return tuple(Path(prefix) for prefix in listed.split(os.pathsep) if prefix)


def find_executable(node: NodeSpec, environment: Mapping[str, str]) -> Path:
    """Where the node's program is: ``lib/<package>`` of a colcon or ROS prefix, or pip's ``bin``.

    Raises:
        UsageError: if it is nowhere, saying how to install it.
    """
    candidates = [
        prefix / "lib" / node.package / node.executable for prefix in ament_prefixes(environment)
    ]
    candidates.append(Path(sys.executable).parent / node.executable)
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    if found := shutil.which(node.executable, path=environment.get("PATH")):
        return Path(found)
    if node.package.startswith("introspect"):
        cure = f"pip install -e ros2_ws/src/{node.package}"
    else:
        cure = f"apt install ros-$ROS_DISTRO-{node.package} (it is not among the pip wheels)"
    raise UsageError(f"{node.executable} of package {node.package} is not installed. Cure: {cure}")


def share_file(file: ShareFile) -> Path:
    """Where a package's shared file is.

    Raises:
        UsageError: if it is nowhere.
    """
    from introspect_description import DescriptionError, share_dir

    try:
        path = share_dir(file.package) / file.path
    except DescriptionError as error:
        raise UsageError(str(error)) from error
    if not path.is_file():
        raise UsageError(f"{path} does not exist. Cure: install {file.package} again")
    return path


def _parameter_text(value: Value) -> str:
    """A value as the ROS argument parser, which reads YAML, takes it back with the same type."""
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def command_line(
    node: NodeSpec, values: Mapping[str, Value], environment: Mapping[str, str]
) -> list[str]:
    """The node's full command line, with the ROS arguments that ``launch_ros`` would give it.

    Args:
        node: what to run.
        values: values of the graph's launch arguments.
        environment: where to look for the executable.

    Raises:
        UsageError: if the executable or one of its files is not installed, or SROS2 is on and
            cannot be had.
    """
    check_enclave(node.name, environment)
    command = [str(find_executable(node, environment))]
    for argument in node.arguments:
        command.append(str(share_file(argument) if isinstance(argument, ShareFile) else argument))
    command += ["--ros-args", "--log-level", str(values["log_level"])]
    command += ["-r", f"__node:={node.name}"]
    command += ["-r", f"__ns:={absolute_namespace(str(values['namespace']))}"]
    command += enclave_arguments(node.name, environment)
    for name, value in node.parameter_values(values).items():
        command += ["-p", f"{name}:={_parameter_text(value)}"]
    for source, target in node.remappings:
        command += ["-r", f"{source}:={target}"]
    return command


def node_environment(environment: Mapping[str, str], *, colour: bool) -> dict[str, str]:
    """The environment of every node: the user's own, with defaults where the user says nothing.

    Args:
        environment: the user's.
        colour: whether the output ends on a terminal that shows colours.
    """
    defaults = {**ENVIRONMENT, "AMENT_PREFIX_PATH": sys.prefix} | security_environment(environment)
    if colour:
        defaults["RCUTILS_COLORIZED_OUTPUT"] = "1"
    # The runner says whose line it is, and the terminal when.
    defaults["RCUTILS_CONSOLE_OUTPUT_FORMAT"] = "[{severity}] {message}"
    overrides = {"PYTHONUNBUFFERED": "1"}  # a line is passed on when it is written
    return {**defaults, **{k: v for k, v in environment.items() if v or k not in defaults}} | (
        overrides
    )
