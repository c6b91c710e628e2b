"""Images of a bag as PNG: those that a frame of an episode could have seen."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.capture.errors import BagError, naming
from introspect_control.capture.frames import Recording
from introspect_control.capture.periods import IMAGES, find_topic
from introspect_control.capture.reader import BagMessage, BagReader

IMAGE = "observation.images.camera"
_ORDERS = {"rgb8": (0, 1, 2), "bgr8": (2, 1, 0), "mono8": (0, 0, 0)}


@dataclass(frozen=True)
class Spool:
    """PNG files in one temporary file, since all of them may be more than the memory holds."""

    file: IO[bytes]
    shape: tuple[int, int, int]  # height, width, channels
    places: dict[int, tuple[int, int]]  # number of an image: where it begins, its length

    def read(self, number: int) -> bytes:
        """The image with this number, as an ``Episode`` has it."""
        start, length = self.places[number]
        self.file.seek(start)
        return self.file.read(length)


def spool_images(bag: BagReader, recording: Recording) -> Spool | None:
    """Find and pack the images of all frames.

    Returns:
        None where the bag has no images.

    Raises:
        BagError: An image in a format that is not known, or of another size than those before.
        ModuleNotFoundError: Pillow is not installed.
    """
    wanted = {number for episode in recording.episodes for number in episode.images}
    if not wanted:
        return None
    topic = find_topic(bag, IMAGES)
    places: dict[int, tuple[int, int]] = {}
    file = tempfile.TemporaryFile()  # noqa: SIM115 - goes with the spool
    shape = (0, 0, 0)
    for number, item in enumerate(bag.messages(topic)):
        if number not in wanted:
            continue
        with naming(bag.path):
            pixels = _pixels(item)
            if places and pixels.shape != shape:
                raise BagError(f"{topic}: an image of {pixels.shape} after those of {shape}")
        height, width, channels = pixels.shape
        shape = (height, width, channels)
        places[number] = (file.seek(0, 2), file.write(_png(pixels)))
    return Spool(file, shape, places)


def _pixels(item: BagMessage) -> NDArray[np.uint8]:
    try:
        return to_rgb(item.message)
    except (AttributeError, TypeError, ValueError) as error:
        raise BagError(f"{item.topic}: {item.type} is no image: {error}") from error


def to_rgb(image: Any) -> NDArray[np.uint8]:
    """The pixels of a sensor_msgs/Image, (height, width, 3).

    Raises:
        BagError: A format that is not known, or fewer bytes than there are pixels.
    """
    if image.encoding not in _ORDERS:
        allowed = ", ".join(_ORDERS)
        raise BagError(f"images in {image.encoding[:40]!r} are not exported; allowed: {allowed}")
    channels = 1 if image.encoding == "mono8" else 3
    if image.step < channels * image.width or len(image.data) < image.step * image.height:
        raise BagError(
            f"an image of {image.width} x {image.height} pixels with {len(image.data)} bytes"
        )
    rows = image.data[: image.step * image.height].reshape(image.height, image.step)
    pixels = rows[:, : channels * image.width].reshape(image.height, image.width, channels)
    order = _ORDERS[image.encoding]
    return np.ascontiguousarray(pixels[:, :, [min(index, channels - 1) for index in order]])


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG", compress_level=1)
    return packed.getvalue()
