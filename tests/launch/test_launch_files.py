"""The launch files: what can be known of them without ROS 2's launch, and all of it where it is."""

from __future__ import annotations

import ast
import os
import re
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_system import NODES, System, alive

from introspect.graph import GRAPHS
from introspect_description import share_dir

LAUNCH_FOLDER = share_dir("introspect") / "launch"
LAUNCH_FILES = sorted(LAUNCH_FOLDER.glob("*.launch.py"))
Start = Callable[..., System]


def test_every_graph_has_a_launch_file() -> None:
    assert {file.name for file in LAUNCH_FILES} == {f"{name}.launch.py" for name in GRAPHS}


@pytest.mark.parametrize("file", LAUNCH_FILES, ids=lambda file: file.name)
def test_a_launch_file_holds_nothing_but_the_name_of_its_graph(file: Path) -> None:
    tree = ast.parse(file.read_text())
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert imported == ["introspect.graph", "introspect.ros_launch"]
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert functions == ["generate_launch_description"]


@pytest.mark.parametrize("file", LAUNCH_FILES, ids=lambda file: file.name)
def test_a_launch_file_loads_where_launch_is_not_installed(file: Path) -> None:
    assert callable(runpy.run_path(str(file))["generate_launch_description"])


RUN_LAUNCH_FILE = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
given = [tuple(word.split(":=", 1)) for word in sys.argv[2:]]
source = PythonLaunchDescriptionSource(sys.argv[1])
service = LaunchService(noninteractive=True)
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=given)]))
sys.exit(service.run())
"""
LAUNCHER = (sys.executable, "-c", RUN_LAUNCH_FILE, str(LAUNCH_FOLDER / "sim.launch.py"))


@pytest.fixture
def ros_launch(start: Start) -> Start:
    """Start the simulated system with ROS 2's own launch."""
    # not plain "launch": from the root of the repository, that is our folder of launch files
    pytest.importorskip("launch_ros", reason="ROS 2's launch is not installed: it is not on PyPI")
    return lambda *words, **keywords: start(*words, launcher=LAUNCHER, **keywords)


class TestWithLaunchOfRos2:
    def test_the_same_nodes_start_with_the_same_names_and_types(self, ros_launch: Start) -> None:
        system = ros_launch("namespace:=left", "seed:=7", "realtime:=0", "log_level:=warn")
        system.pids(NODES)
        words = system.wait_for_line(r"\[sim_node-1\] up \d+ (.*)")[1]
        assert '"--log-level", "warn"' in words
        assert '"-r", "__node:=sim_node", "-r", "__ns:=/left"' in words
        file = Path(words.partition("--params-file")[2].split('"')[2])
        assert "realtime: 0.0\n" in file.read_text()
        assert "seed: 7\n" in file.read_text()

    def test_ctrl_c_ends_the_run_cleanly(self, ros_launch: Start) -> None:
        system = ros_launch()
        pids = system.pids(NODES)
        system.signal(signal.SIGINT)
        assert system.wait() == 0
        assert not any(map(alive, pids.values()))

    @pytest.mark.parametrize(("code", "of_the_run"), [(0, 0), (1, 1), (2, 1)])
    def test_the_end_of_the_task_ends_the_run(
        self, ros_launch: Start, code: int, of_the_run: int
    ) -> None:
        system = ros_launch(nodes={"task_node": {"exit": code}})
        pids = system.pids(NODES)
        system.open_gate()
        assert system.wait() == of_the_run
        assert not any(map(alive, pids.values()))

    def test_a_killed_critical_node_ends_the_run_in_failure(self, ros_launch: Start) -> None:
        system = ros_launch()
        os.kill(system.pids(NODES)["arm_bridge_node"], signal.SIGKILL)
        assert system.wait() == 1
        assert "arm_bridge_node was killed by SIGKILL; the run cannot go on" in system.text

    def test_the_run_goes_on_without_a_dashboard(self, ros_launch: Start) -> None:
        system = ros_launch()
        os.kill(system.pids(NODES)["dashboard_node"], signal.SIGKILL)
        system.wait_for_line("dashboard_node was killed by SIGKILL; the run goes on without it")
        system.signal(signal.SIGINT)
        assert system.wait() == 0

    @pytest.mark.parametrize(
        "word", ["backend:=pybulet", "seed:=-1", "realtime:=fast", "view:=yes", "model:=/none"]
    )
    def test_a_bad_value_is_refused_by_name(self, ros_launch: Start, word: str) -> None:
        system = ros_launch(word)
        assert system.wait() == 1
        assert word.split(":=", maxsplit=1)[0] in system.text
        assert " up " not in system.text

    def test_conditions_choose_the_nodes(self, ros_launch: Start) -> None:
        system = ros_launch("policy:=none", "view:=False")
        system.pids(("sim_node", "state_publisher_node", "arm_bridge_node"))
        system.signal(signal.SIGINT)
        assert system.wait() == 0
        assert len(re.findall(r"\] up \d+", system.text)) == 3
