"""Whether the middleware that is installed here was built with DDS security.

It says so itself only once a node is refused. But its library holds the sentence that it would say.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIBRARY = "librmw_fastrtps_shared_cpp.so"
_WITHOUT = b"doesn't have the security libraries"
_FAST_DDS = ("", "rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")


@dataclass(frozen=True)
class Middleware:
    """What could be found out."""

    secure: bool | None  # None: it is not known
    text: str  # what it is, for people


def find_middleware(environment: Mapping[str, str]) -> Middleware:
    """Look at the library that nodes would load.

    Args:
        environment: of the nodes.
    """
    name = environment.get("RMW_IMPLEMENTATION", "")
    if name not in _FAST_DDS and environment.get("ROS_DISTRO"):
        return Middleware(None, name)
    for folder in _folders(environment):
        file = folder / LIBRARY
        if file.is_file():
            secure = not _holds(file, _WITHOUT)
            built = "with" if secure else "without"
            return Middleware(secure, f"Fast DDS built {built} DDS security ({file})")
    return Middleware(None, "a middleware that was not found")


def _folders(environment: Mapping[str, str]) -> list[Path]:
    """Where the loader looks for the library, in its order."""
    listed = environment.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    prefixes = (*environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix)
    return [Path(place) for place in listed if place] + [
        Path(prefix) / "lib" for prefix in prefixes if prefix
    ]


def _holds(file: Path, words: bytes) -> bool:
    with file.open("rb") as stream:
        if not os.fstat(stream.fileno()).st_size:
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(words) >= 0
