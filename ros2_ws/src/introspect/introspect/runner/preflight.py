"""What can be known to be wrong before any node is started: one line each, with the cure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from introspect.errors import UsageError
from introspect.specification import NodeSpec, Value


def check_model(folder: str) -> None:
    """Refuse a model folder that is not one.

    Args:
        folder: path of the folder; ``""`` for the shipped model, which its package checks.

    Raises:
        UsageError: if the folder, or a contract in it, does not exist.
    """
    if not folder:
        return
    path = Path(folder).expanduser()  # as the nodes do: a shell leaves model:=~/... alone
    if not path.is_dir():
        raise UsageError(f"model:={folder}: there is no such folder")
    for part in ("behaviours", "choreographer"):
        if not (path / part / "contract.json").is_file():
            raise UsageError(
                f"model:={folder}: not the folder of a policy, {part}/contract.json is missing"
            )


def check_arm(name: str) -> None:
    """Refuse an arm of which there is no data file.

    Raises:
        UsageError: with the reason, which lists the available arms.
    """
    from introspect_description import ArmDescription, DescriptionError

    try:
        ArmDescription.load(name)
    except DescriptionError as error:
        raise UsageError(f"arm:={name}: {error}") from error


def check_internal_states(values: Mapping[str, Value]) -> None:
    """Refuse to rely on internal states that nobody would publish.

    Raises:
        UsageError: if an argument needs them and they are off.
    """
    if values.get("internal_states", True) and values.get("policy") != "none":
        return
    for name, off in (("on_alarm", "none"), ("retry_above", 0.0)):
        if values.get(name, off) != off:
            raise UsageError(
                f"{name}:={values[name]} needs internal states. "
                "Cure: internal_states:=true policy:=bbrl"
            )


def check_display(nodes: Sequence[NodeSpec], environment: Mapping[str, str]) -> None:
    """Refuse to open a window where there is no screen.

    Raises:
        UsageError: if RViz is asked for without a display.
    """
    wants_window = any(node.executable == "rviz2" for node in nodes)
    if wants_window and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise UsageError(
            "rviz:=true needs a screen, but neither DISPLAY nor WAYLAND_DISPLAY is set. "
            "Cure: view:=true and a browser"
        )


def check_bag(folder: str, option: str = "capture:=") -> None:
    """Refuse to record into what is there already, or where nobody may write.

    Args:
        folder: of the bag; ``""`` for none.
        option: how the folder was given, for the message.

    Raises:
        UsageError: if the folder exists, or cannot be made.
    """
    if not folder:
        return
    path = Path(folder).expanduser().absolute()
    if path.exists():
        raise UsageError(f"{option}{folder} exists already; name a folder that does not")
    home = next(parent for parent in path.parents if parent.exists())
    if not (home.is_dir() and os.access(home, os.W_OK | os.X_OK)):
        raise UsageError(f"{option}{folder}: {home} cannot be written to; name another folder")


def check_hardware(values: Mapping[str, Value]) -> None:
    """Refuse what a real arm, or the mock one, cannot be started with.

    Raises:
        UsageError: for arguments that contradict each other, or lack one that they need.
    """
    driver, mock = values.get("driver", "ros2_control"), values.get("mock", False)
    if driver != "ros2_control":
        if mock:
            raise UsageError(f"driver:={driver} is for a real arm; leave it out, or mock:=true")
        if not values.get("address"):
            raise UsageError(f"driver:={driver} needs the arm's network address: address:=HOST")
    faults = str(values.get("faults", ""))
    if faults and not mock:
        raise UsageError("faults:= is for the mock arm. Cure: mock:=true")
    of_camera = ("camera_pose", "camera_file", "tags")
    if values.get("objects") == "tags":
        if not values.get("camera_pose"):
            raise UsageError(
                "objects:=tags needs the camera's calibration: camera_pose:=FILE, "
                "which introspect calibrate makes"
            )
    elif given := [name for name in of_camera if values.get(name)]:
        raise UsageError(f"{given[0]}:= is for objects seen by a camera. Cure: objects:=tags")
    for name in ("faults", *of_camera):
        file = str(values.get(name, ""))
        if file and not Path(file).expanduser().is_file():
            raise UsageError(f"{name}:={file}: there is no such file")


def check(
    nodes: Sequence[NodeSpec], values: Mapping[str, Value], environment: Mapping[str, str]
) -> None:
    """Run every check that concerns these nodes.

    Raises:
        UsageError: for the first thing that is wrong.
    """
    check_display(nodes, environment)
    check_internal_states(values)
    check_hardware(values)
    if "model" in values:
        check_model(str(values["model"]))
    if "capture" in values:
        check_bag(str(values["capture"]))
    if "arm" in values:
        check_arm(str(values["arm"]))
