"""What stands around the seven joints: the gripper, the controller that moves them, the camera."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_description.errors import DescriptionError


@dataclass(frozen=True)
class GripperDescription:
    """A parallel gripper, told by the distance between its two fingers."""

    joint_names: tuple[str, ...]  # the finger joints; each carries its share of the width
    width_min: float  # [m]
    width_max: float  # [m]
    speed: float  # of the width [m/s]
    force: float  # largest grasp force, of both fingers together [N]
    grip_force: float  # that it grasps with, of both fingers together [N]
    command_topic: str  # relative name
    command_type: str  # "package/msg/Type"

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


@dataclass(frozen=True)
class ControllerDescription:
    """The joint trajectory controller of the arm, real or simulated."""

    name: str  # as in the controller manager
    state_topic: str  # relative name of sensor_msgs/JointState
    rate: float  # of joint states, and of the commands it is sent [Hz]

    def __post_init__(self) -> None:
        """Check the rate.

        Raises:
            DescriptionError: it is not positive.
        """
        if self.rate <= 0.0:
            raise DescriptionError(f"rate: must be positive, got {self.rate} Hz")

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
