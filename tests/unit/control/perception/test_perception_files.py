"""Files are read strictly: what is wrong in them is named with file and key, and nothing is run."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from introspect_control.perception import (
    CalibrationSamples,
    CameraModel,
    CameraPose,
    PerceptionError,
    Pose,
    read_camera,
    read_objects,
)
from introspect_control.perception.calibration_samples import RecordedSample, solve
from introspect_control.perception.pose import rotation_matrix
from introspect_description import ArmDescription

CAMERA = """
image_width: 640
image_height: 480
camera_name: table
camera_matrix: {rows: 3, cols: 3, data: [600.0, 0.0, 320.0, 0.0, 600.0, 240.0, 0.0, 0.0, 1.0]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0.001, -0.001, 0.0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [590.0, 0, 321.0, 0, 0, 590.0, 241.0, 0, 0, 0, 1, 0]}
"""
OBJECTS = """
family: apriltag_36h11
objects:
  cube:
    max_tilt: 0.5
    cube: {edge: 0.04, size: 0.032, first_id: 0}
  goal:
    tags:
      - {id: 10, size: 0.06, xyz: [0.0, 0.0, -0.02], rpy: [0.0, 0.0, 0.0]}
"""
POSE = """
mount: fixed
arm: fr3
parent_frame: world
camera_frame: camera_optical_frame
xyz: [1.0, 0.0, 0.6]
quaternion: [0.0, 1.0, 0.0, 0.0]
quality: {error_px: 0.3}
"""
READERS = {"camera": read_camera, "objects": read_objects, "pose": CameraPose.read}
TEXTS = {"camera": CAMERA, "objects": OBJECTS, "pose": POSE}


def file(tmp_path: Path, text: str, name: str = "file.yaml") -> Path:
    path = tmp_path / name
    path.write_text(dedent(text), encoding="utf-8")
    return path


def refusal(kind: str, path: Path) -> PerceptionError | None:
    """What reading a file is refused with, if it is; any other error goes through."""
    try:
        READERS[kind](path)
    except PerceptionError as error:
        return error
    return None


def test_a_camera_as_ros_writes_it_is_read(tmp_path: Path) -> None:
    camera = read_camera(file(tmp_path, CAMERA))
    rectified = read_camera(file(tmp_path, CAMERA), rectified=True)

    assert (camera.width, camera.height, camera.K[0, 0]) == (640, 480, 600.0)
    assert camera.distortion.tolist() == [0.1, -0.2, 0.001, -0.001, 0.0]
    assert rectified.K[0].tolist() == [590.0, 0.0, 321.0]
    assert not rectified.distortion.any()


def test_objects_are_read_with_their_tags(tmp_path: Path) -> None:
    found = read_objects(file(tmp_path, OBJECTS))

    assert found.family == "apriltag_36h11"
    assert found.named("cube").ids == (0, 1, 2, 3, 4, 5)
    assert found.named("cube").max_tilt == 0.5
    assert found.named("goal").tags[0].T_object_tag.translation[2] == -0.02
    with pytest.raises(PerceptionError, match="there is no object 'ball'; there are cube, goal"):
        found.named("ball")


def test_a_camera_pose_is_written_and_read_back(tmp_path: Path) -> None:
    pose = Pose(rotation_matrix(np.array([0.3, -1.2, 0.4])), np.array([0.1, 0.2, 1.0 / 3.0]))
    written = CameraPose("tool", "fr3", "fr3_hand_tcp", "camera", pose, {"error_px": 0.25})

    written.write(tmp_path / "pose.yaml")
    read = CameraPose.read(tmp_path / "pose.yaml")

    assert max(read.T_parent_camera.distance(pose)) < 1e-12
    assert (read.mount, read.arm, read.parent_frame) == ("tool", "fr3", "fr3_hand_tcp")
    assert (read.camera_frame, dict(read.quality)) == ("camera", {"error_px": 0.25})
    assert [path.name for path in tmp_path.iterdir()] == ["pose.yaml"]


@pytest.mark.parametrize(
    ("kind", "old", "new", "message"),
    [
        ("camera", "image_width: 640", "image_width: 0", "width must be 1 to 20000 px, got 0"),
        ("camera", "image_width: 640", "image_width: true", "image_width: must be a whole number"),
        ("camera", "camera_name", "camera_nam", "camera_nam: unknown key; known are camera_matrix"),
        (
            "camera",
            "rows: 3, cols: 3, data: [600",
            "rows: 3, cols: 2, data: [600",
            "must be 3 × 3, ",
        ),
        ("camera", "data: [600.0, ", "data: [", "camera_matrix.data: must have 9 numbers, got 8"),
        ("camera", "600.0, 0.0, 320", ".nan, 0.0, 320", "data: must be a finite number, got nan"),
        (
            "camera",
            "plumb_bob",
            "fisheye",
            "distortion model 'fisheye' is not supported; supported",
        ),
        ("camera", "data: [0.1, ", "data: [-9.0, ", r"cannot be undone at pixel"),
        ("objects", "36h11", "99h1", "family: must be apriltag_36h11 or .*, got 'apriltag_99h1'"),
        ("objects", "id: 10", "id: 3", "tag 3 belongs to object 'cube' and to object 'goal'"),
        (
            "objects",
            "id: 10",
            "id: -1",
            r"objects.goal.tags\[0\].id: must be a whole number from 0",
        ),
        ("objects", "size: 0.06", "size: 60", "size of tag 10 must be 0.001 to 5 m, got 60.0 m"),
        (
            "objects",
            "size: 0.032",
            "size: 0.05",
            "tags on a cube of 0.04 m must be smaller, got 0.",
        ),
        ("objects", "rpy: [0.0, 0.0, 0.0]", "rpy: 0", r"tags\[0\].rpy: must be a list, got 0"),
        (
            "objects",
            "    tags:",
            "    tag:",
            "objects.goal.tag: unknown key; known are cube, max_t",
        ),
        (
            "objects",
            "max_tilt: 0.5",
            "max_tilt: 4",
            r"max_tilt of object 'cube' must be in \(0, π\]",
        ),
        ("objects", "cube: {edge", "tags: {edge", "objects.cube.tags: must be a list"),
        ("pose", "mount: fixed", "mount: wall", "mount: must be fixed or tool, got 'wall'"),
        ("pose", "arm: fr3", "arm: ''", "arm: must be text, got ''"),
        ("pose", "xyz: [1.0, 0.0, 0.6]", "xyz: [1.0, 0.6]", "xyz: must have 3 numbers, got 2"),
        ("pose", "0.0, 1.0, 0.0, 0.0", "0, 0, 0, 0", "quaternion: a quaternion needs a length"),
        ("pose", "error_px: 0.3", "error_px: good", "quality.error_px: must be a finite number"),
        ("pose", "xyz: [1.0", "xyz: [1" + "0" * 400, "xyz: must be a finite number, got 1000"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(
    tmp_path: Path, kind: str, old: str, new: str, message: str
) -> None:
    assert old in TEXTS[kind]
    path = file(tmp_path, TEXTS[kind].replace(old, new, 1))

    with pytest.raises(PerceptionError, match=message) as refused:
        READERS[kind](path)

    assert str(refused.value).startswith(f"{path}: ")
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "42",
        "a: &a [*a]",
        "2001-99-99",
        "!!python/object/apply:os.system ['touch /tmp/owned']",
        "a: !!int x",
        "[" * 400,
        "a: b: c",
        "\x00",
    ],
)
def test_what_is_no_such_file_is_refused_in_one_line(tmp_path: Path, kind: str, text: str) -> None:
    path = file(tmp_path, text)

    said = str(refusal(kind, path))

    assert said.startswith(f"{path}: ")
    assert "\n" not in said


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PerceptionError, match=r"cannot be read: .*No such file"):
        read_camera(tmp_path / "none.yaml")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PerceptionError, match="is not plain YAML: unacceptable character"):
        read_camera(binary)
    large = tmp_path / "large.yaml"
    with large.open("wb") as stream:
        stream.truncate(300_000)
    with pytest.raises(PerceptionError, match="has 300000 bytes; allowed: 200000"):
        read_camera(large)


class TestSamples:
    def recorded(self, count: int = 3) -> CalibrationSamples:
        arm, rng = ArmDescription.load("panda"), np.random.default_rng(0)
        camera = CameraModel(640, 480, np.diag([600.0, 600.0, 1.0]), np.array([0.1, 0.0, 0.0, 0.0]))
        samples = [
            RecordedSample(arm.home + rng.normal(0.0, 0.1, 7), rng.uniform(0.0, 400.0, (4, 2)))
            for _ in range(count)
        ]
        return CalibrationSamples(
            "panda", "fixed", arm.joint_names, "apriltag_36h11", 0, 0.06, "camera", camera,
            tuple(samples),
        )  # fmt: skip

    def test_they_are_read_back_to_the_last_bit(self, tmp_path: Path) -> None:
        recorded = self.recorded()
        recorded.write(tmp_path / "samples.json")

        read = CalibrationSamples.read(tmp_path / "samples.json")

        assert len(read.samples) == 3
        for one, other in zip(read.samples, recorded.samples, strict=True):
            assert np.array_equal(one.joints, other.joints)
            assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(read.camera.K, recorded.camera.K)
        assert (read.arm, read.size, read.joint_names) == ("panda", 0.06, recorded.joint_names)

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('"mount": "fixed"', '"mount": "wall"', "mount: must be fixed or tool, got 'wall'"),
            ('"size": 0.06', '"size": NaN', "is not JSON: NaN is no number of JSON"),
            ('"size": 0.06', '"size": 9', "size must be 0.001 to 5 m, got 9.0 m"),
            ('"tag": 0', '"tag": 0.5', "tag: must be a whole number from 0 on, got 0.5"),
            ('"joints": [', '"joints": [1, ', r"samples\[0\].joints: must have 7 numbers, got 8"),
            ('"pixels": [', '"pixels": [1, ', r"samples\[0\].pixels: must have 8 numbers, got 9"),
            ('"panda_joint1",', "", r"samples\[0\].joints: must have 6 numbers, got 7"),
        ],
    )
    def test_a_mistake_is_named(self, tmp_path: Path, old: str, new: str, message: str) -> None:
        path = tmp_path / "samples.json"
        self.recorded().write(path)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

        with pytest.raises(PerceptionError, match=message) as refusal:
            CalibrationSamples.read(path)

        assert str(refusal.value).startswith(f"{path}: ")

    def test_another_arm_is_refused_with_both_lists_of_joints(self) -> None:
        with pytest.raises(PerceptionError, match=r"panda_joint1, .* but arm fr3 has fr3_joint1, "):
            solve(self.recorded(), ArmDescription.load("fr3"), np.random.default_rng(0))

    def test_a_folder_without_room_keeps_the_samples_there_are(self, small_disk: Path) -> None:
        path = small_disk / "samples.json"
        self.recorded(3).write(path)
        (small_disk / "filler").write_bytes(b"0" * 1_030_000)

        with pytest.raises(OSError, match="No space left"):
            self.recorded(200).write(path)

        assert len(CalibrationSamples.read(path).samples) == 3
