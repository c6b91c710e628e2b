"""The doctor finds security that is only believed to be there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from introspect.doctor import Finding, Level, machine, security
from introspect.doctor.examination import examine_installation
from introspect.doctor.system import Endpoint, System, Topic
from introspect.doctor.system_checks import check_strangers
from introspect.security.middleware import Middleware, find_middleware
from introspect_description import ArmDescription

Environment = dict[str, str]
SECURE, PLAIN = Middleware(True, "Fast DDS with it"), Middleware(False, "Fast DDS without it")
PANDA = ArmDescription.load("panda")


def expect(finding: Finding, level: Level, text: str, cure: str = "") -> None:
    assert finding.level is level, finding
    assert text in finding.text
    assert cure in finding.cure


class TestSwitch:
    def test_all_is_well_where_it_is_on_and_works(self, secured: Environment) -> None:
        expect(security.check_security(secured, find_middleware(secured)), Level.OK, "SROS2 is on")
        expect(security.check_enclaves(secured), Level.OK, "every node has its enclave")
        expect(security.check_keys(secured), Level.OK, "for their owner alone")

    def test_that_it_is_off_is_said_and_no_problem(self) -> None:
        finding = security.check_security({}, PLAIN)
        expect(finding, Level.NOTE, "SROS2 is off: whoever reaches", "docs/hardware/security.md")
        assert "Fast DDS without it" in finding.text
        expect(security.check_enclaves({}), Level.OK, "none are needed")

    @pytest.mark.parametrize("value", ["True", "1", "on", "TRUE"])
    def test_a_word_that_ros_takes_for_off_is_found(self, value: str) -> None:
        finding = security.check_security({"ROS_SECURITY_ENABLE": value}, SECURE)
        expect(finding, Level.PROBLEM, f"ENABLE={value} is off", "export ROS_SECURITY_ENABLE=true")

    def test_a_middleware_without_security_is_found(self, secured: Environment) -> None:
        finding = security.check_security(secured, PLAIN)
        expect(finding, Level.PROBLEM, "but this is Fast DDS without it", "use a ROS 2 install")

    @pytest.mark.parametrize("value", ["", "Permissive", "enforce"])
    def test_a_strategy_that_lets_nodes_run_without_keys_is_found(
        self, secured: Environment, value: str
    ) -> None:
        finding = security.check_security(secured | {"ROS_SECURITY_STRATEGY": value}, SECURE)
        expect(finding, Level.WARNING, "a node without keys", "ROS_SECURITY_STRATEGY=Enforce")


class TestEnclaves:
    def test_a_keystore_that_is_not_set_or_not_there_is_found_once(
        self, secured: Environment
    ) -> None:
        finding = security.check_enclaves(secured | {"ROS_SECURITY_KEYSTORE": ""})
        expect(finding, Level.PROBLEM, "ROS_SECURITY_KEYSTORE is not set", "security keystore")
        assert finding.text.count("is not set") == 1
        gone = security.check_enclaves(secured | {"ROS_SECURITY_KEYSTORE": "/none"})
        expect(gone, Level.PROBLEM, "/none is not a folder", "security keystore")

    def test_a_node_without_an_enclave_is_found(self, secured: Environment, keystore: Path) -> None:
        shutil.rmtree(keystore / "enclaves/introspect/planner_node")
        finding = security.check_enclaves(secured)
        expect(finding, Level.PROBLEM, "no enclave /introspect/planner_node", "security keystore")

    def test_an_enclave_that_lacks_a_file_is_found(
        self, secured: Environment, keystore: Path
    ) -> None:
        for name in ("task_node", "sim_node", "driver_node", "behaviour_node", "planner_node"):
            (keystore / "enclaves/introspect" / name / "cert.pem").unlink()
        finding = security.check_enclaves(secured)
        expect(finding, Level.PROBLEM, "does not let us read, cert.pem")
        assert finding.text.endswith("; and 2 more")

    @pytest.mark.skipif(os.geteuid() == 0, reason="NOT TESTED: root may read everything")
    def test_keys_that_cannot_be_read_are_found(self, secured: Environment, keystore: Path) -> None:
        (keystore / "enclaves/introspect/task_node/key.pem").chmod(0)
        expect(security.check_enclaves(secured), Level.PROBLEM, "does not let us read, key.pem")

    def test_keys_of_one_node_for_all_of_them_are_found(self, secured: Environment) -> None:
        finding = security.check_enclaves(secured | {"ROS_SECURITY_ENCLAVE_OVERRIDE": "/all"})
        expect(finding, Level.WARNING, "gives these keys to every node", "unset")


class TestKeys:
    def test_private_keys_that_others_may_read_are_found(
        self, secured: Environment, keystore: Path
    ) -> None:
        key = keystore / "enclaves/introspect/arm_bridge_node/key.pem"
        key.chmod(0o644)
        finding = security.check_keys(secured)
        expect(finding, Level.PROBLEM, str(key), f"chmod -R go-rwx {keystore}")

    def test_they_are_found_where_sros2_is_not_even_on(self, keystore: Path) -> None:
        (keystore / "enclaves/introspect/task_node/key.pem").chmod(0o640)
        finding = security.check_keys({"ROS_SECURITY_KEYSTORE": str(keystore)})
        expect(finding, Level.PROBLEM, "others may read private keys")

    def test_a_closed_folder_protects_what_is_in_it(
        self, secured: Environment, keystore: Path
    ) -> None:
        (keystore / "enclaves/introspect/task_node/key.pem").chmod(0o644)
        keystore.chmod(0o700)
        expect(security.check_keys(secured), Level.OK, "for their owner alone")


class TestDiscovery:
    @pytest.mark.parametrize("reach", ["SUBNET", "SYSTEM_DEFAULT"])
    def test_nodes_that_other_machines_reach_without_keys_are_found(
        self, reach: str, secured: Environment
    ) -> None:
        wide = {"ROS_AUTOMATIC_DISCOVERY_RANGE": reach}
        cure = "unset ROS_AUTOMATIC_DISCOVERY_RANGE"
        expect(machine.check_discovery(wide), Level.WARNING, "every machine on this network", cure)
        expect(machine.check_discovery(secured | wide), Level.OK, "with keys")

    def test_peers_that_are_named_are_told(self) -> None:
        finding = machine.check_discovery({"ROS_STATIC_PEERS": "192.168.1.7"})
        expect(finding, Level.WARNING, "192.168.1.7 and this machine", "ROS_STATIC_PEERS")

    def test_the_old_variable_is_stronger(self) -> None:
        old = {"ROS_LOCALHOST_ONLY": "1", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
        expect(machine.check_discovery(old), Level.OK, "range LOCALHOST")


class TestStrangers:
    @staticmethod
    def system(**publishers: str) -> System:
        kind = "trajectory_msgs/msg/JointTrajectory"
        names = {
            "trajectory": PANDA.controller.trajectory_topic,
            "gripper": PANDA.gripper.command_topic,
            "action": "policy/action",
        }
        topics = {
            f"/left/{names[what]}": Topic((Endpoint(f"/left/{node}", kind),))
            for what, node in publishers.items()
        }
        return System(domain=0, namespace="/left", seconds=1.0, topics=topics)

    def test_our_own_nodes_are_none(self) -> None:
        ours = self.system(
            trajectory="arm_bridge_node", gripper="arm_bridge_node", action="teleoperation_node"
        )
        expect(check_strangers(ours, PANDA), Level.OK, "nobody but our nodes")

    @pytest.mark.parametrize(
        ("what", "text"),
        [
            ("trajectory", "joint_trajectory, which is arm_bridge_node's"),
            ("gripper", "gripper/command, which is arm_bridge_node's"),
            ("action", "policy/action, which is behaviour_node and teleoperation_node's"),
        ],
    )
    def test_another_one_that_moves_the_arm_is_found_though_it_is_the_only_one(
        self, what: str, text: str
    ) -> None:
        finding = check_strangers(self.system(**{what: "intruder"}), PANDA)
        expect(finding, Level.WARNING, text, "end it")
        assert finding.text.startswith("/left/intruder publishes ")

    def test_an_arm_of_another_name_has_topics_of_other_names(self) -> None:
        fr3 = ArmDescription.load("fr3")
        there = self.system(trajectory="intruder")
        assert check_strangers(there, fr3).level is Level.OK
        topic = Topic((Endpoint("/left/intruder", "x"),))
        added = replace(there, topics={f"/left/{fr3.controller.trajectory_topic}": topic})
        assert check_strangers(added, fr3).level is Level.WARNING


def test_the_doctor_looks_at_all_of_it(
    secured: Environment, built: Callable[[bool], Environment]
) -> None:
    findings = {f.check: f for f in examine_installation(os.environ | secured, "panda")}
    assert {"security", "enclaves", "keys", "discovery"} <= set(findings)
