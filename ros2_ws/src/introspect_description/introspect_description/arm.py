"""One arm as data: joints, limits, frames, gripper, controller, camera and URDF."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from introspect_description.chain import JointFrame, read_chain
from introspect_description.driver import DriverDescription, RealGripperDescription, WidthMap
from introspect_description.equipment import (
    CameraDescription,
    ControllerDescription,
    GripperDescription,
)
from introspect_description.errors import DescriptionError
from introspect_description.limits import JointLimits
from introspect_description.section import Section
from introspect_description.share import share_dir

JOINTS = 7  # of every arm that this project drives
_KEYS = (
    *("name", "urdf", "body", "mount", "base_frame", "tool_frame", "link_names", "joint_names"),
    *("limits", "home", "gripper", "controller", "driver"),
)
_CELL = ("table", "camera")
WORLD = "world"  # link that arm and table stand in, at the table's top
_Part = TypeVar("_Part")


@dataclass(frozen=True, eq=False)
class ArmDescription:
    """A 7-DoF arm with its gripper; `home` is read-only."""

    name: str
    link_names: tuple[str, ...]  # (9,) from base to flange
    joint_names: tuple[str, ...]  # (7,) from base to flange
    limits: JointLimits
    home: NDArray[np.float64]  # (7,) joint positions to start from [rad]
    base_frame: str  # link in which poses are told
    tool_frame: str  # link between the fingers, z out of the gripper
    gripper: GripperDescription
    controller: ControllerDescription
    driver: DriverDescription | None  # of the real arm; None for one that is only simulated
    camera: CameraDescription
    urdf_path: Path  # xacro file
    data_path: Path  # YAML file that these numbers, and those of the xacro, come from

    @classmethod
    def load(cls, name: str) -> "ArmDescription":
        """Load an arm by its name.

        Args:
            name: of a file `urdf/arms/<name>.yaml`.

        Raises:
            DescriptionError: there is no such arm (the message lists those that are there), or its
                file is not valid (the message names the file and the key).
        """
        folder = share_dir() / "urdf" / "arms"
        available = sorted(path.stem for path in folder.glob("*.yaml"))
        if name not in available:
            raise DescriptionError(
                f"unknown arm '{name}': available are {', '.join(available) or 'none'}"
                f" (in {folder})"
            )
        return cls.read(folder / f"{name}.yaml")

    @classmethod
    def read(cls, path: Path) -> "ArmDescription":
        """Read an arm from a YAML file; what it refers to is looked for in the folder above.

        Raises:
            DescriptionError: the file is not valid; the message names it and the key.
        """
        data = Section.read(path)
        data.refuse_unknown(_KEYS)
        joint_names = data.texts("joint_names", JOINTS)
        link_names, base_frame = data.texts("link_names", JOINTS + 2), data.text("base_frame")
        frames = (WORLD,) if data.has("mount") else (WORLD, link_names[0])
        if base_frame not in frames:
            raise data.error(
                "base_frame",
                f"must be {' or '.join(frames)}{' with a mount' * data.has('mount')},"
                f" got {base_frame}",
            )
        if data.has("mount"):
            mount = data.section("mount")
            mount.refuse_unknown(("xyz", "rpy"))
            for key in ("xyz", "rpy"):
                mount.array(key, 3)
        limits = _part(data, "limits", lambda section: _limits(section, joint_names))
        home = data.array("home", JOINTS)
        for joint, position, low, high in zip(
            joint_names, home, limits.lower, limits.upper, strict=True
        ):
            if not low <= position <= high:
                raise data.error(
                    "home", f"{joint} = {position} rad is outside its limits [{low}, {high}]"
                )
        home.flags.writeable = False
        folder = path.parent.parent
        urdf_path = folder / data.text("urdf")
        if urdf_path.parent != folder or urdf_path.name in ("", ".", ".."):  # a xacro is a program
            raise data.error(
                "urdf", f"must be the name of a file in {folder}, got {urdf_path.name!r}"
            )
        if not urdf_path.is_file():
            raise data.error("urdf", f"there is no file {urdf_path}")
        bodies = sorted(file.stem for file in (folder / "bodies").glob("*.yaml"))
        if data.text("body") not in bodies:
            raise data.error("body", f"must be of {', '.join(bodies)}, got {data.text('body')}")
        controller = _part(data, "controller", _controller)
        driver = _part(data, "driver", _driver) if data.has("driver") else None
        if driver and driver.namespace and not controller.name.startswith(f"{driver.namespace}/"):
            raise data.section("driver").error(
                "namespace",
                f"controller.name must begin with {driver.namespace}/, got {controller.name}",
            )
        cell = Section.read(folder / "cell.yaml")
        cell.refuse_unknown(_CELL)
        return cls(
            name=data.text("name"),
            link_names=link_names,
            joint_names=joint_names,
            limits=limits,
            home=home,
            base_frame=base_frame,
            tool_frame=data.text("tool_frame"),
            gripper=_part(data, "gripper", _gripper),
            controller=controller,
            driver=driver,
            camera=_part(cell, "camera", _camera),
            urdf_path=urdf_path,
            data_path=path,
        )

    def urdf(self) -> str:
        """Return the URDF of arm, gripper, table and camera, rooted at the link `world`.

        Raises:
            DescriptionError: the xacro file does not expand.
        """
        return _expand(self.urdf_path, self.data_path)

    def chain(self) -> tuple[JointFrame, ...]:
        """Return the joints from `base_frame` to `tool_frame` and the fixed tool, 8 entries.

        Raises:
            DescriptionError: the URDF and the data file disagree about the joints.
        """
        frames = read_chain(self.urdf(), self.base_frame, self.tool_frame)
        names = tuple(frame.name for frame in frames if frame.revolute)
        if names != self.joint_names:
            raise DescriptionError(
                f"{self.data_path}: joint_names: are {', '.join(self.joint_names)},"
                f" but the chain in {self.urdf_path} has {', '.join(names) or 'none'}"
            )
        return frames


def _part(data: Section, key: str, build: Callable[[Section], _Part]) -> _Part:
    """Build one section, adding file and section to what its dataclass complains about."""
    section = data.section(key)
    try:
        return build(section)
    except DescriptionError as error:
        field, _, problem = str(error).partition(": ")
        if field.isidentifier():  # raised by the dataclass, which knows no file
            raise section.error(field, problem) from error
        raise


def _fields(part: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(part))


def _limits(section: Section, joint_names: tuple[str, ...]) -> JointLimits:
    fields = ("lower", "upper", "velocity", "acceleration", "jerk", "effort")
    section.refuse_unknown(fields)
    return JointLimits(joint_names, *(section.array(field, JOINTS) for field in fields))


def _gripper(section: Section) -> GripperDescription:
    section.refuse_unknown(_fields(GripperDescription))
    return GripperDescription(
        joint_names=section.texts("joint_names", 2),
        width_min=section.number("width_min"),
        width_max=section.number("width_max"),
        speed=section.number("speed"),
        force=section.number("force"),
        grip_force=section.number("grip_force"),
        command_topic=section.text("command_topic"),
        command_type=section.text("command_type"),
        real=_part(section, "real", _real_gripper) if section.has("real") else None,
    )


def _real_gripper(section: Section) -> RealGripperDescription:
    known = ("command_type", "command_name", "joint_names", "state_topic", "closed", "open")
    section.refuse_unknown(known)
    kind = section.text("command_type")
    if kind == "none":
        section.refuse_unknown(("command_type",))
        return RealGripperDescription(kind)
    ends = {}
    for end in ("closed", "open"):
        part = section.section(end)
        part.refuse_unknown(("position", "width"))
        ends[end] = (part.number("position"), part.number("width"))
    return RealGripperDescription(
        command_type=kind,
        command_name=section.text("command_name"),
        joint_names=section.texts("joint_names"),
        state_topic=section.text("state_topic"),
        widths=WidthMap(
            closed_position=ends["closed"][0],
            open_position=ends["open"][0],
            closed_width=ends["closed"][1],
            open_width=ends["open"][1],
        ),
    )


def _driver(section: Section) -> DriverDescription:
    section.refuse_unknown(_fields(DriverDescription))
    return DriverDescription(
        package=section.text("package"),
        command=section.text("command"),
        state_topic=section.text("state_topic"),
        state_rate=section.number("state_rate"),
        update_rate=section.number("update_rate"),
        recovery=section.text("recovery"),
        **{
            key: section.text(key) for key in ("address", "namespace", "direct") if section.has(key)
        },
    )


def _controller(section: Section) -> ControllerDescription:
    section.refuse_unknown(_fields(ControllerDescription))
    return ControllerDescription(
        name=section.text("name"),
        interface=section.text("interface"),
        state_topic=section.text("state_topic"),
        rate=section.number("rate"),
    )


def _camera(section: Section) -> CameraDescription:
    section.refuse_unknown(_fields(CameraDescription))
    return CameraDescription(
        position=section.array("position", 3),
        target=section.array("target", 3),
        vertical_fov=section.number("vertical_fov"),
        width=section.count("width"),
        height=section.count("height"),
        frame=section.text("frame"),
    )


@functools.lru_cache(maxsize=8)
def _expand(urdf_path: Path, data_path: Path) -> str:
    """Expand a xacro file with the numbers of a data file."""
    import xacro  # here, because it is only needed by those who ask for the URDF

    try:
        document = xacro.process_file(str(urdf_path), mappings={"data": str(data_path)})
    except Exception as error:  # xacro lets through whatever an expression raises
        raise DescriptionError(
            f"{urdf_path}: cannot be expanded with {data_path}: {error}"
        ) from error
    # Indented, because PyBullet cannot read a URDF whose lines are very long.
    return str(document.toprettyxml(indent="  "))
