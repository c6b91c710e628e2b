"""Drivers by name, and what is missing."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import threading

import pytest

from introspect_control.drivers import NAMES, DriverError, make_driver
from introspect_control.drivers.gripper_thread import GripperThread
from introspect_description import ArmDescription

XARM7, PANDA, FR3 = (ArmDescription.load(name) for name in ("xarm7", "panda", "fr3"))


def test_an_unknown_driver_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        DriverError, match="unknown driver 'lynx': available are franky, panda, xarm"
    ):
        make_driver("lynx", XARM7, "10.0.0.2")


@pytest.mark.parametrize("name", ["panda", "fr3", "iiwa14", "gen3", "xarm7"])
def test_every_arms_direct_driver_is_one_that_there_is(name: str) -> None:
    driver = ArmDescription.load(name).driver
    assert driver is not None
    assert driver.direct in ("", *NAMES)


@pytest.mark.parametrize(
    ("name", "arm"), [("xarm", PANDA), ("franky", XARM7), ("panda", ArmDescription.load("gen3"))]
)
def test_a_driver_for_another_arm_is_refused_with_the_data_file(
    name: str, arm: ArmDescription
) -> None:
    with pytest.raises(
        DriverError, match=rf"driver '{name}' does not drive arm '{arm.name}'.*{arm.name}\.yaml"
    ):
        make_driver(name, arm, "10.0.0.2")


@pytest.mark.parametrize(
    ("name", "arm", "package"),
    [
        ("xarm", XARM7, "xarm-python-sdk"),
        ("panda", PANDA, "panda-python"),
        ("franky", FR3, "franky-control"),
    ],
)
def test_a_missing_library_is_told_with_the_command_that_installs_it(
    name: str, arm: ArmDescription, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    problem = f"driver '{name}' needs {package}; run 'pip install {package}'"
    with pytest.raises(DriverError, match=f"^{re.escape(problem)}$"):
        make_driver(name, arm, "10.0.0.2")


@pytest.mark.parametrize(("name", "arm"), [("panda", FR3), ("franky", PANDA)])
def test_either_library_may_drive_either_franka(
    name: str, arm: ArmDescription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    assert make_driver(name, arm, "10.0.0.2").rate == 200.0


def test_no_makers_library_is_imported_before_it_is_chosen() -> None:
    program = (
        "import sys, introspect_control.drivers, introspect_control.drivers.xarm, "
        "introspect_control.drivers.panda, introspect_control.drivers.franky; "
        "print([m for m in ('xarm', 'panda_py', 'franky') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_of_commands_that_come_while_a_gripper_moves_the_last_is_carried_out() -> None:
    entered, release, finished = threading.Event(), threading.Event(), threading.Event()
    moved: list[tuple[float, float]] = []

    def move(width: float, force: float) -> None:
        entered.set()
        release.wait(10.0)
        moved.append((width, force))
        if width == 0.06:
            finished.set()

    gripper = GripperThread(move, lambda: moved[-1][0], interval=0.001)
    gripper.move(0.08, 15.0)
    assert entered.wait(10.0)
    for width in (0.02, 0.04, 0.06):
        gripper.move(width, 15.0)
    release.set()
    assert finished.wait(10.0)
    gripper.close()
    assert moved == [(0.08, 15.0), (0.06, 15.0)]
    assert gripper.width == 0.06


def test_a_gripper_that_fails_is_told_and_tried_again_with_the_next_command() -> None:
    tried = threading.Semaphore(0)

    def move(width: float, force: float) -> None:
        tried.release()
        raise RuntimeError("no object between the fingers")

    gripper = GripperThread(move, lambda: 0.04, interval=10.0)
    for _ in range(2):
        gripper.move(0.0, 15.0)
        assert tried.acquire(timeout=10.0)
        while not gripper.problem:
            pass
        assert gripper.problem == "RuntimeError: no object between the fingers"
        gripper.problem = ""
    gripper.close()


def test_a_width_that_cannot_be_read_is_told_and_makes_the_gripper_grasp_only_once() -> None:
    moved: list[tuple[float, float]] = []
    looked = threading.Semaphore(0)

    def read() -> float:
        looked.release()
        raise DriverError("the hand does not answer")

    gripper = GripperThread(lambda *command: moved.append(command), read, interval=0.001)
    for _ in range(20):  # as a bridge repeats it
        gripper.move(0.0, 15.0)
        assert looked.acquire(timeout=10.0)
    gripper.close()
    assert moved == [(0.0, 15.0)]
    assert (gripper.width, gripper.problem) == (None, "the hand does not answer")
