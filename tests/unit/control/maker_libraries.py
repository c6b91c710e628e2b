"""Makers' libraries as our drivers use them, each with an arm inside that a test can disturb.

What is taken over is their calls, with the names and the order of the parameters in use; the tests
compare them with the real ones where these are installed.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

HOME = np.linspace(-0.3, 0.3, 7)


class FakeXArm:
    """``xarm.wrapper.XArmAPI`` and a control box."""

    here: FakeXArm  # the latest one made

    def __init__(self, port: Any = None, is_radian: bool = False) -> None:
        FakeXArm.here = self
        self.is_radian = is_radian
        self.address = port
        self.connected = True
        self.axis = 7
        self.mode, self.state = 0, 4
        self.error_code = self.warn_code = 0
        self.pressed = False  # the stop button
        self.angles = HOME.tolist()
        self.sent: list[list[float]] = []
        self.answer = 0  # to every call
        self.refusing = 0  # what set_servo_angle_j returns
        self.stuck = 0  # what set_mode returns
        self.pulses = 400.0
        self.has_gripper = True
        self.calls: list[str] = []

    def _call(self, name: str) -> int:
        self.calls.append(name)
        return self.answer

    def set_timeout(self, timeout: float) -> int:
        return self._call(f"set_timeout {timeout}")

    def disconnect(self) -> None:
        self._call("disconnect")
        self.connected = False

    def get_joint_states(self, is_radian: Any = None, num: int = 3) -> tuple[int, list[Any]]:
        assert is_radian
        return self._call("get_joint_states"), [self.angles, [0.1] * 7][:num]

    def get_err_warn_code(self) -> tuple[int, list[int]]:
        return self._call("get_err_warn_code"), [self.error_code, self.warn_code]

    def get_state(self) -> tuple[int, int]:
        return self._call("get_state"), self.state

    def set_servo_angle_j(self, angles: list[float], is_radian: Any = None) -> int:
        assert is_radian
        assert self.mode == 1, "positions are only taken in servo mode"
        if self.error_code or self.refusing:
            return 1 if self.error_code else self.refusing
        self.sent.append(angles)
        self.angles = angles
        return self._call("set_servo_angle_j")

    def motion_enable(self, enable: bool = True) -> int:
        return self._call("motion_enable")

    def set_mode(self, mode: int = 0) -> int:
        self._call(f"set_mode {mode}")
        if self.stuck:
            return self.stuck
        self.mode = mode
        return self.answer

    def set_state(self, state: int = 0) -> int:
        self.state = 2 if state == 0 and not self.error_code else 4
        return self._call(f"set_state {state}")

    def clean_error(self) -> int:
        if not self.pressed:
            self.error_code = 0
        return self._call("clean_error")

    def clean_warn(self) -> int:
        self.warn_code = 0
        return self._call("clean_warn")

    def set_gripper_enable(self, enable: bool) -> int:
        return self._call("set_gripper_enable")

    def set_gripper_mode(self, mode: int) -> int:
        return self._call("set_gripper_mode")

    def set_gripper_speed(self, speed: float) -> int:
        return self._call("set_gripper_speed")

    def set_gripper_position(self, pos: float, wait: bool = False, **kwargs: Any) -> int:
        assert kwargs == {"wait_motion": False}, "else it waits for the arm to stand still"
        assert not wait
        self.pulses = pos
        return self._call("set_gripper_position")

    def get_gripper_position(self) -> tuple[int, float]:
        return (0 if self.has_gripper else 19), self.pulses


class FakeHand:
    """A Franka Hand of either library."""

    def __init__(self, width: float = 0.03) -> None:
        self.width = width
        self.calls: list[tuple[Any, ...]] = []
        self.succeeds = True

    def move(self, width: float, speed: float) -> bool:
        self.calls.append(("move", width, speed))
        self.width = width if self.succeeds else self.width
        return self.succeeds

    def grasp(
        self,
        width: float,
        speed: float,
        force: float,
        epsilon_inner: float = 0.005,
        epsilon_outer: float = 0.005,
    ) -> bool:
        self.calls.append(("grasp", width, speed, force))
        self.width = width if self.succeeds else self.width
        return self.succeeds

    def read_once(self) -> Any:
        return SimpleNamespace(width=self.width)


class FrankaBox:
    """The controller of a Franka arm."""

    def __init__(self) -> None:
        self.mode = "Idle"
        self.q, self.dq = HOME.copy(), np.full(7, 0.1)
        self.running = False  # a control loop
        self.error = ""  # that the loop has ended with
        self.reachable = True
        self.recovers = True
        self.hand: FakeHand | None = FakeHand()
        self.no_hand = "libfranka: Connection to FCI refused."  # to whoever calls it

    def begin(self) -> None:
        self.mode, self.running = "Move", True

    def fail(self, mode: str, error: str) -> None:
        """The arm stops by itself, or somebody stops it: the control loop ends with an error."""
        self.mode, self.error, self.running = mode, error, False

    def recover(self) -> bool:
        if self.recovers and self.mode == "Reflex":
            self.mode = "Idle"
        return self.recovers

    def reach(self, kind: type[Exception]) -> None:
        if not self.reachable:
            raise kind("libfranka: Connection to FCI refused")


class FakeJointPosition:
    """``panda_py.controllers.JointPosition``."""

    def __init__(self, stiffness: Any, damping: Any, filter_coeff: float) -> None:
        self.sent: list[tuple[Any, Any]] = []

    def set_control(self, position: Any, velocity: Any) -> None:
        self.sent.append((position, velocity))


class FakePanda:
    """``panda_py.Panda``: its state is an old one as long as it believes to be moving."""

    box: FrankaBox

    def __init__(self, hostname: str) -> None:
        self.box.reach(RuntimeError)
        self._believes = False
        self._seen = self._look()
        self.controller: FakeJointPosition | None = None

    def _look(self) -> Any:
        box = self.box
        return SimpleNamespace(q=box.q, dq=box.dq, robot_mode=f"RobotMode.k{box.mode}")

    def get_state(self) -> Any:
        self.box.reach(RuntimeError)
        if self.box.running or not self._believes:
            self._seen = self._look()
        return self._seen

    def is_moving(self) -> bool:
        return self._believes

    def raise_error(self) -> None:
        error, self.box.error = self.box.error, ""
        if error:
            raise RuntimeError(error)

    def start_controller(self, controller: FakeJointPosition) -> None:
        self.controller, self._believes = controller, True
        self.box.recover()
        self.box.begin()

    def stop_controller(self) -> None:
        self._believes = False
        if self.box.running:
            self.box.mode, self.box.running = "Idle", False

    def recover(self) -> None:
        if not self.box.recover():
            raise RuntimeError("libfranka: recovery failed")

    def get_joint_limits_lower(self) -> Any:
        return np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])

    def get_joint_limits_upper(self) -> Any:
        return np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])


class NetworkException(Exception):
    """Of franky."""


class FakeRobot:
    """``franky.Robot``."""

    box: FrankaBox

    def __init__(self, fci_hostname: str) -> None:
        self.box.reach(NetworkException)

    @property
    def state(self) -> Any:
        self.box.reach(NetworkException)
        box = self.box
        return SimpleNamespace(
            q=box.q, dq=box.dq, robot_mode=f"RobotMode.{box.mode}", current_errors="[joint_reflex]"
        )

    @property
    def is_in_control(self) -> bool:
        return self.box.running

    def poll_motion(self) -> bool:
        error, self.box.error = self.box.error, ""
        if error:
            raise NetworkException(error)
        return self.box.running

    def recover_from_errors(self) -> bool:
        return self.box.recover()


class FakeTracker:
    """``franky.JointImpedanceTracker``."""

    here: FakeTracker

    def __init__(
        self,
        robot: FakeRobot,
        *,
        stiffness: Any = None,
        damping: Any = None,
        lower_joint_limits: Any = None,
        upper_joint_limits: Any = None,
    ) -> None:
        FakeTracker.here = self
        self._box = robot.box
        self.sent: list[tuple[Any, Any]] = []
        self._box.begin()

    def set_target(self, q: Any, dq: Any = None) -> None:
        self.sent.append((q, dq))

    def stop(self) -> None:
        self._box.mode, self._box.running = "Idle", False


def install(monkeypatch: pytest.MonkeyPatch, **modules: dict[str, Any]) -> None:
    """Put modules where they are imported from; a double underscore stands for a dot."""
    for name, content in modules.items():
        module = ModuleType(name.replace("__", "."))
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def xarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library of the xArm."""
    install(monkeypatch, xarm={}, xarm__wrapper={"XArmAPI": FakeXArm})


@pytest.fixture(params=["panda", "franky"])
def franka(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, FrankaBox]:
    """The libraries for Franka's arms, one after the other, and the arm's controller."""
    box = FrankaBox()

    def gripper(address: str) -> FakeHand:
        if box.hand is None:
            raise RuntimeError(box.no_hand)
        return box.hand

    monkeypatch.setattr(FakePanda, "box", box, raising=False)
    monkeypatch.setattr(FakeRobot, "box", box, raising=False)
    install(
        monkeypatch,
        panda_py={"Panda": FakePanda, "libfranka": SimpleNamespace(Gripper=gripper)},
        panda_py__controllers={"JointPosition": FakeJointPosition},
        franky={
            "Robot": FakeRobot,
            "JointImpedanceTracker": FakeTracker,
            "Gripper": gripper,
        },
    )
    return str(request.param), box


def parameters(call: Callable[..., Any]) -> list[str]:
    """Names of a function's parameters, also of one that is compiled."""
    try:
        return [name for name in inspect.signature(call).parameters if name != "self"]
    except (TypeError, ValueError):
        line = (call.__doc__ or "").strip().splitlines()[0]
        names = re.findall(r"[(,] ?(\w+): ", line.partition("->")[0])
        return [name for name in names if name != "self"]


def differences(fake: type, real: type, but: tuple[str, ...] = ()) -> list[str]:
    """Where a fake's calls and attributes are not the real one's."""
    found = []
    for name, member in vars(fake).items():
        if name in ("box", *but) or (name.startswith("_") and name != "__init__"):
            continue
        if not hasattr(real, name):
            found.append(f"there is no {name}")
        elif callable(member):
            has, wants = parameters(getattr(real, name)), parameters(member)
            if [n for n in has if n in wants] != wants:
                found.append(f"{name}({', '.join(wants)}), but it is {name}({', '.join(has)})")
    return found
