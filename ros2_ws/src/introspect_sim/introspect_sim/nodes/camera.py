"""The simulated camera: rendered only while somebody is watching."""

from __future__ import annotations

from array import array

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from introspect_control.nodes.runtime import STREAM
from introspect_description import CameraDescription
from introspect_sim.time_share import TimeShare
from introspect_sim.worlds import World

_INTERVAL = 50_000_000  # in each of which one picture is due, by the stamps [ns]
_ROUNDING = 1_000_000  # stamps this close count as equal [ns]
LARGEST_SHARE = 0.3  # of the time that rendering may take: fewer pictures rather than slow time


class CameraPublisher:
    """Publishes pictures of a world and how the camera maps space to pixels.

    Args:
        node: that publishes.
        world: that is looked at.
        camera: size, angle of view and frame.

    Raises:
        WorldError: The world cannot render on this machine.
    """

    def __init__(self, node: Node, world: World, camera: CameraDescription) -> None:
        self._world = world
        self._size = {"width": camera.width, "height": camera.height}
        self._latest: int | None = None  # interval of the latest look; the next begins with one
        self._time_share = TimeShare(LARGEST_SHARE)
        world.render(**self._size)  # now rather than in the loop: makes what rendering needs
        self._image = Image(encoding="rgb8", step=3 * camera.width, is_bigendian=0, **self._size)
        self._image.header.frame_id = camera.frame
        self._info = camera_info(camera)
        self._image_publisher = node.create_publisher(Image, "camera/image_raw", STREAM)
        self._info_publisher = node.create_publisher(CameraInfo, "camera/camera_info", STREAM)

    def publish(self, stamp: int) -> None:
        """Publish a picture of the state ``stamp`` [ns], if one is due and wanted."""
        interval = (stamp + _ROUNDING) // _INTERVAL
        due, self._latest = self._latest not in (None, interval), interval
        if not due or not self._time_share.allows():
            return
        publishers = (self._image_publisher, self._info_publisher)
        if not any(publisher.get_subscription_count() for publisher in publishers):
            return
        for header in (self._image.header, self._info.header):
            header.stamp.sec, header.stamp.nanosec = divmod(stamp, 1_000_000_000)
        with self._time_share:
            self._image.data = array("B", self._world.render(**self._size).tobytes())
            self._info_publisher.publish(self._info)
            self._image_publisher.publish(self._image)


def camera_info(camera: CameraDescription) -> CameraInfo:
    """The pinhole model of a camera without distortion, its axis through the picture's middle."""
    focal = 0.5 * camera.height / np.tan(0.5 * camera.vertical_fov)
    x, y = 0.5 * (camera.width - 1), 0.5 * (camera.height - 1)  # pixel centres are whole numbers
    info = CameraInfo(
        width=camera.width, height=camera.height, distortion_model="plumb_bob", d=[0.0] * 5
    )
    info.header.frame_id = camera.frame
    info.k = [focal, 0.0, x, 0.0, focal, y, 0.0, 0.0, 1.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.p = [focal, 0.0, x, 0.0, 0.0, focal, y, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info
