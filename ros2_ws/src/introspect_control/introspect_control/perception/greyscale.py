"""Pictures as cameras send them, made grey."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.opencv import load_opencv

Picture = NDArray[np.uint8]

ENCODINGS = {"mono8": 1, "rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4}
"""Encodings of sensor_msgs/Image that can be read, and bytes a pixel."""


def to_grey(data: Any, width: int, height: int, step: int, encoding: str) -> Picture:
    """The brightness of a picture.

    Args:
        data: its bytes, row by row.
        width: [px].
        height: [px].
        step: from one row to the next [bytes].
        encoding: one of ``ENCODINGS``.

    Returns:
        (height, width) of 8 bits.

    Raises:
        PerceptionError: Another encoding, or data that is not as large as it says.
    """
    if encoding not in ENCODINGS:
        raise PerceptionError(
            f"image encoding {encoding!r} is not supported; supported are {', '.join(ENCODINGS)}"
        )
    channels = ENCODINGS[encoding]
    pixels = np.frombuffer(data, dtype=np.uint8)
    if not width or not height:
        raise PerceptionError(f"an image of {width} × {height} px shows nothing")
    if step < width * channels or pixels.size != step * height:
        raise PerceptionError(
            f"an image of {width} × {height} px {encoding} with {step} bytes a row must have "
            f"{step * height} bytes and rows of at least {width * channels}, got {pixels.size}"
        )
    rows = pixels.reshape(height, step)[:, : width * channels]
    if channels == 1:
        return np.ascontiguousarray(rows)
    cv2 = load_opencv()
    kind = f"COLOR_{encoding[:-1].upper()}2GRAY"
    colour = np.ascontiguousarray(rows).reshape(height, width, channels)
    grey: Picture = cv2.cvtColor(colour, getattr(cv2, kind))
    return grey
