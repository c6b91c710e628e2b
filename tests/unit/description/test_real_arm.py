"""What the data files say of the real arms: drivers, controllers, grippers and their widths."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from introspect_description import (
    ArmDescription,
    ControllerDescription,
    DescriptionError,
    DriverDescription,
    RealGripperDescription,
    WidthMap,
    share_dir,
)
from introspect_description.driver import GRIPPER_COMMANDS
from introspect_description.equipment import INTERFACES

FOLDER = share_dir() / "urdf" / "arms"
PANDA = ArmDescription.load("panda")
ARMS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
Edit = Callable[[dict], object]

lengths = st.floats(0.0, 0.2)
positions = st.floats(-2.0, 2.0)


@st.composite
def width_maps(draw: st.DrawFn) -> WidthMap:
    """Grippers whose joint opens or closes them, by more than rounding."""
    closed, opened = draw(positions), draw(positions)
    narrow, wide = draw(lengths), draw(lengths)
    assume(abs(opened - closed) > 1e-3 and wide - narrow > 1e-3)
    return WidthMap(closed, opened, narrow, wide)


@given(width_maps(), st.floats(0.0, 1.0))
def test_the_position_for_a_width_has_that_width(widths: WidthMap, share: float) -> None:
    width = widths.closed_width + share * (widths.open_width - widths.closed_width)
    assert widths.width(widths.position(width)) == pytest.approx(width, abs=1e-12)


@given(width_maps(), positions, positions)
def test_the_width_is_monotonic_and_within_the_range(
    widths: WidthMap, one: float, other: float
) -> None:
    opens = math.copysign(1.0, widths.open_position - widths.closed_position)
    low, high = sorted((one, other), key=lambda position: opens * position)
    assert widths.width(low) <= widths.width(high)
    for position in (one, other):
        assert widths.closed_width <= widths.width(position) <= widths.open_width * (1.0 + 1e-12)


@given(width_maps(), st.floats(-1.0, 1.0))
def test_a_command_stays_between_closed_and_open(widths: WidthMap, width: float) -> None:
    low, high = sorted((widths.closed_position, widths.open_position))
    assert low - 1e-12 <= widths.position(width) <= high + 1e-12


def test_both_ends_are_met_exactly() -> None:
    widths = WidthMap(0.81, 0.0, 0.0, 0.085)
    assert (widths.width(0.81), widths.width(0.0)) == (0.0, 0.085)
    assert (widths.position(0.0), widths.position(0.085)) == (0.81, 0.0)


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ((0.3, 0.3, 0.0, 0.08), r"open: must differ from closed, both positions are 0\.3"),
        ((0.0, 0.3, 0.08, 0.08), r"closed: width must be at least 0 and below that of open"),
        ((0.0, 0.3, -0.01, 0.08), r"got -0\.01 and 0\.08 m"),
    ],
)
def test_a_map_that_tells_nothing_is_refused(ends: tuple[float, ...], message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        WidthMap(*ends)


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_tells_its_driver_its_controller_and_its_gripper(name: str) -> None:
    arm = ArmDescription.load(name)
    assert arm.driver is not None
    assert arm.controller.interface in INTERFACES
    assert "{" not in arm.driver.start_command("10.0.0.2")
    assert arm.driver.state_rate >= 25.0, "the policy could not act on such rare joint states"
    assert arm.gripper.real is not None
    assert arm.gripper.real.command_type in GRIPPER_COMMANDS


def test_a_controller_in_a_namespace_has_its_manager_there() -> None:
    controller = ArmDescription.load("iiwa14").controller
    assert controller.manager == "lbr/controller_manager"
    assert controller.short_name == "joint_trajectory_controller"
    assert ArmDescription.load("gen3").controller.manager == "controller_manager"


@pytest.mark.parametrize(
    ("interface", "name"),
    [
        ("joint_trajectory", "c/joint_trajectory"),
        ("follow_joint_trajectory", "c/follow_joint_trajectory"),
        ("joint_group_position", "c/commands"),
    ],
)
def test_the_topic_follows_from_controller_and_interface(interface: str, name: str) -> None:
    assert ControllerDescription("c", interface, "joint_states", 100.0).command_name == name


def test_the_address_is_put_into_the_command() -> None:
    driver = ArmDescription.load("gen3").driver
    assert driver is not None
    assert "robot_ip:=10.1.2.3 " in driver.start_command("10.1.2.3")
    assert "robot_ip:=192.168.1.10 " in driver.start_command()


@pytest.mark.parametrize(
    ("name", "message", "width"),
    [
        ("panda", (["panda_finger_joint2", "panda_finger_joint1"], [0.02, 0.02]), 0.04),
        ("gen3", (["joint_1", "robotiq_85_left_knuckle_joint"], [1.0, 0.405]), 0.0425),
        ("xarm7", (["drive_joint", "left_finger_joint"], [0.85, 0.85]), 0.0),
    ],
)
def test_a_real_gripper_tells_its_width_by_its_drivers_joints(
    name: str, message: tuple[list[str], list[float]], width: float
) -> None:
    real = ArmDescription.load(name).gripper.real
    assert real is not None
    assert real.width_from_joints(*message) == pytest.approx(width)


@pytest.mark.parametrize(
    "message",
    [
        (["panda_joint1"], [0.1]),
        (["panda_finger_joint1"], [0.01]),
        (["panda_finger_joint1", "panda_finger_joint2"], [0.01]),
        (["panda_finger_joint1", "panda_finger_joint2"], [math.nan, 0.01]),
    ],
)
def test_a_message_without_the_grippers_joints_tells_no_width(
    message: tuple[list[str], list[float]],
) -> None:
    gripper = PANDA.gripper
    assert gripper.real is not None
    assert gripper.real.width_from_joints(*message) is None
    assert gripper.width_from_joints(*message) is None


@given(st.floats(0.0, 0.08))
def test_the_simulated_fingers_share_the_width(width: float) -> None:
    gripper = PANDA.gripper
    share = gripper.command_for_width(width)
    assert share == pytest.approx(0.5 * width)
    assert gripper.width_from_joints(gripper.joint_names, [share, share]) == pytest.approx(width)


def test_a_franka_hand_is_commanded_by_half_of_its_width() -> None:
    real = ArmDescription.load("fr3").gripper.real
    assert real is not None
    assert real.command_for_width(0.05) == pytest.approx(0.025)
    assert real.command_for_width(1.0) == pytest.approx(0.04)


def test_an_arm_without_a_gripper_has_neither_width_nor_command() -> None:
    none = RealGripperDescription("none")
    assert none.width_from_joints(["a"], [0.1]) is None
    with pytest.raises(DescriptionError, match="without a gripper"):
        none.command_for_width(0.04)


def edited(tmp_path: Path, edit: Edit) -> ArmDescription:
    """Read a copy of the FR3's file after an edit."""
    for name in ("bodies", "robot.urdf.xacro", "cell.yaml"):
        (tmp_path / name).symlink_to(FOLDER.parent / name)
    data = yaml.safe_load((FOLDER / "fr3.yaml").read_text())
    edit(data)
    path = tmp_path / "arms" / "broken.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(data))
    return ArmDescription.read(path)


def test_an_arm_that_is_only_simulated_needs_no_driver(tmp_path: Path) -> None:
    def without(data: dict) -> None:
        del data["driver"], data["gripper"]["real"]

    arm = edited(tmp_path, without)
    assert arm.driver is None
    assert arm.gripper.real is None


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda d: d["controller"].update(interface="joint_velocity"),
            r"controller\.interface: must be one of joint_trajectory, .*, got joint_velocity",
        ),
        (lambda d: d["controller"].pop("interface"), r"controller\.interface: is missing"),
        (lambda d: d["driver"].update(rate=1.0), r"driver\.rate: unknown key"),
        (lambda d: d["driver"].pop("recovery"), r"driver\.recovery: is missing"),
        (lambda d: d["driver"].update(state_rate=0), r"driver\.state_rate: must be positive"),
        (
            lambda d: d["driver"].pop("address"),
            r"driver\.address: is missing, and the command has \{address\}",
        ),
        (
            lambda d: d["driver"].update(namespace="lbr"),
            r"driver\.namespace: controller\.name must begin with lbr/, got fr3_arm_controller",
        ),
        (
            lambda d: d["gripper"]["real"].update(command_type="std_msgs/msg/Float64"),
            r"gripper\.real\.command_type: must be one of control_msgs/action/GripperCommand, ",
        ),
        (
            lambda d: d["gripper"]["real"].update(command_type="none"),
            r"gripper\.real\.\w+: unknown key; known are command_type",
        ),
        (lambda d: d["gripper"]["real"].pop("open"), r"gripper\.real\.open: is missing"),
        (
            lambda d: d["gripper"]["real"]["open"].update(angle=1.0),
            r"gripper\.real\.open\.angle: unknown key; known are position, width",
        ),
        (
            lambda d: d["gripper"]["real"]["open"].update(position=0.0),
            r"gripper\.real\.open: must differ from closed",
        ),
        (
            lambda d: d["gripper"]["real"].update(joint_names=[]),
            r"gripper\.real\.joint_names: expected names, got \[\]",
        ),
        (
            lambda d: d["gripper"]["real"].update(joint_names=["a", "a"]),
            r"gripper\.real\.joint_names: names must differ",
        ),
    ],
)
def test_a_broken_interface_is_refused_with_the_file_and_the_key(
    tmp_path: Path, edit: Edit, message: str
) -> None:
    with pytest.raises(DescriptionError, match=rf"broken\.yaml: {message}"):
        edited(tmp_path, edit)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("control_msgs/action/GripperCommand",), r"command_name: is missing"),
        (("none", "gripper"), r"command_name: must not be there with command_type none"),
    ],
)
def test_half_a_gripper_is_refused(fields: tuple[str, ...], message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        RealGripperDescription(*fields)


def test_a_driver_needs_a_rate() -> None:
    with pytest.raises(DescriptionError, match=r"update_rate: must be positive, got 0\.0 Hz"):
        DriverDescription("p", "ros2 launch p p.launch.py", "joint_states", 100.0, 0.0, "restart")
