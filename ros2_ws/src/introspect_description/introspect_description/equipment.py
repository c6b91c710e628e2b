"""What stands around the seven joints: the gripper, the controller that moves them, the camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_description.driver import RealGripperDescription, WidthMap
from introspect_description.errors import DescriptionError

INTERFACES = {
    "joint_trajectory": "trajectory_msgs/msg/JointTrajectory",
    "follow_joint_trajectory": "control_msgs/action/FollowJointTrajectory",
    "joint_group_position": "std_msgs/msg/Float64MultiArray",
}
"""How a controller takes commands, and the type that goes with it."""

_COMMAND_NAMES = {
    "joint_trajectory": "joint_trajectory",
    "follow_joint_trajectory": "follow_joint_trajectory",
    "joint_group_position": "commands",
}


@dataclass(frozen=True)
class GripperDescription:
    """A parallel gripper, told by the distance between its two fingers.

    All but `real` is as our own nodes have it, in simulation and on the mock arm.
    """

    joint_names: tuple[str, ...]  # the finger joints; each carries its share of the width
    width_min: float  # [m]
    width_max: float  # [m]
    speed: float  # of the width [m/s]
    force: float  # largest grasp force, of both fingers together [N]
    grip_force: float  # that it grasps with, of both fingers together [N]
    command_topic: str  # relative name
    command_type: str  # "package/msg/Type"
    real: RealGripperDescription | None = None  # where the real arm's differs

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DescriptionError: an empty range of widths, or a speed or force that is not positive,
                or a grip force above the largest.
        """
        if not 0.0 <= self.width_min < self.width_max:
            raise DescriptionError(
                "width_min: must be at least 0 and below width_max,"
                f" got {self.width_min} and {self.width_max} m"
            )
        for field in ("speed", "force", "grip_force"):
            if getattr(self, field) <= 0.0:
                raise DescriptionError(f"{field}: must be positive, got {getattr(self, field)}")
        if self.grip_force > self.force:
            raise DescriptionError(
                f"grip_force: must be at most force ({self.force} N), got {self.grip_force} N"
            )

    @property
    def widths(self) -> WidthMap:
        """Between the position of a finger joint and the width: each carries an equal share."""
        share = 1.0 / len(self.joint_names)
        return WidthMap(
            share * self.width_min, share * self.width_max, self.width_min, self.width_max
        )

    def width_from_joints(self, names: Sequence[str], positions: Sequence[float]) -> float | None:
        """Width [m] told by (m,) named joint positions [m]; None where the fingers are missing."""
        return self.widths.width_from_joints(self.joint_names, names, positions)

    def command_for_width(self, width: float) -> float:
        """Position [m] of each finger joint for a width [m], clipped to what the gripper has."""
        return self.widths.position(width)


@dataclass(frozen=True)
class ControllerDescription:
    """The controller of the arm's joints, real or simulated."""

    name: str  # as in the controller manager, after the manager's namespace if it has one
    interface: str  # one of INTERFACES
    state_topic: str  # relative name of sensor_msgs/JointState
    rate: float  # of joint states, and of the commands it is sent [Hz]

    def __post_init__(self) -> None:
        """Check interface and rate.

        Raises:
            DescriptionError: the interface is not known, or the rate not positive.
        """
        if self.interface not in INTERFACES:
            raise DescriptionError(
                f"interface: must be one of {', '.join(INTERFACES)}, got {self.interface}"
            )
        if self.rate <= 0.0:
            raise DescriptionError(f"rate: must be positive, got {self.rate} Hz")

    @property
    def manager(self) -> str:
        """Relative name of the controller manager, of which its services' names begin."""
        namespace, slash, _ = self.name.rpartition("/")
        return f"{namespace}{slash}controller_manager"

    @property
    def short_name(self) -> str:
        """Name by which the controller manager lists it."""
        return self.name.rpartition("/")[2]

    @property
    def command_name(self) -> str:
        """Relative name of the topic or action that it takes commands on."""
        return f"{self.name}/{_COMMAND_NAMES[self.interface]}"

    @property
    def trajectory_topic(self) -> str:
        """Relative name of the trajectory_msgs/JointTrajectory topic that it listens to."""
        return f"{self.name}/joint_trajectory"


@dataclass(frozen=True, eq=False)
class CameraDescription:
    """The camera that watches the workspace. Arrays are read-only."""

    position: NDArray[np.float64]  # (3,) in the base frame [m]
    target: NDArray[np.float64]  # (3,) the point in the middle of the image [m]
    vertical_fov: float  # angle of view from the lower to the upper edge [rad]
    width: int  # [px]
    height: int  # [px]
    frame: str  # optical frame: z forward, x right, y down

    def __post_init__(self) -> None:
        """Check the view and freeze the arrays.

        Raises:
            DescriptionError: a position that is the target, or an angle outside (0, pi).
        """
        for field in ("position", "target"):
            array = np.array(getattr(self, field), dtype=np.float64)
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        if np.allclose(self.position, self.target):
            raise DescriptionError(f"target: must differ from position, both are {self.target}")
        if not 0.0 < self.vertical_fov < np.pi:
            raise DescriptionError(f"vertical_fov: must be in (0, pi) rad, got {self.vertical_fov}")
