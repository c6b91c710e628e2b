"""Joint poses with names: home, and those that were taught and are kept in a YAML file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml
from numpy.typing import NDArray

from introspect_control.atomic import write_text
from introspect_description import DescriptionError
from introspect_description.plain_yaml import LARGEST, PlainYamlError, read_yaml
from introspect_description.section import Section
from introspect_description.untrusted import read_file

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]

HOME = "home"
_JOINTS = 7
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


@dataclass(frozen=True, eq=False)
class TaughtPose:
    """Joints that somebody has brought an arm to."""

    arm: str  # name of its data file
    joints: Array  # (7,) in the arm's order [rad]; read-only


def read_poses(file: Path) -> dict[str, TaughtPose]:
    """Read ``{name: {arm: ..., joints: [...]}}``; a file that is not there holds no pose.

    Raises:
        DescriptionError: The file is not valid; the message names it and the key.
    """
    try:
        data = read_yaml(read_file(file, LARGEST))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DescriptionError(f"{file}: cannot be read: {error}") from error
    except PlainYamlError as error:
        raise DescriptionError(f"{file}: is not plain YAML: {error}") from error
    top = Section(file, {} if data is None else data)
    poses = {}
    for name in data or {}:
        if not isinstance(name, str) or problem_of(name):
            raise top.error(str(name), problem_of(str(name)) or "the name must be text")
        section = top.section(name)
        section.refuse_unknown(("arm", "joints"))
        joints = section.array("joints", _JOINTS)
        joints.flags.writeable = False
        poses[name] = TaughtPose(section.text("arm"), joints)
    return poses


def write_pose(file: Path, name: str, arm: ArmDescription, joints: Array) -> None:
    """Add a pose to a file, or replace it; the file is whole at any time.

    Args:
        file: made if it is not there, with its folder.
        name: of the pose.
        arm: that was taught.
        joints: (7,) in the arm's order [rad].

    Raises:
        DescriptionError: A name that cannot be one, joints that the arm cannot have, or a file that
            is not valid and is left as it is.
    """
    problem = problem_of(name)
    if problem:
        raise DescriptionError(f"{file}: {name}: {problem}")
    joints = np.array(joints, dtype=np.float64)
    if joints.shape != (_JOINTS,):
        raise DescriptionError(f"{file}: {name}: joints must be {_JOINTS}, got {joints.shape}")
    limits = arm.limits
    for joint, value, low, high in zip(
        limits.names, joints, limits.lower, limits.upper, strict=True
    ):
        if not low <= value <= high:
            raise DescriptionError(
                f"{file}: {name}: {joint} = {value} rad is outside its limits [{low}, {high}]"
            )
    poses = {**read_poses(file), name: TaughtPose(arm.name, joints)}
    data = {
        pose: {"arm": poses[pose].arm, "joints": poses[pose].joints.round(6).tolist()}
        for pose in sorted(poses)
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, yaml.safe_dump(data, default_flow_style=None, sort_keys=False, width=100))


def find_pose(name: str, arm: ArmDescription, poses: Mapping[str, TaughtPose]) -> Array:
    """Joints (7,) [rad] of a pose of an arm, by its name.

    Raises:
        DescriptionError: There is none; the message lists those that there are.
    """
    if name == HOME:
        return arm.home
    if name in poses and poses[name].arm == arm.name:
        return poses[name].joints
    known = ", ".join([HOME, *sorted(pose for pose in poses if poses[pose].arm == arm.name)])
    if name in poses:
        raise DescriptionError(
            f"pose '{name}' was taught to {poses[name].arm}, this arm is {arm.name}; "
            f"its poses are {known}"
        )
    raise DescriptionError(f"there is no pose '{name}'; those of {arm.name} are {known}")


def problem_of(name: str) -> str:
    """Why a pose cannot have a name; empty if it can."""
    if name == HOME:
        return f"the name '{HOME}' is the arm's own"
    if not _NAME.fullmatch(name):
        return "a name is a small letter and up to 63 more, digits, _ or -"
    return ""
