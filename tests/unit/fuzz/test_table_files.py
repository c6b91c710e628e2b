"""Files of a table from anywhere: taught poses, the camera, its pose, objects and samples."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml
from hostile import SEEDS, documents, fuzz, mutated, read_or_refuse
from hypothesis import given
from hypothesis import strategies as st

from introspect_control.perception import (
    CalibrationSamples,
    CameraModel,
    CameraPose,
    PerceptionError,
    Pose,
    read_camera,
    read_objects,
)
from introspect_control.perception.calibration_samples import RecordedSample
from introspect_control.planning.poses import read_poses, write_pose
from introspect_description import ArmDescription, DescriptionError

ARM = ArmDescription.load("panda")
CAMERA = {
    "image_width": 640,
    "image_height": 480,
    "camera_name": "table",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [600.0, 0, 320, 0, 600, 240, 0, 0, 1]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.1, -0.2, 0.001, -0.001, 0.0]},
}
TAG = {"id": 10, "size": 0.06, "xyz": [0.0, 0.0, -0.02], "rpy": [0.0, 0.0, 0.0]}
OBJECTS = {
    "family": "apriltag_36h11",
    "objects": {
        "cube": {"max_tilt": 0.5, "cube": {"edge": 0.04, "size": 0.032, "first_id": 0}},
        "goal": {"tags": [TAG]},
    },
}


def write_samples(file: Path) -> None:
    rng = np.random.default_rng(0)
    samples = [RecordedSample(ARM.home, rng.uniform(0.0, 400.0, (4, 2))) for _ in range(3)]
    camera = CameraModel(640, 480, np.diag([600.0, 600.0, 1.0]), np.zeros(5))
    CalibrationSamples(
        "panda", "fixed", ARM.joint_names, "apriltag_36h11", 0, 0.06, "camera", camera,
        tuple(samples),
    ).write(file)  # fmt: skip


def write_camera_pose(file: Path) -> None:
    pose = Pose.from_xyz_rpy((1.0, 0.0, 0.6), (0.1, 0.2, 0.3))
    CameraPose("fixed", "panda", ARM.base_frame, "camera", pose, {"error_px": 0.3}).write(file)


class Kind(NamedTuple):
    """Of file."""

    name: str
    read: Callable[[Path], Any]
    write: Callable[[Path], object]  # one that is valid
    error: type[Exception]


KINDS = {
    "taught poses": Kind(
        "poses.yaml",
        read_poses,
        lambda file: write_pose(file, "parked", ARM, ARM.home),
        DescriptionError,
    ),
    "camera": Kind(
        "camera.yaml",
        read_camera,
        lambda file: file.write_text(yaml.safe_dump(CAMERA)),
        PerceptionError,
    ),
    "objects": Kind(
        "objects.yaml",
        read_objects,
        lambda file: file.write_text(yaml.safe_dump(OBJECTS)),
        PerceptionError,
    ),
    "camera pose": Kind("pose.yaml", CameraPose.read, write_camera_pose, PerceptionError),
    "samples": Kind("samples.json", CalibrationSamples.read, write_samples, PerceptionError),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def valid(kind: Kind, tmp_path: Path) -> Path:
    kind.write(tmp_path / kind.name)
    return tmp_path / kind.name


def check(kind: Kind, file: Path) -> None:
    read_or_refuse(lambda: kind.read(file), kind.error, str(file))


def test_an_unspoilt_file_is_read(kind: Kind, valid: Path) -> None:
    assert kind.read(valid)


@fuzz
@given(data=st.data())
def test_a_file_with_other_values(
    kind: Kind, valid: Path, tmp_path: Path, data: st.DataObject
) -> None:
    as_json = valid.suffix == ".json"
    content = (json.loads if as_json else yaml.safe_load)(valid.read_text())
    spoilt = tmp_path / f"spoilt{valid.suffix}"
    document = data.draw(documents(content))
    spoilt.write_text(json.dumps(document) if as_json else yaml.safe_dump(document))
    check(kind, spoilt)


@fuzz
@given(seed=SEEDS)
def test_a_file_with_other_bytes(kind: Kind, valid: Path, tmp_path: Path, seed: int) -> None:
    spoilt = tmp_path / f"spoilt{valid.suffix}"
    spoilt.write_bytes(mutated(valid.read_bytes(), seed))
    check(kind, spoilt)


@fuzz
@given(text=st.text(alphabet="ab01 \n:-[]{}&*!|>'\"#?,%<~.é\t", max_size=60))
def test_a_file_of_any_text(kind: Kind, tmp_path: Path, text: str) -> None:
    file = tmp_path / kind.name
    file.write_text(text)
    check(kind, file)
