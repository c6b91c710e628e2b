"""`introspect calibrate`: tags to print, and the camera's pose from samples of the arm."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from introspect.cli import main
from introspect_control import KinematicChain
from introspect_control.perception import (
    CalibrationSamples,
    CameraModel,
    CameraPose,
    Pose,
)
from introspect_control.perception.calibration_samples import RecordedSample
from introspect_control.perception.tagged_object import tag_corners
from introspect_description import ArmDescription

pytest.importorskip("cv2")

ARM = ArmDescription.load("fr3")
CAMERA = CameraModel.pinhole(640, 480, 0.8)
T_BASE_CAMERA = Pose.looking([1.2, 0.1, 0.6], [0.4, 0.0, 0.4])
T_TOOL_TAG = Pose.from_xyz_rpy((0.03, 0.0, 0.05), (0.0, 1.3, 0.0))


def recorded(count: int = 15, reach: float = 0.6) -> CalibrationSamples:
    """Samples of the arm, moved about home by so much [rad], as the camera would see them."""
    rng, chain = np.random.default_rng(0), KinematicChain(ARM.chain())
    samples: list[RecordedSample] = []
    while len(samples) < count:
        q = ARM.home + rng.uniform(-reach, reach, 7)
        place, rotation = chain.forward(q[None])
        T_camera_tag = T_BASE_CAMERA.inverse() @ Pose(rotation[0], place[0]) @ T_TOOL_TAG
        pixels = CAMERA.project(T_camera_tag.apply(tag_corners(0.06)))
        facing = T_camera_tag.rotation[:, 2] @ T_camera_tag.translation < -0.3
        if facing and (pixels > 0.0).all() and (pixels < [640, 480]).all():
            samples.append(RecordedSample(q, pixels + rng.normal(0.0, 0.1, (4, 2))))
    return CalibrationSamples(
        arm="fr3",
        mount="fixed",
        joint_names=ARM.joint_names,
        family="apriltag_36h11",
        tag=0,
        size=0.06,
        camera_frame="camera_optical_frame",
        camera=CAMERA,
        samples=tuple(samples),
    )


def test_samples_become_a_camera_pose_with_its_uncertainty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples, out = tmp_path / "samples.json", tmp_path / "camera_pose.yaml"
    recorded().write(samples)

    assert main(["calibrate", "--samples", str(samples), "--out", str(out), "--json"]) == 0

    printed = capsys.readouterr()
    row = json.loads(printed.out.splitlines()[-1])
    assert row["what"] == "calibrate"
    assert row["n"] == 15
    assert row["value"] == row["std_at_tag_m"] < 0.002
    assert row["error_px"] < 0.2
    assert len(row["errors_px"]) == 15
    assert "error 0." in printed.err
    assert "15 of 15 samples" in printed.err
    pose = CameraPose.read(out)
    assert pose.T_parent_camera.distance(T_BASE_CAMERA)[0] < 0.002
    assert (pose.mount, pose.arm, pose.parent_frame) == ("fixed", "fr3", ARM.base_frame)
    assert pose.quality["samples"] == 15


def test_a_wrong_size_of_the_tag_and_samples_left_out_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = dataclasses.replace(recorded(), size=0.062)
    off = dataclasses.replace(given.samples[4], joints=given.samples[4].joints + 0.1)
    bad = dataclasses.replace(given, samples=(*given.samples[:4], off, *given.samples[5:]))
    bad.write(tmp_path / "samples.json")
    words = ["--samples", str(tmp_path / "samples.json"), "--out", str(tmp_path / "pose.yaml")]

    assert main(["calibrate", *words]) == 0

    told = capsys.readouterr().out
    assert "left out, since they do not agree with the others: 5 (" in told
    assert "warning: a tag of 6" in told
    assert "mm would fit better than one of 62 mm: measure its black square" in told


def test_tags_are_written_to_be_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "tags.svg"
    words = ["calibrate", "--print-tags", "0", "1", "--tag-size", "0.032", "--out", str(out)]

    assert main(words) == 0

    assert "print it without scaling" in capsys.readouterr().out
    assert out.read_text().count("apriltag_36h11") == 2


def test_a_home_in_the_name_of_a_file_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["calibrate", "--print-tags", "0", "--out=~/tags.svg"]) == 0
    assert (tmp_path / "tags.svg").exists()


@pytest.mark.parametrize(
    ("words", "line", "code"),
    [
        ([], "what is to be done? --print-tags, --record, or --samples FILE. See:", 2),
        (["--samples", "none.json"], "none.json: cannot be read", 2),
        (["--samples", "few.json"], "few.json: 5 samples are too few: at least 8 are needed", 1),
        (["--samples", "still.json"], "still.json: the arm was turned by ", 1),
        (["--samples", "few.json", "--out", "there"], "--out there exists already; name a file", 2),
        (
            ["--samples", "few.json", "--out", "no/x"],
            "cannot be written to; name another",
            2,
        ),
        (
            ["--print-tags", "900"],
            "36h11 has tags 0 to 586, there is no tag 900",
            2,
        ),
        (["--print-tags", "0", "--tag-size", "0.5"], "has room for 0: print smaller ones", 2),
        (["--print-tags", "0", "--family", "tags"], "tag family 'tags' does not exist; choose", 2),
        (["--record", "--arm", "none"], "arm:=none: unknown arm 'none'", 2),
        (["--record", "--tag", "900"], "there is no tag 900", 2),
        (["--samples", "few.json", "--seed", "-1"], "--seed must be 0 or more, got -1", 2),
        (["--record", "--seed", "-1"], "--seed must be 0 or more, got -1", 2),
        (["--mount", "wall"], "invalid choice: 'wall' (choose from", 2),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(
    words: list[str],
    line: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").touch()
    recorded(5).write(tmp_path / "few.json")
    recorded(8, reach=0.02).write(tmp_path / "still.json")

    assert main(["calibrate", *words]) == code

    said = capsys.readouterr()
    assert line in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not (tmp_path / "camera_pose.yaml").exists()
    assert not (tmp_path / "tags.svg").exists()
