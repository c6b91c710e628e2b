"""Where the installed, non-Python files of our packages are."""

import sys
from pathlib import Path

from introspect_description.errors import DescriptionError


def share_dir(package: str = "introspect_description") -> Path:
    """Find the folder that holds a package's shared files (`urdf/`, `launch/`, ...).

    Code that runs from a source checkout gets the files of that checkout, so that editing them
    takes effect at once. Otherwise the ament index decides, then `share/` of the environment.

    Args:
        package: name of the ROS package.

    Returns:
        An existing folder: `share/<package>`, or the root of the source checkout.

    Raises:
        DescriptionError: the package is in none of these places.
    """
    checkout = _checkout_root()
    if checkout is not None and (checkout / "ros2_ws" / "src" / package).is_dir():
        return checkout
    indexed = _ament_share(package)
    if indexed is not None:
        return indexed
    in_environment = Path(sys.prefix) / "share" / package
    if in_environment.is_dir():
        return in_environment
    raise DescriptionError(
        f"package '{package}' has no shared files: it is not in the ament index and"
        f" {in_environment} does not exist. Install it with pip or colcon, or source the workspace."
    )


def _checkout_root() -> Path | None:
    """Return the root of the repository that this file lies in, if it lies in one."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "ros2_ws" / "src").is_dir() and (folder / "urdf").is_dir():
            return folder
    return None


def _ament_share(package: str) -> Path | None:
    """Return the package's share folder from the ament index, if ROS is there and knows it."""
    try:
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
    except ImportError:
        return None
    try:
        return Path(get_package_share_directory(package))
    except (PackageNotFoundError, OSError):  # OSError: AMENT_PREFIX_PATH is not set
        return None
