"""Families of square tags, by name: which patterns there are, and how a tag looks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.opencv import load_opencv

DEFAULT_FAMILY = "apriltag_36h11"
FAMILIES = {
    DEFAULT_FAMILY: "DICT_APRILTAG_36H11",
    "apriltag_25h9": "DICT_APRILTAG_25H9",
    "aruco_4x4_50": "DICT_4X4_50",
    "aruco_4x4_250": "DICT_4X4_250",
    "aruco_5x5_50": "DICT_5X5_50",
    "aruco_5x5_250": "DICT_5X5_250",
    "aruco_6x6_50": "DICT_6X6_50",
    "aruco_6x6_250": "DICT_6X6_250",
    "aruco_mip_36h12": "DICT_ARUCO_MIP_36H12",
}
"""Names here, and in OpenCV. Some are left out whose patterns chance draws too often."""


class TagFamily:
    """The tags of one family.

    Args:
        name: one of ``FAMILIES``.

    Attributes:
        dictionary: as OpenCV's detector takes it.
        count: how many tags there are; their ids are 0 to count - 1.
        modules: squares along an edge, the black border among them.

    Raises:
        PerceptionError: An unknown name, or OpenCV is missing.
    """

    def __init__(self, name: str = DEFAULT_FAMILY) -> None:
        if name not in FAMILIES:
            raise PerceptionError(
                f"tag family {name!r} does not exist; choose one of {', '.join(FAMILIES)}"
            )
        aruco = load_opencv().aruco
        self.name = name
        self.dictionary: Any = aruco.getPredefinedDictionary(getattr(aruco, FAMILIES[name]))
        self.count = len(self.dictionary.bytesList)
        self.modules = int(self.dictionary.markerSize) + 2
        self._draw = aruco.generateImageMarker

    def pattern(self, tag: int) -> NDArray[np.bool_]:
        """(modules, modules) of a tag, from its upper left corner: True where it is white.

        Raises:
            PerceptionError: There is no such tag.
        """
        self.check(tag)
        drawn: NDArray[np.bool_] = self._draw(self.dictionary, tag, self.modules) > 0
        return drawn

    def check(self, tag: int) -> None:
        """See that there is such a tag.

        Raises:
            PerceptionError: There is not.
        """
        if not 0 <= tag < self.count:
            raise PerceptionError(
                f"family {self.name} has tags 0 to {self.count - 1}, there is no tag {tag}"
            )
