"""What is written for MoveIt names only what the URDF has, and leads through the bridge.

MoveIt itself is not here: that it likes these files has not been tried.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

import pytest
import yaml
from planned_motions import ARMS

from introspect_control.collision import CollisionModel
from introspect_control.planning import PlannerConfig
from introspect_control.planning.moveit_config import (
    BRIDGE,
    GROUP,
    HAND,
    moveit_parameters,
    write_moveit_config,
)
from introspect_description import ArmDescription
from introspect_description.chain import read_chain


@cache
def package(name: str, folder: Path) -> Path:
    return write_moveit_config(ArmDescription.load(name), folder)


@pytest.fixture(params=ARMS)
def arm(request: pytest.FixtureRequest) -> ArmDescription:
    return ArmDescription.load(request.param)


@pytest.fixture
def config(arm: ArmDescription, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(arm.name, tmp_path_factory.getbasetemp()) / "config"


def read(file: Path) -> dict:
    content = yaml.safe_load(file.read_text())
    assert isinstance(content, dict)
    return content


def test_the_package_is_one_that_colcon_builds(arm: ArmDescription, config: Path) -> None:
    manifest = ElementTree.parse(config.parent / "package.xml").getroot()
    assert manifest.findtext("name") == f"{arm.name}_moveit_config" == config.parent.name
    assert f"project({config.parent.name})" in (config.parent / "CMakeLists.txt").read_text()
    assert {file.name for file in config.iterdir()} == {
        f"{arm.name}.urdf",
        f"{arm.name}.srdf",
        "kinematics.yaml",
        "joint_limits.yaml",
        "ompl_planning.yaml",
        "moveit_controllers.yaml",
        "moveit_cpp.yaml",
    }


def test_the_semantic_description_names_what_the_urdf_has(
    arm: ArmDescription, config: Path
) -> None:
    urdf = ElementTree.parse(config / f"{arm.name}.urdf").getroot()
    srdf = ElementTree.parse(config / f"{arm.name}.srdf").getroot()
    links = {link.get("name") for link in urdf.findall("link")}
    joints = {joint.get("name") for joint in urdf.findall("joint")}
    assert srdf.get("name") == urdf.get("name")
    assert {joint.get("name") for joint in srdf.iter("joint")} <= joints
    for pair in srdf.findall("disable_collisions"):
        assert {pair.get("link1"), pair.get("link2")} <= links
        assert pair.get("reason") in ("Adjacent", "Default", "User", "Never")
    chain = srdf.find("group/chain")
    assert chain is not None
    frames = read_chain(arm.urdf(), chain.get("base_link", ""), chain.get("tip_link", ""))
    assert tuple(frame.name for frame in frames if frame.revolute) == arm.joint_names
    groups = {group.get("name") for group in srdf.findall("group")}
    assert groups == {GROUP, HAND}
    effector = srdf.find("end_effector")
    assert effector is not None
    assert effector.get("parent_link") in links
    home = srdf.find("group_state[@name='home']")
    assert home is not None
    values = {joint.get("name"): float(joint.get("value", "nan")) for joint in home}
    assert values == dict(zip(arm.joint_names, arm.home.tolist(), strict=True))


def test_the_pairs_that_may_touch_are_those_of_the_collision_model(
    arm: ArmDescription, config: Path
) -> None:
    srdf = ElementTree.parse(config / f"{arm.name}.srdf").getroot()
    disabled = {
        frozenset((pair.get("link1"), pair.get("link2")))
        for pair in srdf.findall("disable_collisions")
    }
    model = CollisionModel(arm)
    assert disabled == {frozenset(exclusion[:2]) for exclusion in model.excluded}
    assert not disabled & {frozenset(pair) for pair in model.watched}


def test_velocity_acceleration_and_jerk_of_every_joint_are_those_of_the_bridge(
    arm: ArmDescription, config: Path
) -> None:
    settings = PlannerConfig()
    limits = arm.limits.scaled(settings.velocity_scale, settings.acceleration_scale, settings.jerk)
    written = read(config / "joint_limits.yaml")["joint_limits"]
    assert tuple(written) == arm.joint_names
    for k, name in enumerate(arm.joint_names):
        for what in ("velocity", "acceleration", "jerk"):
            assert written[name][f"has_{what}_limits"] is True
            assert written[name][f"max_{what}"] == getattr(limits, what)[k]


def test_what_is_executed_goes_through_the_bridge(arm: ArmDescription, config: Path) -> None:
    written = read(config / "moveit_controllers.yaml")["moveit_simple_controller_manager"]
    assert written["controller_names"] == [BRIDGE]
    assert written[BRIDGE]["joints"] == list(arm.joint_names)
    assert arm.controller.name not in written
    assert read(config / "moveit_cpp.yaml")["planning_pipelines"]["pipeline_names"] == ["ompl"]
    assert read(config / "kinematics.yaml").keys() == {GROUP}
    assert GROUP in read(config / "ompl_planning.yaml")


def test_the_parameters_of_a_process_are_those_of_the_files(
    arm: ArmDescription, config: Path
) -> None:
    parameters = moveit_parameters(arm, PlannerConfig())
    assert parameters["robot_description"] == (config / f"{arm.name}.urdf").read_text()
    assert parameters["robot_description_semantic"] == (config / f"{arm.name}.srdf").read_text()
    assert parameters["robot_description_planning"] == read(config / "joint_limits.yaml")
    assert parameters["robot_description_kinematics"] == read(config / "kinematics.yaml")
    assert parameters["ompl"] == read(config / "ompl_planning.yaml")
    for file in ("moveit_controllers", "moveit_cpp"):
        assert read(config / f"{file}.yaml").items() <= parameters.items()


def test_a_package_is_replaced_as_a_whole(tmp_path: Path) -> None:
    arm = ArmDescription.load("panda")
    first = write_moveit_config(arm, tmp_path)
    (first / "config" / "old.yaml").write_text("")
    assert write_moveit_config(arm, tmp_path) == first
    assert not (first / "config" / "old.yaml").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["panda_moveit_config"]
