"""The URDF: physically valid, true to the data file, and readable by both physics engines."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from introspect_description import ArmDescription, share_dir

ARMS = sorted(file.stem for file in (share_dir() / "urdf" / "arms").glob("*.yaml"))


@pytest.fixture(scope="module", params=ARMS)
def arm(request: pytest.FixtureRequest) -> ArmDescription:
    return ArmDescription.load(request.param)


@pytest.fixture(scope="module")
def robot(arm: ArmDescription) -> ElementTree.Element:
    return ElementTree.fromstring(arm.urdf())


@pytest.fixture
def bullet() -> Iterator[object]:
    pybullet = pytest.importorskip("pybullet")
    client = pybullet.connect(pybullet.DIRECT)
    yield pybullet
    pybullet.disconnect(client)


def moving_joints(robot: ElementTree.Element) -> list[str]:
    return [j.attrib["name"] for j in robot.findall("joint") if j.attrib["type"] != "fixed"]


def test_every_mass_and_inertia_is_physical(robot: ElementTree.Element) -> None:
    checked = 0
    for link in robot.findall("link"):
        inertial = link.find("inertial")
        if inertial is None:
            assert link.attrib["name"] == "world"
            continue
        mass = float(inertial.find("mass").attrib["value"])
        xx, xy, xz, yy, yz, zz = (
            float(inertial.find("inertia").attrib[key])
            for key in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
        )
        moments = np.linalg.eigvalsh([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        if mass == 0.0:  # only a frame
            assert not moments.any()
            assert link.find("collision") is None
            continue
        assert mass > 0.0, link.attrib["name"]
        assert moments[0] > 0.0, link.attrib["name"]
        assert moments[0] + moments[1] >= moments[2], link.attrib["name"]
        checked += 1
    assert checked == 8 + 3 + 2  # arm, hand and fingers, table and camera


def test_the_limits_are_those_of_the_data_file(
    robot: ElementTree.Element, arm: ArmDescription
) -> None:
    limits = arm.limits
    joints = {joint.attrib["name"]: joint for joint in robot.findall("joint")}
    for i, name in enumerate(arm.joint_names):
        written = {key: float(v) for key, v in joints[name].find("limit").attrib.items()}
        assert written == {
            "lower": limits.lower[i],
            "upper": limits.upper[i],
            "velocity": limits.velocity[i],
            "effort": limits.effort[i],
        }
    for name in arm.gripper.joint_names:
        limit = joints[name].find("limit").attrib
        assert float(limit["lower"]) == arm.gripper.width_min / 2
        assert float(limit["upper"]) == arm.gripper.width_max / 2


def test_links_form_one_tree_rooted_at_world(robot: ElementTree.Element) -> None:
    links = {link.attrib["name"] for link in robot.findall("link")}
    children = [joint.find("child").attrib["link"] for joint in robot.findall("joint")]
    parents = {joint.find("parent").attrib["link"] for joint in robot.findall("joint")}
    assert len(children) == len(set(children))
    assert links - set(children) == {"world"}
    assert parents <= links


def test_every_shape_has_a_declared_material_and_needs_no_other_file(
    robot: ElementTree.Element,
) -> None:
    declared = {material.attrib["name"] for material in robot.findall("material")}
    assert {visual.find("material").attrib["name"] for visual in robot.iter("visual")} <= declared
    assert not list(robot.iter("mesh"))


def test_expansion_is_done_once(arm: ArmDescription) -> None:
    assert arm.urdf() is ArmDescription.load(arm.name).urdf()


def test_the_urdf_does_not_depend_on_the_working_folder(
    arm: ArmDescription, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xacro

    monkeypatch.chdir(tmp_path)
    given = {"data": f"arms/{arm.name}.yaml"}
    by_hand = xacro.process_file(str(arm.urdf_path), mappings=given).toprettyxml(indent="  ")
    assert by_hand == arm.urdf()


def test_mujoco_and_pybullet_load_it_with_the_same_joints(
    robot: ElementTree.Element, arm: ArmDescription, bullet, tmp_path: Path
) -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjSpec.from_string(arm.urdf()).compile()
    in_mujoco = [model.joint(i).name for i in range(model.njnt)]

    path = tmp_path / "arm.urdf"
    path.write_text(arm.urdf())
    body = bullet.loadURDF(str(path), useFixedBase=True)
    infos = [bullet.getJointInfo(body, i) for i in range(bullet.getNumJoints(body))]
    in_bullet = [info[1].decode() for info in infos if info[2] != bullet.JOINT_FIXED]

    expected = [*arm.joint_names, *arm.gripper.joint_names]
    assert in_mujoco == in_bullet == moving_joints(robot) == expected
    assert {model.body(i).name for i in range(1, model.nbody)} == {
        info[12].decode() for info in infos
    }


def test_at_home_nothing_touches(arm: ArmDescription) -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjSpec.from_string(arm.urdf()).compile()
    data = mujoco.MjData(model)
    data.qpos[:] = [*arm.home, 0.04, 0.04]
    mujoco.mj_forward(model, data)
    assert data.ncon == 0


def test_the_pads_reach_past_the_tool_frame(
    robot: ElementTree.Element, arm: ArmDescription
) -> None:
    # given the collision box of a finger, whose frame is 45 mm before the tool's
    finger = next(
        link for link in robot.findall("link") if link.attrib["name"] == f"{arm.name}_leftfinger"
    )
    (collision,) = finger.findall("collision")
    size = [float(x) for x in collision.find("geometry/box").attrib["size"].split()]
    centre = [float(x) for x in collision.find("origin").attrib["xyz"].split()]
    # then it covers +-10 mm around the tool along z and begins at the gripping face y = 0
    tool = 0.1034 - 0.0584
    assert centre[2] - size[2] / 2 <= tool - 0.01
    assert centre[2] + size[2] / 2 >= tool + 0.01
    assert centre[1] - size[1] / 2 == pytest.approx(0.0)


def test_the_optical_frame_looks_at_the_target(arm: ArmDescription) -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjSpec.from_string(arm.urdf()).compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    frame = data.body(arm.camera.frame)
    right, down, forward = frame.xmat.reshape(3, 3).T
    view = arm.camera.target - arm.camera.position
    np.testing.assert_allclose(frame.xpos, arm.camera.position, atol=1e-12)
    np.testing.assert_allclose(forward, view / np.linalg.norm(view), atol=1e-9)
    assert right[2] == pytest.approx(0.0)
    assert down[2] < 0.0


def test_the_rviz_file_is_yaml_that_shows_the_robot_in_its_base_frame() -> None:
    panda = ArmDescription.load("panda")
    config = yaml.safe_load((share_dir() / "urdf" / "introspect.rviz").read_text())
    manager = config["Visualization Manager"]
    shown = {
        display["Class"].removeprefix("rviz_default_plugins/") for display in manager["Displays"]
    }
    assert shown >= {"RobotModel", "TF", "MarkerArray", "Image", "Pose"}
    assert manager["Global Options"]["Fixed Frame"] == panda.base_frame
