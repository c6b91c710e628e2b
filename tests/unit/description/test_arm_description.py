"""The arm's data file: what it holds, and how a broken one is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from introspect_description import ArmDescription, DescriptionError, share_dir

DATA = share_dir() / "urdf" / "arms" / "panda.yaml"
Edit = Callable[[dict], object]


@pytest.fixture(scope="module")
def panda() -> ArmDescription:
    return ArmDescription.load("panda")


@pytest.fixture
def edited(tmp_path: Path) -> Callable[[Edit], Path]:
    """Write a copy of the Panda's file after an edit and return its path."""

    def write(edit: Edit) -> Path:
        shutil.copytree(DATA.parent.parent, tmp_path / "urdf")
        data = yaml.safe_load(DATA.read_text())
        edit(data)
        path = tmp_path / "urdf" / "arms" / "broken.yaml"
        path.write_text(yaml.safe_dump(data))
        return path

    return write


def test_the_panda_has_seven_joints_two_fingers_and_its_topics(panda: ArmDescription) -> None:
    assert panda.name == "panda"
    assert panda.joint_names == tuple(f"panda_joint{i}" for i in range(1, 8))
    assert panda.limits.names == panda.joint_names
    assert panda.gripper.joint_names == ("panda_finger_joint1", "panda_finger_joint2")
    assert (panda.gripper.width_min, panda.gripper.width_max) == (0.0, 0.08)
    assert panda.controller.trajectory_topic == "panda_arm_controller/joint_trajectory"
    assert panda.controller.state_topic == "joint_states"
    assert (panda.base_frame, panda.tool_frame) == ("panda_link0", "panda_hand_tcp")


def test_home_is_well_inside_the_limits(panda: ArmDescription) -> None:
    margin = np.minimum(panda.home - panda.limits.lower, panda.limits.upper - panda.home)
    assert margin.min() > 0.5


def test_an_unknown_arm_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(DescriptionError, match=r"unknown arm 'pandda': available are fr3, .*panda"):
        ArmDescription.load("pandda")


def test_an_arm_name_cannot_lead_out_of_the_folder() -> None:
    with pytest.raises(DescriptionError, match="unknown arm"):
        ArmDescription.load("../arms/panda")


def test_arrays_are_read_only(panda: ArmDescription) -> None:
    limits = panda.limits
    arrays = [panda.home, limits.lower, limits.upper, limits.velocity, limits.acceleration]
    arrays += [limits.jerk, limits.effort, panda.camera.position, panda.camera.target]
    arrays += [frame.rotation for frame in panda.chain()]
    arrays += [frame.translation for frame in panda.chain()]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.pop("home"), r"home: is missing"),
        (lambda d: d["limits"].pop("jerk"), r"limits\.jerk: is missing"),
        (lambda d: d["limits"]["upper"].pop(), r"limits\.upper: expected 7 numbers, got 6 items"),
        (lambda d: d.update(joint_names=["a"] * 7), r"joint_names: names must differ"),
        (
            lambda d: d["limits"]["lower"].__setitem__(2, 3.0),
            r"limits\.lower: of panda_joint3 must be below",
        ),
        (
            lambda d: d["limits"]["velocity"].__setitem__(0, 0.0),
            r"limits\.velocity: of panda_joint1 must be positive",
        ),
        (
            lambda d: d["limits"]["effort"].__setitem__(0, "87 Nm"),
            r"limits\.effort: expected a finite number, got '87 Nm'",
        ),
        (
            lambda d: d["home"].__setitem__(3, 0.5),
            r"home: panda_joint4 = 0\.5 rad is outside its limits",
        ),
        (
            lambda d: d["home"].__setitem__(3, float("nan")),
            r"home: expected a finite number, got nan",
        ),
        (lambda d: d["gripper"].update(width_max=-1.0), r"gripper\.width_min: must be at least 0"),
        (
            lambda d: d["gripper"].update(grip_force=41.0),
            r"gripper\.grip_force: must be at most force \(40\.0 N\), got 41\.0 N",
        ),
        (
            lambda d: d["gripper"].update(sped=1.0),
            r"gripper\.sped: unknown key; known are command_topic",
        ),
        (
            lambda d: d["controller"].update(rate=0),
            r"controller\.rate: must be positive, got 0\.0 Hz",
        ),
        (lambda d: d["controller"].update(name=7), r"controller\.name: expected text, got 7"),
        (lambda d: d.update(body="pandaa"), r"body: must be of franka, gen3, .*, got pandaa"),
        (
            lambda d: d.update(base_frame="panda_link1"),
            r"base_frame: must be world or panda_link0, got panda_link1",
        ),
        (
            lambda d: d.update(mount={"xyz": [0, 0, 0], "rpy": [0, 0, 0]}),
            r"base_frame: must be world with a mount, got panda_link0",
        ),
        (
            lambda d: d.update(mount={"xyz": [0, 0]}, base_frame="world"),
            r"mount\.xyz: expected 3 numbers, got 2 items",
        ),
        (lambda d: d["link_names"].pop(), r"link_names: expected 9 names, got 8 items"),
        (lambda d: d.update(limits=[1, 2]), r"limits must be a mapping"),
        (lambda d: d.update(urdf="no.xacro"), r"urdf: there is no file"),
        (lambda d: d.update(colour="red"), r"colour: unknown key"),
    ],
)
def test_a_broken_file_is_refused_with_the_file_and_the_key(
    edited: Callable[[Edit], Path], edit: Edit, message: str
) -> None:
    path = edited(edit)
    with pytest.raises(DescriptionError, match=rf"broken\.yaml: {message}"):
        ArmDescription.read(path)


def test_a_python_tag_is_refused_and_not_obeyed(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    path = tmp_path / "tagged.yaml"
    path.write_text(f"name: !!python/object/apply:os.mkdir ['{evidence}']\n")
    with pytest.raises(DescriptionError, match=r"tagged\.yaml: is not plain YAML"):
        ArmDescription.read(path)
    assert not evidence.exists()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"- 1\n", b"", b"a: [1\n"])
def test_a_file_that_is_no_mapping_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)
    with pytest.raises(DescriptionError, match=r"odd\.yaml"):
        ArmDescription.read(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DescriptionError, match=r"none\.yaml: cannot be read"):
        ArmDescription.read(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d["camera"].update(width=0.5), r"camera\.width: expected a positive integer"),
        (
            lambda d: d["camera"].update(vertical_fov=4.0),
            r"camera\.vertical_fov: must be in \(0, pi\)",
        ),
        (
            lambda d: d["camera"].update(target=d["camera"]["position"]),
            r"camera\.target: must differ",
        ),
        (lambda d: d.update(chair=1), r"chair: unknown key"),
    ],
)
def test_a_broken_cell_is_refused_with_its_file_and_the_key(
    edited: Callable[[Edit], Path], edit: Edit, message: str
) -> None:
    path = edited(lambda d: None)
    file = path.parent.parent / "cell.yaml"
    cell = yaml.safe_load(file.read_text())
    edit(cell)
    file.write_text(yaml.safe_dump(cell))
    with pytest.raises(DescriptionError, match=rf"cell\.yaml: {message}"):
        ArmDescription.read(path)


def test_numbers_that_only_the_xacro_reads_are_refused_with_both_files(
    edited: Callable[[Edit], Path],
) -> None:
    # given the real xacro files and a body without a link
    path = edited(lambda d: None)
    file = path.parent.parent / "bodies" / "franka.yaml"
    body = yaml.safe_load(file.read_text())
    del body["links"][3]["mass"]
    file.write_text(yaml.safe_dump(body))
    # when it is expanded, then the files and the key are named
    arm = ArmDescription.read(path)
    with pytest.raises(DescriptionError, match=r"robot\.urdf\.xacro: .*broken\.yaml: .*mass"):
        arm.urdf()
