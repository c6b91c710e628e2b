"""The doctor finds what is wrong with a running system."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from introspect.doctor import Finding, Level
from introspect.doctor.system import Endpoint, System, Topic
from introspect.doctor.system_checks import (
    check_clock,
    check_complaints,
    check_guard,
    check_joints,
    check_qos,
    check_running,
    check_silence,
    check_single_commander,
    check_state_rate,
    check_system,
)
from introspect.monitor import Guard
from introspect_description import ArmDescription

ARM = ArmDescription.load("panda")
BRIDGE = Endpoint("/arm_bridge_node", "trajectory_msgs/msg/JointTrajectory")
SIM = Endpoint("/sim_node", "sensor_msgs/msg/JointState")
STATUS = Endpoint("/arm_bridge_node", "introspect_msgs/msg/GuardStatus", latched=True)
CLOCK = Endpoint("/sim_node", "rosgraph_msgs/msg/Clock")
FOLLOWER = Endpoint("/arm_bridge_node", "rosgraph_msgs/msg/Clock")
TRAJECTORY = f"/{ARM.controller.trajectory_topic}"


@pytest.fixture
def healthy() -> System:
    """A system with which all is well."""
    return System(
        domain=0,
        namespace="/",
        seconds=2.0,
        nodes=("/sim_node", "/arm_bridge_node"),
        topics={
            "/joint_states": Topic((SIM,), (replace(SIM, node="/arm_bridge_node"),), heard=200),
            "/guard/status": Topic((STATUS,), (replace(STATUS, node="/task_node"),), heard=20),
            TRAJECTORY: Topic((BRIDGE,), (replace(BRIDGE, node="/sim_node"),)),
            "/clock": Topic((CLOCK,), (FOLLOWER,), heard=200),
        },
        joint_names=(*ARM.joint_names, *ARM.gripper.joint_names),
        joint_positions=(*ARM.home, 0.04, 0.04),
        guard=Guard("ACTIVE", "", 1, 0, 0, 0, 0.0),
    )


def with_topic(system: System, name: str, topic: Topic) -> System:
    return replace(system, topics={**system.topics, name: topic})


def test_nothing_is_found_where_all_is_well(healthy: System) -> None:
    findings = check_system(healthy, ARM, elsewhere=[])
    assert len(findings) == 10
    assert {finding.level for finding in findings} == {Level.OK}


def test_the_nodes_of_the_system_are_named(healthy: System) -> None:
    left = replace(healthy, namespace="/left", nodes=("/left/sim_node", "/right/task_node"))
    assert check_running(left, []).text == "1 nodes in domain 0, /left: sim_node"


def test_a_shell_in_the_wrong_domain_is_found(healthy: System) -> None:
    empty = System(domain=0, namespace="/", seconds=2.0)
    finding = check_running(empty, elsewhere=[14])
    expect_problem(finding, "a graph runs in domain 14", "export ROS_DOMAIN_ID=14")
    assert check_running(empty, elsewhere=[]).level is Level.NOTE
    assert check_system(empty, ARM, elsewhere=[14]) == [finding]


def test_the_wrong_namespace_is_found(healthy: System) -> None:
    finding = check_running(replace(healthy, namespace="/left"), elsewhere=[])
    expect_problem(finding, "nothing runs in namespace /left", "--namespace /")


def test_a_topic_that_nobody_publishes_is_found(healthy: System) -> None:
    wanted = Topic((), (replace(SIM, node="/behaviour_node"),), heard=0)
    finding = check_silence(with_topic(healthy, "/joint_states", wanted), ["joint_states"])
    expect_problem(finding, "joint_states (wanted by /behaviour_node)", "introspect launch")


def test_a_silent_topic_is_found(healthy: System) -> None:
    system = with_topic(healthy, "/joint_states", Topic((SIM,), (), heard=0))
    finding = check_silence(system, ["joint_states"])
    expect_problem(finding, "in 2 s on joint_states (from /sim_node)", "ros2 lifecycle set")


def test_an_arm_that_tells_its_joints_too_seldom_is_found(healthy: System) -> None:
    system = with_topic(healthy, "/joint_states", Topic((SIM,), (), heard=20))
    finding = check_state_rate(system, "joint_states")
    expect_problem(finding, "at 10 Hz, the policy acts at 25 Hz", "controller.state_topic")


@pytest.mark.parametrize(
    ("publisher", "subscription", "why"),
    [
        ({"reliable": False}, {}, "reliable messages, not the best-effort ones"),
        ({}, {"latched": True}, "the last message on joining, not the volatile ones"),
        ({"type": "std_msgs/msg/String"}, {}, "sensor_msgs/msg/JointState, not the std_msgs"),
    ],
)
def test_ends_of_a_topic_that_do_not_fit_are_found(
    healthy: System, publisher: dict[str, Any], subscription: dict[str, Any], why: str
) -> None:
    ends = replace(SIM, **publisher), replace(SIM, node="/listener", **subscription)
    finding = check_qos(with_topic(healthy, "/joint_states", Topic(ends[:1], ends[1:])))
    expect_problem(finding, f"/joint_states: /listener wants {why}", "same profile")


def test_ends_that_offer_more_than_is_wanted_fit(healthy: System) -> None:
    ends = replace(SIM, latched=True), replace(SIM, node="/listener", reliable=False)
    system = with_topic(healthy, "/joint_states", Topic(ends[:1], ends[1:]))
    assert check_qos(system).level is Level.OK


def test_a_second_commander_is_found(healthy: System) -> None:
    both = Topic((BRIDGE, replace(BRIDGE, node="/moveit")), ())
    finding = check_single_commander(
        with_topic(healthy, TRAJECTORY, both), ARM.controller.trajectory_topic
    )
    expect_problem(finding, "/arm_bridge_node, /moveit", "end all but one")


def test_joints_of_another_arm_are_found(healthy: System) -> None:
    names = tuple(name.replace("panda", "fr3") for name in healthy.joint_names)
    finding = check_joints(replace(healthy, joint_names=names), ARM)
    expect_problem(finding, "told are fr3_joint1", "arm:=NAME")
    assert "the arm panda has panda_joint1" in finding.text


def test_joints_in_another_order_are_found(healthy: System) -> None:
    names = (*reversed(ARM.joint_names), *ARM.gripper.joint_names)
    positions = (*reversed(ARM.home), 0.04, 0.04)
    system = replace(healthy, joint_names=names, joint_positions=positions)
    expect_warning(check_joints(system, ARM), "told in the order panda_joint7", "by index")


def test_degrees_are_found(healthy: System) -> None:
    positions = tuple(57.3 * position for position in healthy.joint_positions)
    finding = check_joints(replace(healthy, joint_positions=positions), ARM)
    expect_problem(finding, "panda_joint4 at -139.3", "radians, not degrees")


def test_simulated_time_without_a_clock_is_found(healthy: System) -> None:
    finding = check_clock(with_topic(healthy, "/clock", Topic((), (FOLLOWER,))))
    expect_problem(finding, "nobody publishes /clock", "use_sim_time:=false")


def test_a_clock_that_stands_still_is_found(healthy: System) -> None:
    finding = check_clock(with_topic(healthy, "/clock", Topic((CLOCK,), (FOLLOWER,), heard=0)))
    expect_problem(finding, "/clock stands still", "activate sim_node")


def test_two_clocks_are_found(healthy: System) -> None:
    makers = (CLOCK, replace(CLOCK, node="/bag_player"))
    finding = check_clock(with_topic(healthy, "/clock", Topic(makers, (FOLLOWER,), heard=9)))
    expect_problem(finding, "/bag_player, /sim_node", "end all but one")


def test_an_arm_that_was_stopped_is_found(healthy: System) -> None:
    guard = Guard("FAULT", "no policy action for 0.12 s", 0, 0, 0, 0, 0.0)
    finding = check_guard(replace(healthy, guard=guard))
    expect_warning(finding, "no policy action for 0.12 s", "guard/rearm")


def test_cures_are_for_the_namespace_that_was_looked_at(healthy: System) -> None:
    left = replace(healthy, namespace="/left", topics={}, nodes=("/left/sim_node",))
    stopped = replace(left, guard=Guard("FAULT", "stopped", 0, 0, 0, 0, 0.0))
    both = Topic((BRIDGE, replace(BRIDGE, node="/moveit")), ())
    steered = with_topic(left, f"/left{TRAJECTORY}", both)
    expect_warning(check_guard(stopped), "stopped", "ros2 service call /left/guard/rearm ")
    expect_problem(
        check_silence(left, ["joint_states"]), "joint_states", "introspect launch sim namespace:=l"
    )
    expect_problem(
        check_single_commander(steered, ARM.controller.trajectory_topic),
        "/moveit",
        f"ros2 topic info --verbose /left{TRAJECTORY}",
    )
    empty = replace(left, nodes=())
    assert check_running(empty, elsewhere=[]).cure == "introspect launch sim namespace:=left"


def test_a_node_that_complains_is_found(healthy: System) -> None:
    finding = check_complaints(replace(healthy, complaints={"/sim_node": "diverged"}))
    expect_warning(finding, "/sim_node: diverged", "logs")


def expect_problem(finding: Finding, text: str, cure: str) -> None:
    assert finding.level is Level.PROBLEM, finding
    assert text in finding.text
    assert cure in finding.cure


def expect_warning(finding: Finding, text: str, cure: str) -> None:
    assert finding.level is Level.WARNING, finding
    assert text in finding.text
    assert cure in finding.cure


def test_what_was_seen_survives_the_way_from_one_process_to_another(healthy: System) -> None:
    assert System.from_json(healthy.to_json()) == healthy
    silent = replace(healthy, guard=None, topics={}, complaints={"/a": "b"})
    assert System.from_json(silent.to_json()) == silent
