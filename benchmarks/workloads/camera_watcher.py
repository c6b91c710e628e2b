"""Listens to the camera, so that there is one to be published; nobody waits for it."""

from __future__ import annotations

import sys

from rclpy.node import Node
from sensor_msgs.msg import Image

from introspect_control.nodes.runtime import STREAM, spin, stay_behind


class CameraWatcher(Node):
    """Takes every picture and does nothing with it."""

    def __init__(self) -> None:
        super().__init__("camera_watcher")
        self.create_subscription(Image, "camera/image_raw", lambda _: None, STREAM)


if __name__ == "__main__":
    stay_behind()
    sys.exit(spin(CameraWatcher, args=[]))
