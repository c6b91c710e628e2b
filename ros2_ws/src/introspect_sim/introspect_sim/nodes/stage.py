"""What the nodes of a simulated and of a mock arm are made of: arm, task, world and camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rclpy.node import Node

from introspect_control.nodes.runtime import ConfigurationError
from introspect_description import ArmDescription, DescriptionError
from introspect_sim.nodes.camera import CameraPublisher
from introspect_sim.tasks import PickAndPlace, make_task
from introspect_sim.worlds import World, WorldError
from introspect_sim.worlds.offscreen import choose_offscreen_gl

GRIPPER_TYPE = "introspect_msgs/msg/GripperCommand"


class StageParameters(Protocol):
    """Those that settle what stands on a stage."""

    @property
    def arm(self) -> str:
        """By the name of its data file."""

    @property
    def backend(self) -> str:
        """Physics engine."""

    @property
    def task(self) -> str:
        """Whose starts are drawn."""

    @property
    def camera(self) -> bool:
        """Whether pictures are published."""


class Stage:
    """An arm beside a table, and a camera if one is wanted.

    Args:
        node: that publishes.
        parameters: of the node.
        make: a world of the arm in the engine of a name.

    Attributes:
        arm: its description.
        task: whose starts are drawn.
        world: of one copy.

    Raises:
        ConfigurationError: What cannot be had; no world is left open.
    """

    def __init__(
        self,
        node: Node,
        parameters: StageParameters,
        make: Callable[[ArmDescription, str], World],
    ) -> None:
        with _refusals():
            self.arm = arm = ArmDescription.load(parameters.arm)
            if arm.gripper.command_type != GRIPPER_TYPE:
                raise ConfigurationError(
                    f"the gripper of {arm.name!r} takes {arm.gripper.command_type}, the one here "
                    f"only {GRIPPER_TYPE}"
                )
            self.task: PickAndPlace = make_task(parameters.task)
            if parameters.camera and parameters.backend == "mujoco":
                choose_offscreen_gl()
            self.world = make(arm, parameters.backend)
        self._camera: CameraPublisher | None = None
        if parameters.camera:
            with self.cleared_if_refused():
                self._camera = CameraPublisher(node, self.world, arm.camera)

    @contextmanager
    def cleared_if_refused(self) -> Iterator[None]:
        """Close the world if what is made meanwhile cannot be had.

        Raises:
            ConfigurationError: In its words.
        """
        try:
            with _refusals():
                yield
        except BaseException:
            self.close()
            raise

    def publish_picture(self, stamp: int) -> None:
        """Publish a picture of the state ``stamp`` [ns], if one is due and wanted."""
        if self._camera is not None:
            self._camera.publish(stamp)

    def close(self) -> None:
        """Free the world."""
        self.world.close()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (DescriptionError, WorldError, ValueError) as error:
        raise ConfigurationError(str(error)) from error
