"""The page as a browser gets it."""

from __future__ import annotations

import importlib.util
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from fake_system import PATIENCE, wait_until

from introspect.dashboard.page import BUTTONS, Page
from introspect.monitor import Decision, SystemMonitor
from introspect_description import ArmDescription, share_dir

ARM = ArmDescription.load("panda")


@pytest.fixture
def page() -> Iterator[Page]:
    page = Page(ARM, "127.0.0.1", 0, 0.04, 0.05, on_button=lambda _: None)
    yield page
    page.close()


@pytest.fixture
def monitor() -> SystemMonitor:
    monitor = SystemMonitor(success_distance=0.05)
    names = [*ARM.joint_names, *ARM.gripper.joint_names]
    monitor.on_joints(names, [*ARM.home, 0.04, 0.04], [0.0] * 9, stamp=0.0, now=0.0)
    monitor.on_object((0.5, 0.1, 0.02, 0.0, 0.0, 1.0, 0.0), now=0.0)
    monitor.on_goal((0.4, -0.1, 0.2), now=0.0)
    monitor.on_decision(Decision("grasp", {"approach": 0.1, "grasp": 0.9}, 1.0), now=0.0)
    return monitor


def handle(page: Page, name: str):
    found = page._server.scene.get_handle_by_name(name)
    assert found is not None, name
    return found


def test_object_and_goal_appear_where_they_are_once_they_are_known(
    page: Page, monitor: SystemMonitor
) -> None:
    page.update(SystemMonitor(success_distance=0.05), now=0.0)
    assert not handle(page, "/object").visible
    assert not handle(page, "/goal").visible
    page.update(monitor, now=0.0)
    assert handle(page, "/object").visible
    np.testing.assert_allclose(handle(page, "/object").position, [0.5, 0.1, 0.02])
    np.testing.assert_allclose(handle(page, "/object").wxyz, [0.0, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(handle(page, "/goal").position, [0.4, -0.1, 0.2])


def test_links_turn_with_their_joints(page: Page, monitor: SystemMonitor) -> None:
    link = "/world/panda_link0/panda_link1"
    page.update(monitor, now=0.0)
    np.testing.assert_allclose(handle(page, link).wxyz, [1.0, 0.0, 0.0, 0.0], atol=1e-9)
    monitor.on_joints(["panda_joint1"], [np.pi / 2], [0.0], stamp=0.1, now=0.1)
    page.update(monitor, now=0.1)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(handle(page, link).wxyz, [half, 0.0, 0.0, half], atol=1e-9)


def test_no_browser_can_put_the_page_on_the_internet(page: Page) -> None:
    assert page._server.request_share_url() is None


class TestInABrowser:
    @pytest.fixture
    def screenshot(self) -> ModuleType:
        if not (shutil.which("chromium") or shutil.which("chromium-browser")):
            pytest.skip("chromium is not installed (apt install chromium): page not looked at")
        pytest.importorskip("playwright", reason="playwright is not installed: page not looked at")
        path = share_dir("introspect") / "tools" / "screenshot.py"
        spec = importlib.util.spec_from_file_location("screenshot", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    @pytest.fixture
    def start(self, tmp_path: Path) -> Iterator[Callable[..., Path]]:
        """Start a node of ours; returns the file that it writes its output to."""
        processes: list[subprocess.Popen[bytes]] = []

        def start(module: str, *words: str) -> Path:
            log = tmp_path / f"{module}.log"
            with log.open("wb") as file:
                command = [sys.executable, "-m", module, *words]
                processes.append(subprocess.Popen(command, stdout=file, stderr=file))
            return log

        yield start
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            process.wait(PATIENCE)

    @pytest.mark.slow
    @pytest.mark.timeout(300)  # a browser that renders in software
    def test_it_shows_the_arm_and_its_buttons_disturb_the_world(
        self, screenshot: ModuleType, start: Callable[..., Path], tmp_path: Path
    ) -> None:
        world = start("introspect_sim.nodes.sim_node")
        page = start("introspect.nodes.dashboard_node", "--ros-args", "-p", "port:=18080")
        found = wait_until(
            lambda: re.search(r"watch at (http://\S+)", page.read_text()), "the page to be served"
        )
        picture = tmp_path / "page.png"
        text = screenshot.take(
            url=found[1],
            out=picture,
            size=(640, 480),
            wait_for="object to goal",
            click=["move goal", "push object"],
            patience=60.0,
        )
        wait_until(lambda: "pushed the object" in world.read_text(), "the push to arrive")
        assert "moved the goal" in world.read_text()
        for label in BUTTONS:
            assert label in text
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert picture.stat().st_size > 20_000  # not an empty canvas
