"""A directly driven arm on the usual topics, over DDS, with a fake arm inside the node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticArray
from introspect_msgs.msg import ArmStatus, GripperCommand
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from live_graph import DEEP, NodeProcess, Peer, diagnosis, peer
from sensor_msgs.msg import JointState
from std_msgs.msg import Header, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from introspect_control.drivers import Condition
from introspect_control.nodes.runtime import LATCHED, STREAM
from introspect_description import ArmDescription

ARM = ArmDescription.load("xarm7")
HERE = str(Path(__file__).parent)
FINGERS = ARM.gripper.joint_names


def driver_node(**parameters: object) -> NodeProcess:
    return NodeProcess("driven_arm", parameters, PYTHONPATH=HERE)


class Rig:
    """The node, and what it says."""

    def __init__(self, me: Peer, node: NodeProcess) -> None:
        self.me, self.node = me, node
        self.states: list[JointState] = me.hear(JointState, ARM.controller.state_topic, DEEP)
        self.statuses: list[ArmStatus] = me.hear(ArmStatus, "arm/status", LATCHED)
        make = me.node.create_publisher
        self.trajectories = make(JointTrajectory, ARM.controller.trajectory_topic, STREAM)
        self.gripper = make(GripperCommand, ARM.gripper.command_topic, STREAM)
        self.faults = make(String, "fault", STREAM)
        publishers = (self.trajectories, self.gripper, self.faults)
        me.wait_for(lambda: all(p.get_subscription_count() for p in publishers), "the node")
        me.wait_for(lambda: self.states, "joint states")

    def position(self, message: JointState) -> np.ndarray:
        return np.array([message.position[message.name.index(n)] for n in ARM.joint_names])

    def send(self, offset: float, **changes: object) -> None:
        """A trajectory of 0.1 s to a place beside the first one, its joints in reverse."""
        end = self.position(self.states[0]) + offset
        point = JointTrajectoryPoint(
            positions=end[::-1].tolist(),
            velocities=[0.0] * 7,
            time_from_start=Duration(nanosec=100_000_000),
        )
        message = JointTrajectory(joint_names=list(reversed(ARM.joint_names)), points=[point])
        for name, value in changes.items():
            setattr(message, name, value)
        self.trajectories.publish(message)

    def wait_for_status(self, state: int, reason: str) -> None:
        self.me.first(
            self.statuses,
            lambda status: status.state == state and reason in status.reason,
            f"status {state} for {reason!r}",
        )

    def recover(self) -> Trigger.Response:
        return self.me.call(Trigger, "arm/recover")

    def change(self, transition: int) -> bool:
        request = {"transition": Transition(id=transition)}
        return bool(self.me.call(ChangeState, "driver_node/change_state", **request).success)


@pytest.fixture(scope="module")
def running(ros_domain: int) -> Iterator[Rig]:
    with peer() as me, driver_node(arm="xarm7") as node:
        yield Rig(me, node)


@pytest.fixture
def rig(running: Rig) -> Rig:
    """The node with its arm ready, and nothing heard of what was before."""
    running.faults.publish(String(data=""))
    assert running.recover().success
    running.states.clear()
    running.statuses.clear()
    running.me.wait_for(lambda: running.states, "joint states")
    running.wait_for_status(ArmStatus.READY, "")
    return running


def test_the_conditions_are_those_of_the_message() -> None:
    assert {c.name: c.value for c in Condition} == {
        name: getattr(ArmStatus, name)
        for name in ("READY", "INACTIVE", "REFLEX", "EMERGENCY_STOP", "DISCONNECTED")
    }


def test_the_arm_follows_from_where_it_is_and_holds_at_the_end(rig: Rig) -> None:
    start = rig.position(rig.states[0])
    rig.send(0.05)
    arrived = rig.me.first(
        rig.states, lambda s: np.allclose(rig.position(s), start + 0.05), "the end"
    )
    way = np.array([rig.position(s) for s in rig.states])
    assert np.abs(np.diff(way, axis=0)).max() < 0.02, "it must not jump"
    assert arrived.name == [*ARM.joint_names, *FINGERS]
    count = len(rig.states)
    rig.me.wait_for(lambda: len(rig.states) > count + 5, "some more states")
    np.testing.assert_allclose(rig.position(rig.states[-1]), rig.position(arrived))
    assert max(np.abs(rig.states[-1].velocity)) == 0.0


@pytest.mark.parametrize(
    ("offset", "changes", "problem"),
    [
        (0.0, {"joint_names": [f"panda_joint{i}" for i in range(1, 8)]}, "it names panda_joint1"),
        (0.0, {"points": []}, "it has no points"),
        (0.0, {"header": Header(stamp=Time(sec=1))}, "its stamp must be 0"),
        (1.0, {}, "joint1 would move at 10.00 rad/s, its limit is 2.14 rad/s"),
    ],
)
def test_what_it_cannot_follow_is_refused_and_said(
    rig: Rig, offset: float, changes: dict[str, object], problem: str
) -> None:
    rig.send(offset, **changes)
    rig.node.wait_for_output(f"trajectory refused: {problem}")
    np.testing.assert_allclose(rig.position(rig.states[-1]), rig.position(rig.states[0]))


def test_a_reflex_lasts_until_it_is_recovered_from(rig: Rig) -> None:
    rig.faults.publish(String(data="contact"))
    rig.wait_for_status(ArmStatus.REFLEX, "contact")
    rig.send(0.05)
    rig.node.wait_for_output("trajectory refused: the arm is REFLEX: contact")
    answer = rig.recover()
    assert (answer.success, answer.message) == (True, "ready")
    count = len(rig.statuses)
    rig.me.wait_for(lambda: len(rig.statuses) > count + 1, "arm/status")
    assert rig.statuses[-1].state == ArmStatus.READY
    assert rig.statuses[-1].speed_scaling == 1.0


def test_an_emergency_stop_is_released_by_a_person_only(rig: Rig) -> None:
    rig.faults.publish(String(data="button"))
    rig.wait_for_status(ArmStatus.EMERGENCY_STOP, "button")
    answer = rig.recover()
    assert not answer.success
    assert answer.message == "the stop button is pressed: release it first"


def test_a_lost_arm_is_reconnected_only_when_a_person_asks(rig: Rig) -> None:
    rig.faults.publish(String(data="gone"))
    rig.wait_for_status(ArmStatus.DISCONNECTED, "the connection is lost")
    answer = rig.recover()
    assert not answer.success
    assert answer.message == "no arm answers at 10.0.0.1"
    # given that the arm is there again, when nobody asks, then nothing happens
    rig.faults.publish(String(data=""))
    statuses, states = len(rig.statuses), len(rig.states)
    rig.me.wait_for(lambda: len(rig.statuses) > statuses + 3, "arm/status")
    assert rig.statuses[-1].state == ArmStatus.DISCONNECTED
    assert len(rig.states) == states
    # when somebody does, then it is
    assert rig.recover().success
    rig.me.wait_for(lambda: len(rig.states) > states, "joint states")


def test_the_gripper_shares_its_width_among_the_fingers(rig: Rig) -> None:
    rig.gripper.publish(GripperCommand(width=0.02))
    rig.me.first(
        rig.states,
        lambda s: np.allclose([s.position[s.name.index(f)] for f in FINGERS], 0.01),
        "the fingers",
    )


def test_what_is_refused_is_said_once_though_trajectories_and_widths_take_turns(rig: Rig) -> None:
    rig.faults.publish(String(data="button"))
    rig.wait_for_status(ArmStatus.EMERGENCY_STOP, "button")
    before = rig.node.output.count(" refused: ")
    for _ in range(5):
        rig.send(0.05)
        rig.gripper.publish(GripperCommand(width=0.02))
        told = len(rig.statuses)
        rig.me.wait_for(lambda: len(rig.statuses) > told, "arm/status")  # noqa: B023
    rig.node.wait_for_output("gripper command refused: the arm is EMERGENCY_STOP: button")
    assert rig.node.output.count(" refused: ") <= before + 2


def test_a_gripper_that_fails_is_told_while_the_arm_goes_on(rig: Rig) -> None:
    heard: list[DiagnosticArray] = rig.me.hear(DiagnosticArray, "/diagnostics")
    rig.faults.publish(String(data="hand"))
    rig.me.wait_for(
        lambda: any(
            "gripper: the hand does not answer" in status.message
            for array in heard
            for status in array.status
        ),
        "the diagnosis",
    )
    rig.node.wait_for_output("gripper: the hand does not answer")
    assert rig.node.output.count("gripper: the hand does not answer") == 1, "said once"
    rig.wait_for_status(ArmStatus.READY, "")


def test_a_library_that_does_not_answer_is_a_lost_arm_until_it_does(rig: Rig) -> None:
    rig.faults.publish(String(data="hangs"))
    rig.wait_for_status(ArmStatus.DISCONNECTED, "the library has not answered for more than 0.5 s")
    rig.statuses.clear()
    rig.faults.publish(String(data=""))
    rig.wait_for_status(ArmStatus.READY, "")


def test_no_second_loop_drives_an_arm_that_the_first_has_not_let_go_of(rig: Rig) -> None:
    rig.faults.publish(String(data="hangs"))
    rig.wait_for_status(ArmStatus.DISCONNECTED, "the library has not answered for more than 0.5 s")
    closed = rig.node.output.count("closed")
    assert rig.change(Transition.TRANSITION_DEACTIVATE)
    assert not rig.change(Transition.TRANSITION_ACTIVATE)
    rig.node.wait_for_output("the library of 'xarm7' has not let go of the arm yet")
    # given that it returns after all, then the arm is stopped and let go of, and can be had again
    rig.faults.publish(String(data=""))
    rig.me.wait_for(lambda: rig.node.output.count("closed") == closed + 1, "the end of the loop")
    assert rig.change(Transition.TRANSITION_ACTIVATE)
    rig.statuses.clear()
    rig.wait_for_status(ArmStatus.READY, "")


def test_deactivated_it_comes_to_rest_and_lets_go_of_the_arm(rig: Rig) -> None:
    rig.send(0.05)
    assert rig.change(Transition.TRANSITION_DEACTIVATE)
    assert "stopped at 0.000 rad/s\nclosed" in rig.node.output
    rig.wait_for_status(ArmStatus.DISCONNECTED, "driver_node is not active")
    assert not rig.recover().success
    assert rig.change(Transition.TRANSITION_ACTIVATE)


def test_its_loop_keeps_time_and_tells_what_it_refused(rig: Rig) -> None:
    rig.send(0.0, points=[])
    heard: list[DiagnosticArray] = rig.me.hear(DiagnosticArray, "/diagnostics")

    def told() -> dict[str, str]:
        return diagnosis(heard, "driver_node")

    rig.me.wait_for(lambda: "trajectory refused" in told(), "the count")
    rig.me.wait_for(lambda: "cycle period p50 [ms]" in told(), "the period")
    assert float(told()["cycle period p50 [ms]"]) == pytest.approx(10.0, abs=1.0)


def test_whoever_waits_for_a_recovery_is_answered_though_the_loop_has_died(rig: Rig) -> None:
    rig.faults.publish(String(data="deadly"))
    rig.wait_for_status(ArmStatus.REFLEX, "deadly")
    closed = rig.node.output.count("closed")
    answer = rig.recover()
    assert not answer.success
    assert answer.message == "the driver's loop has ended; start driver_node again"
    rig.me.wait_for(lambda: rig.node.output.count("closed") == closed + 1, "the arm's release")
    assert rig.change(Transition.TRANSITION_DEACTIVATE)
    assert rig.change(Transition.TRANSITION_ACTIVATE)


def test_an_arm_without_a_direct_driver_is_one_line_and_exit_code_2(ros_domain: int) -> None:
    with driver_node(arm="iiwa14", address="maker") as node:
        assert node.end() == 2
        assert "arm 'iiwa14' has no direct driver; start its ROS 2 driver" in node.output
        assert "Traceback" not in node.output
