"""Images of a bag as PNG, each frame of an episode with the latest one that it could have seen."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.capture.errors import BagError
from introspect_control.capture.frames import Recording, find_topic, stamp_of
from introspect_control.capture.reader import BagReader

IMAGE = "observation.images.camera"
_ORDERS = {"rgb8": (0, 1, 2), "bgr8": (2, 1, 0), "mono8": (0, 0, 0)}


@dataclass(frozen=True)
class Spool:
    """PNG files in one temporary file, since all of them may be more than the memory holds."""

    file: IO[bytes]
    shape: tuple[int, int, int]  # height, width, channels
    places: dict[int, tuple[int, int]]  # stamp of a frame: where its image begins, its length

    def read(self, stamp: int) -> bytes:
        """The image of the frame with this stamp."""
        start, length = self.places[stamp]
        self.file.seek(start)
        return self.file.read(length)


def spool_images(bag: BagReader, recording: Recording) -> Spool | None:
    """Find and pack the images of all frames.

    Returns:
        None where the bag has no images, or none for the first frames.

    Raises:
        BagError: An image in a format that is not known, or of another size than those before.
        ModuleNotFoundError: Pillow is not installed.
    """
    topic = find_topic(bag, "camera/image_raw", optional=True)
    if not topic:
        return None
    waiting = sorted({stamp for episode in recording.episodes for stamp in episode.stamps})
    places: dict[int, tuple[int, int]] = {}
    file = tempfile.TemporaryFile()  # noqa: SIM115 - goes with the spool
    shape: tuple[int, int, int] | None = None
    at = 0
    for image, until in _with_next(bag, topic):
        stamp = stamp_of(image)
        seen = []
        while at < len(waiting) and waiting[at] < until:
            if waiting[at] >= stamp:
                seen.append(waiting[at])
            at += 1
        if not seen:
            continue
        pixels = to_rgb(image)
        if shape is not None and pixels.shape != shape:
            raise BagError(f"{topic}: an image of {pixels.shape} after those of {shape}")
        height, width, channels = pixels.shape
        shape = (height, width, channels)
        place = (file.seek(0, 2), file.write(_png(pixels)))
        places |= dict.fromkeys(seen, place)
    if shape is None or len(places) < len(waiting):
        file.close()
        return None
    return Spool(file, shape, places)


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


def _with_next(bag: BagReader, topic: str) -> Iterator[tuple[Any, float]]:
    """Every image, and the stamp from which on there is a newer one [ns]."""
    before = None
    for item in bag.messages(topic):
        if before is not None:
            yield before, stamp_of(item.message)
        before = item.message
    if before is not None:
        yield before, float("inf")


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG", compress_level=1)
    return packed.getvalue()
