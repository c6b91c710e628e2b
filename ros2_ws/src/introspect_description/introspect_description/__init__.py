"""The arm as data: URDF, limits, home pose and driver topics."""

from introspect_description.arm import ArmDescription
from introspect_description.chain import JointFrame
from introspect_description.driver import (
    DriverDescription,
    RealGripperDescription,
    WidthMap,
)
from introspect_description.equipment import (
    CameraDescription,
    ControllerDescription,
    GripperDescription,
)
from introspect_description.errors import DescriptionError
from introspect_description.limits import JointLimits
from introspect_description.share import share_dir
from introspect_description.urdf_limits import exceeded_limits

__all__ = [
    "ArmDescription",
    "CameraDescription",
    "ControllerDescription",
    "DescriptionError",
    "DriverDescription",
    "GripperDescription",
    "JointFrame",
    "JointLimits",
    "RealGripperDescription",
    "WidthMap",
    "exceeded_limits",
    "share_dir",
]
