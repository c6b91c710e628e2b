"""`introspect calibrate --record`: a person moves the arm and presses Enter for each sample."""

from __future__ import annotations

import subprocess
import sys
import threading
from array import array
from pathlib import Path

import numpy as np
import pytest
from live_graph import PATIENCE, Peer, peer
from sensor_msgs.msg import CameraInfo, Image, JointState

from introspect.nodes.calibration_terminal import difference
from introspect_control import KinematicChain
from introspect_control.nodes.runtime import STREAM
from introspect_control.perception import (
    CalibrationSamples,
    CameraModel,
    CameraPose,
    Pose,
    TagFamily,
    TaggedObject,
    TagPlace,
)
from introspect_control.perception.calibration_samples import RecordedSample
from introspect_control.perception.pictures import TagPainter
from introspect_control.perception.tagged_object import tag_corners
from introspect_description import ArmDescription

pytest.importorskip("cv2")

ARM = ArmDescription.load("panda")
CHAIN = KinematicChain(ARM.chain())
CAMERA = CameraModel.pinhole(640, 480, 0.8)
SIZE = 0.06  # of the tag [m]
TAG = TaggedObject("tag", (TagPlace(0, SIZE, Pose.identity()),))
T_BASE_CAMERA = Pose.looking([1.2, 0.1, 0.6], [0.4, 0.0, 0.4])
T_TOOL_TAG = Pose.from_xyz_rpy((0.03, 0.0, 0.05), (0.0, 1.3, 0.0))


def seen(q: np.ndarray) -> Pose | None:
    """The tag in the camera's frame, where it is well in view."""
    place, rotation = CHAIN.forward(q[None])
    T = T_BASE_CAMERA.inverse() @ Pose(rotation[0], place[0]) @ T_TOOL_TAG
    pixels = CAMERA.project(T.apply(tag_corners(SIZE)))
    inside = (pixels > 10.0).all() and (pixels < [630.0, 470.0]).all()
    return T if inside and T.rotation[:, 2] @ T.translation < -0.3 else None


def poses(count: int) -> list[np.ndarray]:
    rng, found = np.random.default_rng(0), []
    while len(found) < count:
        q = ARM.home + rng.uniform(-0.6, 0.6, 7)
        if seen(q) is not None:
            found.append(q)
    return found


class ArmAndCamera:
    """An arm at rest and a camera that sees the tag it holds, telling so all the time."""

    def __init__(self, me: Peer) -> None:
        self.me, self.rng = me, np.random.default_rng(1)
        self.painter = TagPainter(CAMERA, TagFamily())
        self.joints = me.node.create_publisher(JointState, "joint_states", STREAM)
        self.images = me.node.create_publisher(Image, "camera/image_raw", STREAM)
        self.infos = me.node.create_publisher(CameraInfo, "camera/camera_info", STREAM)
        self.info = CameraInfo(width=640, height=480, distortion_model="plumb_bob", d=[0.0] * 5)
        self.info.k = CAMERA.K.ravel().tolist()
        self.image = Image(width=640, height=480, encoding="mono8", step=640)
        self.image.header.frame_id = "camera"
        self.move(ARM.home)
        me.node.create_timer(0.02, self.tell_joints)
        me.node.create_timer(0.05, self.tell_picture)

    def move(self, q: np.ndarray) -> None:
        T = seen(q)
        scene = [] if T is None else [(TAG, T)]
        picture = self.painter.paint(scene, self.rng)
        self.state = JointState(name=list(ARM.joint_names), position=q.tolist())
        self.image.data = array("B", picture.tobytes())

    def tell_joints(self) -> None:
        self.joints.publish(self.state)

    def tell_picture(self) -> None:
        self.infos.publish(self.info)
        self.images.publish(self.image)


class Terminal:
    """The program, with a keyboard and a screen."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "introspect", "calibrate", "--record", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.screen = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.screen += line

    def type(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def end(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


def test_samples_are_taken_at_rest_and_become_a_camera_pose(tmp_path: Path) -> None:
    samples, out = tmp_path / "samples.json", tmp_path / "camera_pose.yaml"
    *earlier, first, second = poses(12)
    pixels = [CAMERA.project(T.apply(tag_corners(SIZE))) for q in earlier if (T := seen(q))]
    recorded = [RecordedSample(q, seen_at) for q, seen_at in zip(earlier, pixels, strict=True)]
    CalibrationSamples(
        "panda", "fixed", ARM.joint_names, "apriltag_36h11", 0, SIZE, "camera", CAMERA,
        tuple(recorded),
    ).write(samples)  # fmt: skip

    with peer() as me:
        world = ArmAndCamera(me)
        terminal = Terminal("--tag-size", str(SIZE), "--samples", str(samples), "--out", str(out))
        try:
            me.wait_for(lambda: "10 samples are there already" in terminal.screen, "the samples")
            for number, q in ((11, first), (12, second)):
                world.move(q)
                terminal.type("")
                told = f"sample {number} taken; {number} of at least 8, the hand turned by "
                me.wait_for(lambda told=told: told in terminal.screen, told)
                assert len(CalibrationSamples.read(samples).samples) == number
            terminal.type("d")
            me.wait_for(lambda: "dropped; 11 of at least 8" in terminal.screen, "the drop")
            terminal.type("what")
            me.wait_for(lambda: "'what' means nothing here" in terminal.screen, "help")
            terminal.type("q")
            assert terminal.end() == 0, terminal.screen
        finally:
            terminal.process.kill()

    assert "11 of 11 samples" in terminal.screen
    taken = CalibrationSamples.read(samples).samples[10]
    np.testing.assert_allclose(taken.joints, first)
    expected = CAMERA.project(seen(first).apply(tag_corners(SIZE)))
    assert np.abs(taken.pixels - expected).max() < 0.2
    found = CameraPose.read(out)
    assert found.camera_frame == "camera"
    assert found.T_parent_camera.distance(T_BASE_CAMERA)[0] < 0.002


def test_other_samples_are_not_gone_on_with(tmp_path: Path) -> None:
    samples = tmp_path / "samples.json"
    CalibrationSamples(
        "panda", "fixed", ARM.joint_names, "apriltag_36h11", 0, 0.1, "camera", CAMERA
    ).write(samples)
    with peer() as me:
        ArmAndCamera(me)
        terminal = Terminal("--tag-size", "0.06", "--samples", str(samples))
        try:
            me.wait_for(lambda: terminal.process.poll() is not None, "the end")
        finally:
            terminal.process.kill()

    assert terminal.end() == 1
    assert f"introspect: {samples} was recorded with another tag; name another" in terminal.screen


def test_samples_of_a_camera_that_distorts_otherwise_do_not_go_together() -> None:
    def of(camera: CameraModel) -> CalibrationSamples:
        return CalibrationSamples(
            "panda", "fixed", ARM.joint_names, "apriltag_36h11", 0, SIZE, "camera", camera
        )

    def lens(*coefficients: float, model: str = "plumb_bob") -> CalibrationSamples:
        return of(CameraModel(640, 480, CAMERA.K, np.array(coefficients), model))

    barrel = lens(-0.1, 0.0, 0.0, 0.0)
    assert difference(barrel, lens(-0.1, 0.0, 0.0, 0.0, 0.0)) is None
    assert difference(barrel, lens(0.1, 0.0, 0.0, 0.0)) == "distortion"
    assert difference(barrel, lens()) == "distortion"
    rational = lens(-0.1, *[0.0] * 6, 0.01, model="rational_polynomial")
    assert difference(barrel, rational) == "distortion"
    assert difference(of(CAMERA), lens(*[0.0] * 5)) is None, "neither distorts"
