"""What a simulated and a mock arm's nodes stand on: pictures at a rate, no world left open."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from live_graph import DEEP, Peer, peer, seconds
from sensor_msgs.msg import Image

from introspect_control.nodes.runtime import ConfigurationError
from introspect_description import ArmDescription
from introspect_sim.nodes import camera
from introspect_sim.nodes.camera import CameraPublisher
from introspect_sim.nodes.stage import Stage
from introspect_sim.worlds import WorldError

PANDA = ArmDescription.load("panda")


class FlatWorld:
    """Shows grey at once, or cannot render at all."""

    def __init__(self, renders: bool = True) -> None:
        self.closed = False
        self._renders = renders

    def render(self, row: int = 0, width: int = 640, height: int = 480) -> Any:
        if not self._renders:
            raise WorldError("no GL here")
        return np.full((height, width, 3), 128, dtype=np.uint8)

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class Parameters:
    arm: str = "panda"
    backend: str = "pybullet"
    task: str = "pick_and_place"
    camera: bool = True


@pytest.fixture(scope="module")
def me(ros_domain: int) -> Iterator[Peer]:
    with peer() as me:
        yield me


@pytest.mark.parametrize(
    ("look", "expected"), [(0.005, 0.05), (0.01, 0.05), (0.04, 0.05), (0.12, 0.12)]
)
def test_however_often_it_is_asked_the_camera_keeps_its_rate_or_what_is_possible(
    me: Peer, monkeypatch: pytest.MonkeyPatch, look: float, expected: float
) -> None:
    monkeypatch.setattr(camera, "LARGEST_SHARE", 1.0)
    publisher = CameraPublisher(me.node, FlatWorld(), PANDA.camera)  # type: ignore[arg-type]
    images: list[Image] = []
    subscription = me.node.create_subscription(Image, "camera/image_raw", images.append, DEEP)
    me.wait_for(publisher._image_publisher.get_subscription_count, "the camera to be heard")

    looks = round(1.2 / look)
    for k in range(looks):
        publisher.publish(1_700_000_000_000_000_000 + round(1e9 * look * k))
        me.spin(0.0)
    last = 1_700_000_001.2 - expected
    me.wait_for(lambda: images and seconds(images[-1].header.stamp) > last - 1e-3, "the last one")

    me.node.destroy_subscription(subscription)
    me.node.destroy_publisher(publisher._image_publisher)
    me.node.destroy_publisher(publisher._info_publisher)
    taken = np.array([seconds(image.header.stamp) for image in images])
    assert np.diff(taken).mean() == pytest.approx(expected, abs=2e-3)
    assert np.diff(taken).max() < expected + look


def test_a_world_that_cannot_render_is_closed(me: Peer) -> None:
    world = FlatWorld(renders=False)

    with pytest.raises(ConfigurationError, match="no GL here"):
        Stage(me.node, Parameters(), lambda arm, name: world)  # type: ignore[arg-type,return-value]

    assert world.closed


def test_what_is_refused_later_closes_the_world_as_well(me: Peer) -> None:
    world = FlatWorld()
    stage = Stage(me.node, Parameters(camera=False), lambda arm, name: world)  # type: ignore[arg-type,return-value]

    with pytest.raises(ConfigurationError, match="too fast"), stage.cleared_if_refused():
        raise ValueError("too fast")

    assert world.closed


def test_a_gripper_of_another_type_is_refused_before_there_is_a_world(
    me: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gripper = dataclasses.replace(PANDA.gripper, command_type="none")
    other = dataclasses.replace(PANDA, gripper=gripper)
    monkeypatch.setattr(ArmDescription, "load", lambda name: other)
    made: list[str] = []

    with pytest.raises(ConfigurationError, match="gripper of 'panda' takes none, the one here"):
        Stage(me.node, Parameters(), lambda arm, name: made.append(name))  # type: ignore[arg-type,return-value]

    assert not made
