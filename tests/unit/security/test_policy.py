"""The policy that is shipped: whole, and nobody but the bridge may command an arm."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from introspect.cli import main
from introspect.graph import GRAPHS
from introspect.security.access import COMMAND, Access, Rights
from introspect.security.policy import SHIPPED, policy_xml
from introspect.security.processes import PROCESSES
from introspect_description import ArmDescription, share_dir

ARMS = ("fr3", "gen3", "iiwa14", "panda", "xarm7")
FILE = share_dir("introspect") / SHIPPED
NAMES = {"topics": "topic", "services": "service", "actions": "action"}


def allowed(file: Path, verb: str) -> dict[str, set[str]]:
    """Enclave -> names that it may publish, subscribe, reply, request, execute or call."""
    found: dict[str, set[str]] = {}
    for enclave in ElementTree.parse(file).iter("enclave"):
        names = found.setdefault(enclave.attrib["path"], set())
        for group in enclave.iter():
            if group.attrib.get(verb) == "ALLOW":
                names |= {str(item.text) for item in group}
    return found


def those_who(verb: str, name: str) -> set[str]:
    return {enclave for enclave, names in allowed(FILE, verb).items() if name in names}


@pytest.fixture(params=ARMS)
def arm(request: pytest.FixtureRequest) -> ArmDescription:
    return ArmDescription.load(request.param)


def test_it_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["security", "policy"]) == 0
    cure = "introspect security policy > security/policy.xml"
    assert capsys.readouterr().out == FILE.read_text(), f"the shipped file is old; run: {cure}"


def test_only_the_bridge_may_command_any_of_the_arms(arm: ArmDescription) -> None:
    bridge = {"/introspect/arm_bridge_node"}
    assert those_who("publish", arm.controller.trajectory_topic) == bridge
    assert those_who("publish", arm.gripper.command_topic) == bridge
    if arm.gripper.real is not None and "/action/" in arm.gripper.real.command_type:
        assert those_who("call", arm.gripper.real.command_name) == bridge


def test_only_a_policy_or_a_person_may_ask_for_an_action() -> None:
    who = {"/introspect/behaviour_node", "/introspect/teleoperation_node"}
    assert those_who("publish", "policy/action") == who


def test_only_the_planner_may_ask_the_bridge_for_a_trajectory() -> None:
    assert those_who("call", "follow_trajectory") == {"/introspect/planner_node"}


def test_nobody_may_change_parameters_or_states_of_others() -> None:
    private = {name for names in allowed(FILE, "request").values() for name in names if "~" in name}
    assert not private
    for services in allowed(FILE, "request").values():
        assert not any(name.endswith(("change_state", "set_parameters")) for name in services)


def test_it_denies_nothing_by_name_as_all_that_is_not_allowed_is_denied() -> None:
    assert "DENY" not in FILE.read_text()
    assert "*" not in FILE.read_text()


def test_every_node_of_every_graph_has_its_enclave() -> None:
    there = {process.node for process in PROCESSES}
    assert {node.name for graph in GRAPHS.values() for node in graph.nodes} <= there
    assert len(there) == len(PROCESSES)


def test_the_file_has_the_form_that_sros2_reads() -> None:
    root = ElementTree.parse(FILE).getroot()
    assert (root.tag, root.attrib) == ("policy", {"version": "0.2.0"})
    for profile in root.iter("profile"):
        assert profile.attrib["ns"] == "/"
        for group in profile:
            assert set(group.attrib.values()) == {"ALLOW"}
            assert {item.tag for item in group} == {NAMES[group.tag]}
            assert len({item.text for item in group}) == len(group)


def test_a_policy_for_one_arm_in_a_namespace_allows_no_other() -> None:
    text = policy_xml([ArmDescription.load("fr3")], "left")
    assert 'ns="/left"' in text
    assert "fr3_arm_controller/joint_trajectory" in text
    assert "panda" not in text


def test_names_that_stand_for_an_arms_are_replaced_by_all_of_them() -> None:
    process = Access("it", Rights(publishes=(COMMAND, "own")), usual=Rights())
    arms = [ArmDescription.load(name) for name in ("panda", "xarm7")]
    topics = sorted(arm.controller.trajectory_topic for arm in arms)
    assert process.rights(arms).publishes == tuple(sorted(["own", *topics]))


def test_an_unknown_arm_is_refused_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["security", "policy", "--arm", "pandaa"]) == 2
    assert "unknown arm 'pandaa': available are fr3" in capsys.readouterr().err
