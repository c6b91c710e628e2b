"""The mock arm over DDS: a real arm's topics, its own clock, its services, its faults."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Vector3
from introspect_msgs.msg import ArmStatus
from introspect_msgs.srv import PerturbWorld, ResetWorld
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from live_graph import DEEP, NodeProcess, Peer, diagnosis, peer, seconds
from mock_commander import MockCommander
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool, Trigger

from introspect_control.nodes.runtime import LATCHED
from introspect_description import ArmDescription
from introspect_sim.mock import FAULTS

pytest.importorskip("mujoco")
MODULE = "introspect_sim.nodes.mock_arm_node"
PANDA, IIWA = ArmDescription.load("panda"), ArmDescription.load("iiwa14")


@pytest.fixture(scope="module")
def mock(ros_domain: int) -> Iterator[NodeProcess]:
    with NodeProcess(MODULE, {"seed": 3}) as process:
        yield process


@pytest.fixture(scope="module")
def me(ros_domain: int) -> Iterator[Peer]:
    with peer() as me:
        yield me


@pytest.fixture(scope="module")
def commander(mock: NodeProcess, me: Peer) -> MockCommander:
    commander = MockCommander(me, PANDA)
    commander.connect()
    return commander


@pytest.fixture
def arm(commander: MockCommander) -> MockCommander:
    """The running mock arm, at home, healthy and ready."""
    commander.inject("none")
    commander.me.call(SetBool, "arm/emergency_stop", data=False)
    commander.me.wait_for(
        lambda: commander.me.call(Trigger, "arm/recover").success, "the arm to be recovered"
    )
    commander.wait_for_state(ArmStatus.READY)
    commander.send(np.array(PANDA.home), 0.8)
    commander.wait_until_at(PANDA.home)
    return commander


def test_joint_states_come_at_the_controllers_rate_by_the_arms_own_clock(
    arm: MockCommander,
) -> None:
    del arm.joints[:]
    start = time.time()
    arm.me.wait_for(lambda: len(arm.joints) > 100, "100 joint states")

    stamps = [seconds(message.header.stamp) for message in arm.joints]
    assert np.diff(stamps) == pytest.approx(0.01 * 1.00005, abs=2e-6)
    assert stamps[0] - start == pytest.approx(0.35, abs=0.3)
    assert arm.joints[-1].name == [*PANDA.joint_names, *PANDA.gripper.joint_names]
    assert arm.joints[-1].header.frame_id == PANDA.base_frame


def test_a_trajectory_with_its_joints_in_any_order_is_followed(arm: MockCommander) -> None:
    wanted = PANDA.home + 0.02 * np.arange(7)

    arm.send(wanted[::-1], 0.6, PANDA.joint_names[::-1])

    arm.wait_until_at(wanted)


def test_wrong_names_and_stamps_are_refused_in_words_and_the_arm_holds(
    arm: MockCommander, mock: NodeProcess
) -> None:
    arm.send(PANDA.home + 0.5, names=[name.replace("panda", "fr3") for name in PANDA.joint_names])
    arm.me.wait_for(lambda: "it names fr3_joint1" in mock.output, "the first refusal")
    time_of_next = time.monotonic() + 1.0  # at most one line a second
    arm.me.wait_for(lambda: time.monotonic() > time_of_next, "a second")
    arm.send(PANDA.home + 0.5, stamp=1_700_000_000)
    arm.me.wait_for(lambda: "its stamp must be 0 (it starts when" in mock.output, "the second one")

    assert np.abs(arm.position - PANDA.home).max() < 0.01


def test_the_gripper_follows_and_the_diagnostics_tell_of_its_force(arm: MockCommander) -> None:
    diagnostics = arm.me.hear(DiagnosticArray, "/diagnostics", DEEP)
    arm.send(PANDA.home, names=["a"] * 7)

    arm.grip(0.0)

    arm.me.wait_for(lambda: arm.width < 0.01, "the gripper to close")
    arm.grip(0.08)
    arm.me.wait_for(lambda: arm.width > 0.07, "the gripper to open")
    del diagnostics[:]
    arm.me.wait_for(lambda: diagnosis(diagnostics, "mock_arm_node"), "diagnostics")
    values = diagnosis(diagnostics, "mock_arm_node")
    assert values["gripper force [N]"] == "0"
    assert values["faults"] == "none"
    assert float(values["trajectories refused"]) >= 1


def test_an_emergency_stop_is_pressed_released_and_recovered_from(arm: MockCommander) -> None:
    answer = arm.me.call(SetBool, "arm/emergency_stop", data=True)
    assert answer.success
    assert "pressed" in answer.message
    assert "pressed" in arm.wait_for_state(ArmStatus.EMERGENCY_STOP).reason

    refused = arm.me.call(Trigger, "arm/recover")
    assert not refused.success
    assert "still pressed; release it first" in refused.message

    assert arm.me.call(SetBool, "arm/emergency_stop", data=False).success
    while not (answer := arm.me.call(Trigger, "arm/recover")).success:  # it may have been moving
        assert answer.message == "the arm still moves; wait until it is at rest"
    assert arm.wait_for_state(ArmStatus.READY).reason == ""


def test_a_jump_is_a_reflex_that_says_why_and_whoever_joins_later_hears_of_it(
    arm: MockCommander,
) -> None:
    arm.send(PANDA.home + 2.0, 0.01)

    status = arm.wait_for_state(ArmStatus.REFLEX)
    assert "its limit" in status.reason
    late: list[ArmStatus] = []
    subscription = arm.me.node.create_subscription(ArmStatus, "arm/status", late.append, LATCHED)
    arm.me.wait_for(lambda: late, "the latched status")
    arm.me.node.destroy_subscription(subscription)
    assert late[0].state == ArmStatus.REFLEX


def test_faults_are_listed_injected_ended_and_refused_by_service(
    arm: MockCommander, mock: NodeProcess
) -> None:
    listed = arm.inject("list")
    assert listed.success
    assert [line.split(" ")[0].rstrip(":") for line in listed.message.splitlines()] == list(FAULTS)

    refused = arm.inject("state_dely")
    assert not refused.success
    assert "Did you mean 'state_delay'?" in refused.message

    planned = arm.inject("joint_prefix", duration=0.4)
    assert planned.message == "joint_prefix, now, for 0.4 s"
    arm.me.wait_for(lambda: arm.joints[-1].name[0] == "other_panda_joint1", "the fault to show")
    arm.me.wait_for(lambda: arm.joints[-1].name[0] == "panda_joint1", "the fault to end")
    arm.me.wait_for(lambda: "fault is over: joint_prefix" in mock.output, "word of it")

    arm.inject("states_stop")
    assert arm.inject("none").message == "ended states_stop"


def test_a_reset_moves_the_object_and_the_goal_but_not_the_arm(arm: MockCommander) -> None:
    wanted = PANDA.home + 0.1
    arm.send(wanted, 0.6)
    arm.wait_until_at(wanted)

    places = []
    for seed in (41, 42):
        answer = arm.me.call(ResetWorld, "reset_world", seed=seed)
        assert answer.success, answer.message
        arm.me.wait_for(lambda: arm.objects and arm.goals, "poses")
        places.append((arm.objects[-1].pose.position, arm.goals[-1].pose.position))

    assert np.abs(arm.position - wanted).max() < 0.01
    (first, first_goal), (second, second_goal) = places
    assert np.hypot(first.x - second.x, first.y - second.y) > 0.01
    assert np.hypot(first_goal.x - second_goal.x, first_goal.y - second_goal.y) > 0.01
    assert not arm.me.call(ResetWorld, "reset_world", seed=-2).success


@pytest.mark.parametrize("fault", ["object_lost", "object_frozen"])
def test_a_reset_that_no_picture_shows_is_answered_as_a_failure_that_names_the_fault(
    arm: MockCommander, fault: str
) -> None:
    arm.inject(fault)
    time_of_next = time.monotonic() + 0.3  # when pictures from before have all come
    arm.me.wait_for(lambda: time.monotonic() > time_of_next, "the fault to show")

    answer = arm.me.call(ResetWorld, "reset_world", seed=43)

    assert not answer.success
    assert "not seen there for 2.1 s" in answer.message
    assert f"faults going on: {fault}" in answer.message


def test_poses_are_noisy_and_stamped_by_the_host(arm: MockCommander) -> None:
    del arm.objects[:]
    arm.me.wait_for(lambda: len(arm.objects) > 25, "poses")

    x = [message.pose.position.x for message in arm.objects]
    assert 0.0005 < np.std(x) < 0.005
    assert time.time() - seconds(arm.objects[-1].header.stamp) == pytest.approx(0.04, abs=0.2)
    assert arm.objects[-1].header.frame_id == PANDA.base_frame


def test_the_world_can_be_disturbed(arm: MockCommander) -> None:
    before = arm.goals[-1].pose.position.z
    kind = PerturbWorld.Request.MOVE_GOAL

    answer = arm.me.call(PerturbWorld, "perturb_world", kind=kind, vector=Vector3(z=0.1))

    assert answer.success, answer.message
    arm.me.wait_for(lambda: arm.goals[-1].pose.position.z > before + 0.08, "the goal to move")


def test_deactivated_it_falls_silent_and_activated_again_it_is_where_it_was(
    arm: MockCommander,
) -> None:
    wanted = PANDA.home + 0.1
    arm.send(wanted, 0.6)
    arm.wait_until_at(wanted)

    def change(transition: int) -> None:
        request = {"transition": Transition(id=transition)}
        assert arm.me.call(ChangeState, "mock_arm_node/change_state", **request).success

    change(Transition.TRANSITION_DEACTIVATE)
    statuses = len(arm.statuses)
    arm.me.wait_for(lambda: len(arm.statuses) > statuses, "the last joint states before a status")
    heard = len(arm.joints)
    arm.me.wait_for(lambda: len(arm.statuses) > statuses + 3, "statuses, which go on")
    assert len(arm.joints) == heard

    change(Transition.TRANSITION_ACTIVATE)
    arm.me.wait_for(lambda: len(arm.joints) > heard + 10, "joint states")
    assert np.abs(arm.position - wanted).max() < 0.01


def test_another_arm_in_another_engine_with_a_schedule_a_namespace_and_a_camera(
    me: Peer, tmp_path: Path
) -> None:
    pytest.importorskip("pybullet")
    schedule = tmp_path / "faults.yaml"
    schedule.write_text("- {fault: reflex, at: 1.5}\n- {fault: stamp_zero, at: 0, duration: 600}\n")
    parameters: dict[str, object] = {
        "arm": "iiwa14",
        "backend": "pybullet",
        "faults": str(schedule),
        "poses": False,
        "camera": True,
        "command_latency": 0.1,
    }
    with NodeProcess(MODULE, parameters, ["-r", "__ns:=/left"]) as process:
        commander = MockCommander(me, IIWA, "/left/")
        images = me.hear(Image, "/left/camera/image_raw", DEEP)
        commander.connect()
        status = commander.wait_for_state(ArmStatus.REFLEX)

        assert status.reason == "a fault was injected"
        assert status.header.frame_id == IIWA.base_frame
        assert seconds(commander.joints[-1].header.stamp) == 0.0
        assert commander.joints[-1].name[:7] == list(IIWA.joint_names)
        me.wait_for(lambda: images, "a picture")
        assert images[-1].header.frame_id == IIWA.camera.frame
        assert time.time() - seconds(images[-1].header.stamp) < 5.0
        assert not me.node.count_publishers("/left/object_pose")
        assert me.call(Trigger, "/left/arm/recover").success
        wanted = IIWA.home + 0.05
        commander.send(wanted, 0.5)
        commander.wait_until_at(wanted)
        assert process.interrupt() == 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"command_latency": 7.0}, "'command_latency' is 7.0; it must be a number in [0.0, 1.0]"),
        (
            {"pose_rate": 150.0},
            "pose_rate must be at most the rate of the arm's controller, 100",
        ),
        ({"faults": "'[{fault: reflx, at: 1}]'"}, "faults, entry 1: fault 'reflx' does not exist"),
    ],
)
def test_wrong_parameters_are_one_clear_line_and_exit_code_two(
    ros_domain: int, parameters: dict[str, object], message: str
) -> None:
    with NodeProcess(MODULE, parameters) as process:
        assert process.end() == 2
        assert message in process.output
        assert "Traceback" not in process.output
