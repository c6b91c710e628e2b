"""The drivers there are, by name."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, NamedTuple, cast

from introspect_control.drivers.driver import ArmDriver, DriverError

if TYPE_CHECKING:
    from introspect_description import ArmDescription


class _Entry(NamedTuple):
    module: str  # beside this one
    driver: str  # class in it
    needs: str  # module of the maker's library
    package: str  # of pip, that has it
    family: str  # of arms


_DRIVERS = {
    "franky": _Entry("franky", "FrankyDriver", "franky", "franky-control", "franka"),
    "panda": _Entry("panda", "PandaDriver", "panda_py", "panda-python", "franka"),
    "xarm": _Entry("xarm", "XArmDriver", "xarm", "xarm-python-sdk", "xarm"),
}

NAMES = tuple(sorted(_DRIVERS))
"""What ``make_driver`` knows."""


def make_driver(name: str, arm: ArmDescription, address: str) -> ArmDriver:
    """Make a driver; it does not connect yet.

    Args:
        name: of a driver.
        arm: that it is to drive; its data file names the family by ``driver.direct``.
        address: of the arm.

    Raises:
        DriverError: An unknown name, an arm that it does not drive, an address that cannot be, or
            a library that is not installed; the message says what to do.
    """
    entry = _DRIVERS.get(name)
    if entry is None:
        raise DriverError(f"unknown driver {name!r}: available are {', '.join(NAMES)}")
    direct = arm.driver.direct if arm.driver else ""
    if not direct or direct not in _DRIVERS or _DRIVERS[direct].family != entry.family:
        raise DriverError(
            f"driver {name!r} does not drive arm {arm.name!r}: driver.direct in {arm.data_path} "
            f"is {direct or 'not there'}"
        )
    if importlib.util.find_spec(entry.needs) is None:
        raise DriverError(
            f"driver {name!r} needs {entry.package}; run 'pip install {entry.package}'"
        )
    module = importlib.import_module(f"introspect_control.drivers.{entry.module}")
    return cast(ArmDriver, getattr(module, entry.driver)(arm, address))
