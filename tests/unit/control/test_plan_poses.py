"""Taught poses are kept whole, read strictly, and belong to one arm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from introspect_control.planning.poses import find_pose, read_poses, write_pose
from introspect_description import ArmDescription, DescriptionError

PANDA, FR3 = ArmDescription.load("panda"), ArmDescription.load("fr3")


def test_a_pose_that_was_written_is_found_again(tmp_path: Path) -> None:
    file = tmp_path / "kept" / "poses.yaml"
    write_pose(file, "above_shelf", PANDA, PANDA.home + 0.1)
    write_pose(file, "parked", FR3, FR3.home)
    write_pose(file, "above_shelf", PANDA, PANDA.home + 0.2)
    poses = read_poses(file)
    assert list(poses) == ["above_shelf", "parked"]
    np.testing.assert_allclose(find_pose("above_shelf", PANDA, poses), PANDA.home + 0.2, atol=1e-6)
    assert [path.name for path in file.parent.iterdir()] == ["poses.yaml"]


def test_home_is_the_arms_own_and_needs_no_file(tmp_path: Path) -> None:
    poses = read_poses(tmp_path / "none.yaml")
    assert poses == {}
    assert find_pose("home", FR3, poses) is FR3.home


def test_a_pose_of_another_arm_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "poses.yaml"
    write_pose(file, "parked", FR3, FR3.home)
    with pytest.raises(
        DescriptionError, match=r"pose 'parked' was taught to fr3, this arm is panda; .* are home"
    ):
        find_pose("parked", PANDA, read_poses(file))
    with pytest.raises(DescriptionError, match="no pose 'bed'; those of fr3 are home, parked"):
        find_pose("bed", FR3, read_poses(file))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "the file must be a mapping"),
        ("a: {arm: panda}", "a.joints: is missing"),
        ("a: {joints: [0, 0, 0, 0, 0, 0, 0]}", "a.arm: is missing"),
        ("a: {arm: panda, joints: [0, 0, 0]}", "a.joints: expected 7 numbers, got 3 items"),
        ("a: {arm: panda, joints: [.nan, 0, 0, 0, 0, 0, 0]}", "a.joints: expected a finite"),
        ("a: {arm: panda, joints: [0, 0, 0, 0, 0, 0, 0], speed: 1}", "a.speed: unknown key"),
        ("home: {arm: panda, joints: [0, 0, 0, 0, 0, 0, 0]}", "the name 'home' is the arm's own"),
        ("Up Here: {arm: panda, joints: []}", "Up Here: a name is a small letter"),
        ("1: {arm: panda, joints: []}", "1: a name is a small letter"),
        ("a: !!python/object:os.system {}", "is not plain YAML"),
        ("a: [", "is not plain YAML"),
    ],
)
def test_a_file_that_is_not_valid_is_refused_with_the_key(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "poses.yaml"
    file.write_text(text)
    with pytest.raises(DescriptionError, match=message):
        read_poses(file)
    with pytest.raises(DescriptionError, match=message):
        write_pose(file, "other", PANDA, PANDA.home)
    assert file.read_text() == text


def test_a_file_that_cannot_be_looked_at_is_told_with_its_name(tmp_path: Path) -> None:
    beyond = tmp_path / "poses.yaml" / "poses.yaml"
    beyond.parent.write_text("")
    for file in (tmp_path / f"{'n' * 300}.yaml", beyond):
        with pytest.raises(DescriptionError, match=r"(poses|nnn)\.yaml: cannot be read"):
            read_poses(file)


@pytest.mark.parametrize(
    ("name", "joints", "message"),
    [
        ("home", PANDA.home, "the name 'home' is the arm's own"),
        ("Bed", PANDA.home, "a name is a small letter"),
        ("bed", PANDA.home[:3], r"joints must be 7, got \(3,\)"),
        ("bed", PANDA.home + 9.0, "panda_joint1 = 9.0 rad is outside its limits"),
        ("bed", PANDA.home + np.nan, "panda_joint1 = nan rad is outside its limits"),
    ],
)
def test_a_pose_that_cannot_be_is_not_written(
    tmp_path: Path, name: str, joints: np.ndarray, message: str
) -> None:
    with pytest.raises(DescriptionError, match=message):
        write_pose(tmp_path / "poses.yaml", name, PANDA, joints)
    assert not list(tmp_path.iterdir())
