"""Executables, command lines and environments of nodes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from introspect.errors import UsageError
from introspect.runner.command import command_line, find_executable, node_environment
from introspect.specification import FromArgument, NodeSpec, ShareFile

NODE = NodeSpec("some_package", "some_node", "it")
VALUES = {"namespace": "", "log_level": "info"}


def install(prefix: Path, package: str, executable: str) -> Path:
    path = prefix / "lib" / package / executable
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    return path


def test_the_first_prefix_that_has_the_executable_wins(tmp_path: Path) -> None:
    first = install(tmp_path / "a", "some_package", "some_node")
    install(tmp_path / "b", "some_package", "some_node")
    prefixes = f"{tmp_path / 'none'}:{tmp_path / 'a'}:{tmp_path / 'b'}"
    assert find_executable(NODE, {"AMENT_PREFIX_PATH": prefixes}) == first


def test_an_executable_that_pip_installed_is_found_beside_this_python(tmp_path: Path) -> None:
    node = NodeSpec("pip", Path(sys.executable).name, "it")
    assert find_executable(node, {"AMENT_PREFIX_PATH": str(tmp_path)}) == Path(sys.executable)


def test_a_missing_executable_of_ours_is_named_with_the_cure(tmp_path: Path) -> None:
    node = NodeSpec("introspect_sim", "no_such_node", "it")
    with pytest.raises(UsageError) as refusal:
        find_executable(node, {"AMENT_PREFIX_PATH": str(tmp_path), "PATH": str(tmp_path)})
    assert str(refusal.value) == (
        "no_such_node of package introspect_sim is not installed. "
        "Cure: pip install -e ros2_ws/src/introspect_sim"
    )


def test_a_missing_program_of_ros_is_named_with_its_package(tmp_path: Path) -> None:
    node = NodeSpec("rviz2", "rviz2", "rviz")
    with pytest.raises(UsageError, match=r"apt install ros-\$ROS_DISTRO-rviz2"):
        find_executable(node, {"AMENT_PREFIX_PATH": str(tmp_path), "PATH": str(tmp_path)})


def test_parameters_keep_their_types_on_the_command_line(tmp_path: Path) -> None:
    path = install(tmp_path, "some_package", "some_node")
    node = NodeSpec(
        "some_package",
        "some_node",
        "it",
        parameters={
            "text": "123",
            "words": "a b: c",
            "flag": True,
            "number": 3,
            "small": 1e-5,
            "chosen": FromArgument("chosen"),
        },
        remappings=(("joint_states", "arm/joint_states"),),
    )
    values = VALUES | {"chosen": 2.0, "namespace": "left"}
    assert command_line(node, values, {"AMENT_PREFIX_PATH": str(tmp_path)}) == [
        str(path),
        *("--ros-args", "--log-level", "info", "-r", "__node:=it", "-r", "__ns:=/left"),
        *("-p", 'text:="123"', "-p", 'words:="a b: c"', "-p", "flag:=true", "-p", "number:=3"),
        *("-p", "small:=1e-05", "-p", "chosen:=2.0", "-r", "joint_states:=arm/joint_states"),
    ]


def test_shared_files_become_paths_before_the_ros_arguments(tmp_path: Path) -> None:
    install(tmp_path, "rviz2", "rviz2")
    file = ShareFile("introspect_description", "urdf/introspect.rviz")
    node = NodeSpec("rviz2", "rviz2", "rviz", arguments=("-d", file))
    words = command_line(node, VALUES, {"AMENT_PREFIX_PATH": str(tmp_path)})
    assert words[1] == "-d"
    assert Path(words[2]).is_file()
    assert words[3] == "--ros-args"


def test_a_shared_file_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    install(tmp_path, "rviz2", "rviz2")
    file = ShareFile("introspect_description", "urdf/other.rviz")
    node = NodeSpec("rviz2", "rviz2", "rviz", arguments=("-d", file))
    with pytest.raises(UsageError, match=r"other\.rviz does not exist"):
        command_line(node, VALUES, {"AMENT_PREFIX_PATH": str(tmp_path)})


def test_nodes_talk_on_this_machine_only_unless_the_user_says_otherwise() -> None:
    assert node_environment({}, colour=False) == {
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "OMP_NUM_THREADS": "1",
        "AMENT_PREFIX_PATH": sys.prefix,
        "PYTHONUNBUFFERED": "1",
        "RCUTILS_CONSOLE_OUTPUT_FORMAT": "[{severity}] {message}",
    }
    users = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "OMP_NUM_THREADS": "2", "HOME": "/h"}
    assert users.items() <= node_environment(users, colour=False).items()


def test_an_empty_variable_counts_as_not_set() -> None:
    environment = node_environment({"ROS_AUTOMATIC_DISCOVERY_RANGE": ""}, colour=True)
    assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert environment["RCUTILS_COLORIZED_OUTPUT"] == "1"
