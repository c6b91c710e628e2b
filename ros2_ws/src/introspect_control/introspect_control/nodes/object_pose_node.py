"""Publishes where the object is, and the goal, as a camera sees them by their tags."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, PoseStamped, Quaternion
from geometry_msgs.msg import Pose as PoseMessage
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from introspect_control import KinematicChain
from introspect_control.nodes.bridge_messages import SECOND, nanoseconds
from introspect_control.nodes.camera_feed import CameraFeed, View
from introspect_control.nodes.object_pose_parameters import ObjectPoseParameters
from introspect_control.nodes.runtime import (
    STREAM,
    ConfigurationError,
    ManagedNode,
    spin,
    stay_behind,
)
from introspect_control.perception import (
    CameraPose,
    DetectorConfig,
    FilterConfig,
    ObjectTracker,
    PerceptionError,
    Pose,
    Seen,
    TagFamily,
)
from introspect_control.perception.camera_pose import TOOL, described_camera
from introspect_control.perception.joint_history import JointHistory
from introspect_control.perception.opencv import load_opencv
from introspect_description import ArmDescription, DescriptionError

FIXED_GOAL = 0.1  # between two messages of a goal that stays where it is [s]
DESCRIBED = "described"


class ObjectPoseNode(ManagedNode[ObjectPoseParameters]):
    """Hands pictures to the tracker and publishes what it finds; of what is not seen, nothing.

    Except the goal: it is a place, and stays where it was while its tags are hidden.
    """

    def __init__(self) -> None:
        super().__init__("object_pose_node", ObjectPoseParameters)

    def configure(self) -> None:
        """Load the arm, the camera's pose and the objects."""
        given = self.parameters
        try:
            load_opencv()
            self._arm = arm = ArmDescription.load(given.arm)
            self._pose = self._camera_pose(arm)
            self._objects = given.object_set()
            self._family = TagFamily(self._objects.family)
            self._topics = {given.object: "object_pose"}
            if given.goal == "object":
                self._topics[given.goal_object] = "goal_pose"
            self._wanted = tuple(self._objects.named(name) for name in self._topics)
            for thing in self._wanted:
                for tag in thing.ids:
                    self._family.check(tag)
            self._history: JointHistory | None = None
            if self._pose.mount == TOOL:
                chain = KinematicChain(arm.chain())
                self._history = JointHistory(arm.joint_names, chain)
        except (DescriptionError, PerceptionError) as error:
            raise ConfigurationError(str(error)) from error
        self._tracker: ObjectTracker | None = None
        self._due, self._problem = 0, ""
        self._goal_seen: tuple[Pose, int] | None = None  # where, and the picture's stamp [ns]
        self._looked, self._found = 0, dict.fromkeys(self._topics, 0)
        self._unplaced = 0  # pictures of which it is not known where they were taken
        self._timer = self.diagnostics.time_loop("detection")
        self.diagnostics.before_publishing(self._report)
        self._outputs = {
            name: self.create_publisher(PoseStamped, topic, STREAM)
            for name, topic in self._topics.items()
        }
        if given.goal == "fixed":
            self._goal = self.create_publisher(PoseStamped, "goal_pose", STREAM)
        if self._history is not None:
            self.create_subscription(
                JointState, arm.controller.state_topic, self._on_joint_states, STREAM
            )

    def activate(self) -> None:
        """Begin to look."""
        self._feed = CameraFeed(self, self.parameters, self._on_view)
        if self.parameters.goal == "fixed":
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            self.create_timer(FIXED_GOAL, self._publish_fixed_goal, clock=steady)
        names = ", ".join(f"{thing.name} (tags {thing.ids})" for thing in self._wanted)
        self.get_logger().info(
            f"looking for {names} of {self._objects.family} on {self.parameters.image_topic}"
        )

    def deactivate(self) -> None:
        """Look no more."""
        self._feed.close()

    def _camera_pose(self, arm: ArmDescription) -> CameraPose:
        given = self.parameters.camera_pose
        if not given:
            raise ConfigurationError(
                "camera_pose is not given: where the camera is has to be known; "
                "run: introspect calibrate --help"
            )
        if given == DESCRIBED:
            return described_camera(arm)
        pose = CameraPose.read(Path(given).expanduser())
        parent = arm.tool_frame if pose.mount == TOOL else arm.base_frame
        if (pose.arm, pose.parent_frame) != (arm.name, parent):
            raise PerceptionError(
                f"{given} tells where the camera is in {pose.parent_frame} of arm {pose.arm}; "
                f"needed is {parent} of arm {arm.name}"
            )
        return pose

    def _on_joint_states(self, message: JointState) -> None:
        if self._history is not None:
            stamp = 1e-9 * nanoseconds(message.header.stamp)
            positions = dict(zip(message.name, message.position, strict=False))
            self._history.add(positions, stamp)

    def _on_view(self, view: View) -> None:
        stamp = nanoseconds(view.header.stamp)
        if self._left_out(stamp, view.header.frame_id):
            return
        if self._tracker is None or self._tracker.camera is not view.camera:
            self._tracker = self._new_tracker(view)
        with self._timer:
            T_base_camera = self._base_camera(1e-9 * stamp)
            if T_base_camera is None:
                self._unplaced += 1
                self.diagnostics.count("pictures without joint states")
                return
            seen = self._tracker.see(view.picture, T_base_camera, 1e-9 * stamp)
            for name, found in seen.items():
                self._publish(self._outputs[name], found.pose, view.header.stamp)
            self._remember_goal(seen, view.header.stamp)
        self._looked += 1
        for name, found in seen.items():
            self._found[name] += 1
            self.diagnostics.set(f"{name} error [px]", found.sighting.error)
            self.diagnostics.set(f"{name} position std [mm]", 1e3 * found.sighting.position_std)
            self.diagnostics.set(f"{name} tags", ", ".join(map(str, found.sighting.tags)))
        self.diagnostics.set("latency [ms]", 1e-6 * (self._now() - stamp))

    def _remember_goal(self, seen: dict[str, Seen], stamp: Time) -> None:
        """Tell of a goal that is hidden at present."""
        name, now = self.parameters.goal_object, nanoseconds(stamp)
        if self._topics.get(name) != "goal_pose":
            return
        if name in seen:
            self._goal_seen = (seen[name].pose, now)
        elif self._goal_seen is not None:
            pose, when = self._goal_seen
            if 0 <= now - when <= SECOND * self.parameters.goal_memory:
                self._publish(self._outputs[name], pose, stamp)
                self.diagnostics.count("goal told from memory")

    def _left_out(self, stamp: int, frame: str) -> bool:
        # A quarter early is in time, so that a rate equal to the camera's keeps every picture.
        interval = int(0.75 * SECOND / self.parameters.rate)
        # Where the next one is due later than that, the clock has gone back.
        if 0 < self._due - stamp <= interval:
            return True
        self._due = stamp + interval
        age, oldest = 1e-9 * (self._now() - stamp), self.parameters.max_age
        if oldest and not -oldest <= age <= oldest:
            self.diagnostics.count("pictures too old")
            self._problem = (
                f"pictures are {age:.2f} s old by their stamps, more than {oldest:g} s: does the "
                "camera's driver have another clock? max_age:=0 takes them all"
            )
        elif frame != self._pose.camera_frame:
            self.diagnostics.count("pictures of another frame")
            self._problem = (
                f"pictures are of frame {frame!r}, but camera_pose tells of "
                f"{self._pose.camera_frame!r}"
            )
        else:
            self._problem = ""
        return bool(self._problem)

    def _new_tracker(self, view: View) -> ObjectTracker:
        given = self.parameters
        return ObjectTracker(
            self._wanted,
            view.camera,
            self._family,
            DetectorConfig(enlargement=given.enlargement),
            steady=FilterConfig(timeout=given.timeout),
        )

    def _base_camera(self, time: float) -> Pose | None:
        if self._history is None:
            return self._pose.T_parent_camera
        T_base_tool = self._history.tool(time)
        return None if T_base_tool is None else T_base_tool @ self._pose.T_parent_camera

    def _publish_fixed_goal(self) -> None:
        pose = Pose(np.eye(3), np.array(self.parameters.goal_position))
        self._publish(self._goal, pose, self.get_clock().now().to_msg())

    def _publish(self, publisher: object, pose: Pose, stamp: Time) -> None:
        x, y, z, qx, qy, qz, qw = pose.vector().tolist()
        message = PoseStamped(header=Header(stamp=stamp, frame_id=self._arm.base_frame))
        message.pose = PoseMessage(
            position=Point(x=x, y=y, z=z), orientation=Quaternion(x=qx, y=qy, z=qz, w=qw)
        )
        publisher.publish(message)

    def _report(self) -> None:
        """Once a second: how much of what was looked at showed what was looked for."""
        feed = self._feed.problem if self.active else ""
        unseen = [name for name, count in self._found.items() if not count]
        if feed:
            self.diagnostics.error(feed)
            self.get_logger().error(feed, throttle_duration_sec=5.0)
        elif self._problem:
            self.diagnostics.error(self._problem)
            self.get_logger().error(self._problem, throttle_duration_sec=5.0)
        elif self._unplaced and not self._looked:
            topic = self.resolve_topic_name(self._arm.controller.state_topic)
            problem = f"no joint states around the pictures' stamps on {topic}"
            self.diagnostics.error(problem)
            self.get_logger().error(problem, throttle_duration_sec=5.0)
        elif self.active and not self._looked:
            self.diagnostics.warn("no picture arrived within the last second")
        elif unseen and self._looked:
            self.diagnostics.warn(f"{' and '.join(unseen)} not seen")
        else:
            self.diagnostics.ok()
        for name, count in self._found.items():
            self.diagnostics.set(f"{name} seen share", count / max(1, self._looked))
        if self._tracker is not None:
            for why, times in self._tracker.refused.items():
                self.diagnostics.set(f"refused, {why}", times)
        self._looked, self._found = 0, dict.fromkeys(self._topics, 0)
        self._unplaced = 0

    def _now(self) -> int:
        return self.get_clock().now().nanoseconds


def main() -> None:
    """Run the node, behind the control path: on a busy machine it is the one that waits."""
    stay_behind()
    sys.exit(spin(ObjectPoseNode))


if __name__ == "__main__":
    main()
