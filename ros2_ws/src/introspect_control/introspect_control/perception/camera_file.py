"""Reads intrinsics from a file as ROS' camera calibration writes it (camera_info YAML)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.camera import CameraModel
from introspect_control.perception.document import Document
from introspect_control.perception.errors import PerceptionError

Array = NDArray[np.float64]

_KEYS = (
    *("image_width", "image_height", "camera_name", "camera_matrix", "distortion_model"),
    *("distortion_coefficients", "rectification_matrix", "projection_matrix"),
)


def read_camera(path: Path, rectified: bool = False) -> CameraModel:
    """Read a camera's intrinsics.

    Args:
        path: of the YAML file.
        rectified: whether its images are rectified before anybody sees them.

    Raises:
        PerceptionError: The file is none of this format, or no camera is like that; the text names
            the file and the key.
    """
    data = Document.read(path)
    data.refuse_unknown(_KEYS)
    size = data.whole("image_width"), data.whole("image_height")
    K = _matrix(data, "camera_matrix", 3, 3)
    if data.has("rectification_matrix"):
        _matrix(data, "rectification_matrix", 3, 3)
    P = _matrix(data, "projection_matrix", 3, 4) if data.has("projection_matrix") else np.zeros(0)
    if rectified and not data.has("projection_matrix"):
        data.refuse("projection_matrix", "is missing; rectified images are described by it")
    part = data.part("distortion_coefficients")
    D = _matrix(data, "distortion_coefficients", 1, len(part.numbers("data")))
    model = data.text("distortion_model") if D.size or data.has("distortion_model") else ""
    try:
        return CameraModel.from_arrays(size, K.tolist(), D.tolist(), model, P.tolist(), rectified)
    except PerceptionError as error:
        raise PerceptionError(f"{path}: {error}") from error


def _matrix(data: Document, key: str, rows: int, columns: int) -> Array:
    """The numbers of a matrix, row by row, as OpenCV's YAML has it."""
    part = data.part(key)
    part.refuse_unknown(("rows", "cols", "data"))
    if (part.whole("rows"), part.whole("cols")) != (rows, columns):
        found = f"{part.whole('rows')} × {part.whole('cols')}"
        data.refuse(key, f"must be {rows} × {columns}, got {found}")
    return part.numbers("data", rows * columns)
