"""Records topics into bags: from the start, or when asked to by a service."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from introspect_msgs.srv import StartCapture
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from std_srvs.srv import Trigger

from introspect_control.capture import BagError, Progress
from introspect_control.capture.default_topics import IMAGES, default_topics
from introspect_control.nodes.recorder import Recorder
from introspect_control.nodes.runtime import (
    ConfigurationError,
    ManagedNode,
    NodeParameters,
    parameter,
    spin,
    stay_behind,
)
from introspect_description import ArmDescription, DescriptionError

TAKING = 0.02  # between two fetches of what has arrived [s]
DISCOVERY = 0.2  # between two looks for new publishers [s]
_AT_FIRST = 4  # times as often, while a system starts up around us: its first messages count
_START_UP = 10.0  # how long that may take [s]


@dataclass(frozen=True)
class CaptureParameters(NodeParameters):
    """What is recorded, and where to."""

    bag: str = parameter("", "folder of a new bag to record into; empty: when capture/start asks")
    topics: tuple[str, ...] = parameter(("",), "names of topics; empty: the default set")
    images: bool = parameter(False, "record the camera, too")
    arm: str = parameter("panda", "arm, by the name of its data file")


class CaptureNode(ManagedNode[CaptureParameters]):
    """Records, in a process of its own that nobody waits for."""

    def __init__(self) -> None:
        super().__init__("capture_node", CaptureParameters)
        self._recorder: Recorder | None = None
        self.last: Progress | None = None  # of the latest recording that has ended
        self.last_heard: tuple[str, ...] = ()  # topics that it had

    def configure(self) -> None:
        """Find out what there is to record; offer the services."""
        try:
            arm = ArmDescription.load(self.parameters.arm)
        except DescriptionError as error:
            raise ConfigurationError(str(error)) from error
        given = tuple(name for name in self.parameters.topics if name)
        self._topics = given or default_topics(arm)
        if self.parameters.images:
            self._topics = (*self._topics, *IMAGES)
        self.diagnostics.before_publishing(self._report)
        self.create_service(StartCapture, "capture/start", self._on_start)
        self.create_service(Trigger, "capture/stop", self._on_stop)

    def activate(self) -> None:
        """Start recording, where a bag is given."""
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._looks = 0
        self.create_timer(TAKING, self._take, clock=steady)
        self.create_timer(DISCOVERY / _AT_FIRST, self._look_around, clock=steady)
        if self.parameters.bag:
            self._start(self.parameters.bag, self._topics)

    def deactivate(self) -> None:
        """Close the bag."""
        if self._recorder is not None:
            self._stop(self._recorder)

    @property
    def recorder(self) -> Recorder | None:
        """The recording under way."""
        return self._recorder

    def _start(self, folder: str, topics: tuple[str, ...]) -> None:
        path = Path(folder).expanduser().absolute()
        try:
            self._recorder = Recorder(self, path, topics)
        except BagError as error:
            raise ConfigurationError(str(error)) from error
        self._told = False
        self.get_logger().info(f"recording into {path}")

    def _stop(self, recorder: Recorder) -> str:
        self._recorder = None
        self.last_heard, silent = recorder.heard, ", ".join(recorder.silent)
        self.last = progress = recorder.stop()
        text = f"{describe(progress)} in {recorder.folder}"
        if progress.failure and not self._told:
            self.get_logger().error(progress.failure)
        (self.get_logger().warning if progress.lost else self.get_logger().info)(text)
        if silent:
            self.get_logger().info(f"without a publisher: {silent}")
        return text

    def _take(self) -> None:
        if self._recorder is not None:
            self._recorder.take()

    def _look_around(self) -> None:
        recorder = self._recorder
        if recorder is None:
            return
        self._looks += 1
        progress = recorder.progress
        if progress.seconds > _START_UP and self._looks % _AT_FIRST:
            return
        recorder.discover()
        failure = progress.failure
        if failure and not self._told:
            self._told = True
            self.get_logger().error(failure)
            self.diagnostics.publish()

    def _on_start(
        self, request: StartCapture.Request, response: StartCapture.Response
    ) -> StartCapture.Response:
        response.success, response.message = False, ""
        if not self.active:
            response.message = "capture_node is not active"
        elif self._recorder is not None:
            response.message = (
                f"recording into {self._recorder.folder} already; call capture/stop first"
            )
        elif not request.path:
            response.message = "path is empty; name the folder of a new bag"
        else:
            try:
                self._start(request.path, tuple(request.topics) or self._topics)
            except ConfigurationError as error:
                response.message = str(error)
            else:
                response.success = True
                response.message = f"recording into {request.path}"
        return response

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._recorder is None:
            response.success, response.message = False, "nothing is being recorded"
        else:
            response.message = self._stop(self._recorder)
            assert self.last is not None
            response.success = not self.last.failure
        return response

    def _report(self) -> None:
        values, recorder = self.diagnostics, self._recorder
        progress = self.last if recorder is None else recorder.progress
        values.set("recording", "" if recorder is None else recorder.folder)
        if progress is not None:
            values.set("messages", progress.messages)
            values.set("lost", progress.lost)
            values.set("MB", 1e-6 * progress.bytes)
        if progress is not None and progress.failure:
            values.error(progress.failure)
        elif progress is not None and progress.lost:
            values.warn(f"{progress.lost} messages were lost: the disk is too slow")
        else:
            values.ok("not recording" if recorder is None else "recording")


def describe(progress: Progress) -> str:
    """A recording in a few words."""
    lost = f", {progress.lost} lost" if progress.lost else ""
    return (
        f"{progress.messages} messages{lost} in {progress.seconds:.1f} s, "
        f"{1e-6 * progress.bytes:.1f} MB"
    )


def main() -> None:
    """Run the node."""
    stay_behind()
    sys.exit(spin(CaptureNode))


if __name__ == "__main__":
    main()
