"""Arms driven directly, by their makers' libraries from pip, instead of by a ROS 2 driver."""

from introspect_control.drivers.catalogue import NAMES, make_driver
from introspect_control.drivers.driver import ArmDriver, Condition, DriverError, Reading
from introspect_control.drivers.loop import DriverLoop
from introspect_control.drivers.trajectory_check import check_trajectory

__all__ = [
    "NAMES",
    "ArmDriver",
    "Condition",
    "DriverError",
    "DriverLoop",
    "Reading",
    "check_trajectory",
    "make_driver",
]
