"""The real arm's side: the ROS 2 driver that drives it, and the gripper as that driver has it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from introspect_description.errors import DescriptionError

GRIPPER_COMMANDS = (
    "control_msgs/action/GripperCommand",
    "control_msgs/action/ParallelGripperCommand",
    "introspect_msgs/msg/GripperCommand",
    "none",
)
"""What a gripper may be commanded with; none: the arm has no gripper."""

_ADDRESS = "{address}"


@dataclass(frozen=True)
class WidthMap:
    """Straight line between the position of a gripper's joint and the width between its fingers."""

    closed_position: float  # of the joint, as its driver tells and takes it [rad or m]
    open_position: float  # [rad or m]
    closed_width: float  # [m]
    open_width: float  # [m]

    def __post_init__(self) -> None:
        """Check that one follows from the other.

        Raises:
            DescriptionError: both ends at one position, or widths that are not 0 <= closed < open.
        """
        if self.closed_position == self.open_position:
            raise DescriptionError(
                f"open: must differ from closed, both positions are {self.open_position}"
            )
        if not 0.0 <= self.closed_width < self.open_width:
            raise DescriptionError(
                "closed: width must be at least 0 and below that of open,"
                f" got {self.closed_width} and {self.open_width} m"
            )

    def width(self, position: float) -> float:
        """Between the fingers [m], where the joint is at `position`; clipped to both ends."""
        share = (position - self.closed_position) / (self.open_position - self.closed_position)
        share = min(max(share, 0.0), 1.0)
        return self.closed_width + share * (self.open_width - self.closed_width)

    def position(self, width: float) -> float:
        """Of the joint, for the nearest width [m] that the gripper has."""
        share = (width - self.closed_width) / (self.open_width - self.closed_width)
        share = min(max(share, 0.0), 1.0)
        return self.closed_position + share * (self.open_position - self.closed_position)

    def width_from_joints(
        self, joint_names: Sequence[str], names: Sequence[str], positions: Sequence[float]
    ) -> float | None:
        """Width [m] told by the mean of a gripper's joints, or None where a message has not all.

        Args:
            joint_names: of the gripper.
            names: (m,) of the message's joints.
            positions: (m,) of them [rad or m].
        """
        names = list(names)
        if len(positions) != len(names) or not set(joint_names) <= set(names):
            return None
        mean = float(np.mean([positions[names.index(name)] for name in joint_names]))
        return self.width(mean) if np.isfinite(mean) else None


@dataclass(frozen=True)
class RealGripperDescription:
    """The gripper of the real arm, as the arm's ROS 2 driver commands and reports it."""

    command_type: str  # one of GRIPPER_COMMANDS
    command_name: str = ""  # relative name of the action or topic; none: ""
    joint_names: tuple[str, ...] = ()  # as that driver reports them; none: ()
    state_topic: str = ""  # relative name of sensor_msgs/JointState with these joints; none: ""
    widths: WidthMap | None = None  # none: None

    def __post_init__(self) -> None:
        """Check that all is there, or nothing.

        Raises:
            DescriptionError: a type that is not known, or one of the rest missing or too much.
        """
        if self.command_type not in GRIPPER_COMMANDS:
            raise DescriptionError(
                f"command_type: must be one of {', '.join(GRIPPER_COMMANDS)},"
                f" got {self.command_type}"
            )
        wanted = self.command_type != "none"
        for field in ("command_name", "joint_names", "state_topic", "widths"):
            if bool(getattr(self, field)) != wanted:
                problem = "is missing" if wanted else "must not be there with command_type none"
                raise DescriptionError(f"{field}: {problem}")

    def width_from_joints(self, names: Sequence[str], positions: Sequence[float]) -> float | None:
        """Width [m] told by (m,) named joint positions; None where they are not the gripper's."""
        if self.widths is None:
            return None
        return self.widths.width_from_joints(self.joint_names, names, positions)

    def command_for_width(self, width: float) -> float:
        """Joint position [rad or m] to command for a width [m], clipped to what the gripper has.

        Raises:
            DescriptionError: the arm has no gripper.
        """
        if self.widths is None:
            raise DescriptionError("an arm without a gripper has no command for a width")
        return self.widths.position(width)


@dataclass(frozen=True)
class DriverDescription:
    """The ROS 2 driver of the real arm, and what else drives it."""

    package: str  # name of its repository
    command: str  # that starts it; {address} stands for the arm's address
    state_topic: str  # relative name of sensor_msgs/JointState at full rate
    state_rate: float  # of these joint states [Hz]
    update_rate: float  # of the controller manager [Hz]
    recovery: str  # what ends a reflex: a command, or what a person does
    address: str = ""  # as delivered, or the maker's example; "" where the arm calls the computer
    namespace: str = ""  # that it is started in; "" for none
    direct: str = ""  # driver of introspect_control.drivers that needs no ROS driver; "" for none

    def __post_init__(self) -> None:
        """Check rates and address.

        Raises:
            DescriptionError: a rate is not positive, or the command needs an address that is
                not there.
        """
        for field in ("state_rate", "update_rate"):
            if getattr(self, field) <= 0.0:
                raise DescriptionError(f"{field}: must be positive, got {getattr(self, field)} Hz")
        if _ADDRESS in self.command and not self.address:
            raise DescriptionError(f"address: is missing, and the command has {_ADDRESS}")

    def start_command(self, address: str = "") -> str:
        """The command that starts it, for an arm at an address (by default: the one above)."""
        return self.command.replace(_ADDRESS, address or self.address)
