"""Pictures of a camera with its intrinsics, whatever quality of service its driver offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from introspect_control.nodes.runtime import ConfigurationError, NodeParameters, parameter
from introspect_control.perception import CameraModel, PerceptionError, read_camera
from introspect_control.perception.detector import Picture
from introspect_control.perception.greyscale import to_grey

_LOOK = 1.0  # between two looks at what the camera's driver offers [s]


@dataclass(frozen=True)
class CameraParameters(NodeParameters):
    """Which camera, and where its intrinsics come from."""

    image_topic: str = parameter("camera/image_raw", "topic of the pictures")
    info_topic: str = parameter("camera/camera_info", "topic of the intrinsics")
    camera_file: str = parameter(
        "", "camera_info YAML file with the intrinsics; empty: as the topic tells them"
    )
    rectified: bool = parameter(
        False, "whether the pictures are rectified, as image_rect is: then P describes them, not K"
    )


@dataclass(frozen=True)
class View:
    """One picture."""

    picture: Picture  # (height, width) grey
    camera: CameraModel
    header: Header  # as the driver wrote it


class CameraFeed:
    """Subscribes to a camera and hands on what can be used.

    Pictures are asked for reliably, since large best-effort ones get lost on the way, unless the
    driver offers no better. Only the latest one waits.

    Args:
        node: that subscribes.
        given: topics and intrinsics.
        on_view: called with every picture.

    Attributes:
        problem: why pictures that arrive are not handed on; "" while they are.

    Raises:
        ConfigurationError: A camera file that is not valid.
    """

    def __init__(
        self, node: Node, given: CameraParameters, on_view: Callable[[View], None]
    ) -> None:
        self._node, self._given, self._on_view = node, given, on_view
        self.problem = ""
        self._camera: CameraModel | None = None
        self._info: tuple[object, ...] = ()
        self._reliability = ReliabilityPolicy.RELIABLE
        self._subscriptions = []
        if given.camera_file:
            try:
                path = Path(given.camera_file).expanduser()
                self._camera = read_camera(path, given.rectified)
            except PerceptionError as error:
                raise ConfigurationError(f"camera_file: {error}") from error
        self._subscribe()
        self._timer = node.create_timer(
            _LOOK, self._look_at_offers, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def close(self) -> None:
        """Hear no more."""
        self._node.destroy_timer(self._timer)
        self._unsubscribe()

    def _subscribe(self) -> None:
        profile = QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=1, reliability=self._reliability
        )
        wanted = [(Image, self._given.image_topic, self._on_image)]
        if not self._given.camera_file:
            wanted.append((CameraInfo, self._given.info_topic, self._on_info))
        self._subscriptions = [
            self._node.create_subscription(kind, topic, callback, profile)
            for kind, topic, callback in wanted
        ]

    def _unsubscribe(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []

    def _look_at_offers(self) -> None:
        topics = [subscription.topic_name for subscription in self._subscriptions]
        offers = [
            info.qos_profile.reliability
            for topic in topics
            for info in self._node.get_publishers_info_by_topic(topic)
        ]
        lossy = ReliabilityPolicy.BEST_EFFORT in offers
        wanted = ReliabilityPolicy.BEST_EFFORT if lossy else ReliabilityPolicy.RELIABLE
        if not offers or wanted == self._reliability:
            return
        self._reliability = wanted
        if lossy:
            self._node.get_logger().warning(
                f"the publisher of {topics[0]} is best effort: pictures may get lost; "
                "set its reliability to reliable"
            )
        self._unsubscribe()
        self._subscribe()

    def _on_info(self, message: CameraInfo) -> None:
        info = (
            *(message.width, message.height, message.distortion_model),
            *(tuple(message.d), tuple(message.k), tuple(message.p)),
            *(message.binning_x, message.binning_y),
            *(message.roi.x_offset, message.roi.y_offset),
        )
        if info == self._info:
            return
        self._info, self._camera = info, None
        try:
            self._camera = camera_model(message, self._given.rectified)
        except PerceptionError as error:
            self.problem = f"{self._given.info_topic}: {error}"

    def _on_image(self, message: Image) -> None:
        if self._camera is None:
            if not self._info:
                self.problem = f"pictures arrive, but nothing on {self._given.info_topic}"
            return
        try:
            picture = to_grey(
                message.data, message.width, message.height, message.step, message.encoding
            )
            size = (self._camera.width, self._camera.height)
            if size != (message.width, message.height):
                raise PerceptionError(
                    f"pictures have {message.width} × {message.height} px, but the intrinsics are "
                    f"of {size[0]} × {size[1]}"
                )
        except PerceptionError as error:
            self.problem = f"{self._given.image_topic}: {error}"
            return
        self.problem = ""
        self._on_view(View(picture, self._camera, message.header))


def camera_model(message: CameraInfo, rectified: bool) -> CameraModel:
    """The camera that a message describes.

    Raises:
        PerceptionError: It describes none, or a part of the picture only.
    """
    roi = message.roi
    if message.binning_x > 1 or message.binning_y > 1 or roi.x_offset or roi.y_offset:
        raise PerceptionError(
            f"binning ({message.binning_x}, {message.binning_y}) and a region of interest at "
            f"({roi.x_offset}, {roi.y_offset}) are not supported; publish whole pictures"
        )
    size = (message.width, message.height)
    return CameraModel.from_arrays(
        size, message.k, message.d, message.distortion_model, message.p, rectified
    )
