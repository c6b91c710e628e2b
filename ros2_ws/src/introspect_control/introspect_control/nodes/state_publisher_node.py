"""What viewers draw the arm from: robot_description, /tf_static and /tf."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from geometry_msgs.msg import Transform as TransformMessage
from sensor_msgs.msg import JointState
from std_msgs.msg import Header, String
from tf2_msgs.msg import TFMessage

from introspect_control.nodes.runtime import (
    LATCHED,
    STREAM,
    TRANSFORMS,
    ConfigurationError,
    ManagedNode,
    NodeParameters,
    parameter,
    spin,
)
from introspect_control.transforms import Transform, TransformTree, UrdfError
from introspect_description import ArmDescription, DescriptionError


@dataclass(frozen=True)
class StatePublisherParameters(NodeParameters):
    """Which arm, and how often its transforms are published."""

    arm: str = parameter("panda", "arm, by the name of its data file")
    publish_rate: float = parameter(
        50.0, "most frequent /tf, of wall time [Hz]", minimum=1.0, maximum=1000.0
    )


class StatePublisherNode(ManagedNode[StatePublisherParameters]):
    """Publishes the arm's description once and the transforms of its links as they move."""

    def __init__(self) -> None:
        super().__init__("state_publisher_node", StatePublisherParameters)

    def configure(self) -> None:
        """Load the arm and publish what does not change."""
        try:
            arm = ArmDescription.load(self.parameters.arm)
            urdf = arm.urdf()
            self._tree = TransformTree(urdf)
        except (DescriptionError, UrdfError) as error:
            raise ConfigurationError(str(error)) from error
        self._published = float("-inf")
        description = self.create_publisher(String, "robot_description", LATCHED)
        description.publish(String(data=urdf))
        static = self.create_publisher(TFMessage, "/tf_static", LATCHED)
        now = self.get_clock().now().to_msg()
        static.publish(TFMessage(transforms=[_message(item, now) for item in self._tree.fixed]))
        self._transforms = self.create_publisher(TFMessage, "/tf", TRANSFORMS)
        self.create_subscription(
            JointState, arm.controller.state_topic, self._on_joint_states, STREAM
        )

    def _on_joint_states(self, message: JointState) -> None:
        now = time.monotonic()
        # A quarter early is in time, so that a rate equal to that of the states keeps every one.
        if not self.active or now - self._published < 0.75 / self.parameters.publish_rate:
            return
        self._published = now
        positions = dict(zip(message.name, message.position, strict=False))
        moving = self._tree.moving(positions)
        if not moving:
            self.diagnostics.count("joint_states without a joint of the arm")
            return
        stamp = message.header.stamp
        self._transforms.publish(TFMessage(transforms=[_message(item, stamp) for item in moving]))


def _message(transform: Transform, stamp: Time) -> TransformStamped:
    x, y, z = transform.translation
    qx, qy, qz, qw = transform.rotation
    return TransformStamped(
        header=Header(stamp=stamp, frame_id=transform.parent),
        child_frame_id=transform.child,
        transform=TransformMessage(
            translation=Vector3(x=x, y=y, z=z), rotation=Quaternion(x=qx, y=qy, z=qz, w=qw)
        ),
    )


def main() -> None:
    """Run the state publisher until it is interrupted."""
    sys.exit(spin(StatePublisherNode))


if __name__ == "__main__":
    main()
