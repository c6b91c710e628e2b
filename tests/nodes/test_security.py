"""The policy is what the running nodes do; and where keys are needed, a stranger moves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import pytest
from introspect_msgs.action import MoveTo
from live_graph import PATIENCE, NodeProcess, Peer, peer

from introspect.graph import REAL, SIM
from introspect.nodes.arm_terminal import NAME, ArmError, ArmTerminal
from introspect.runner.command import command_line, node_environment
from introspect.security.access import EVERY_NODE, MANAGED_NODE, Rights
from introspect.security.keystore import create_keystore
from introspect.security.middleware import find_middleware
from introspect.security.policy import SHIPPED
from introspect.security.processes import PROCESSES
from introspect.security.switch import enclave_of, security_environment
from introspect.specification import Graph, absolute_namespace
from introspect_description import ArmDescription, share_dir

PANDA = ArmDescription.load("panda")
KNOWN = {process.node: process for process in PROCESSES}
NAMESPACE = "watched"
ELSEWHERE = {"sim_node": "simulated", "introspect_teach": "nobody"}
"""Namespaces of those who would disturb the others, or end as soon as they hear them."""


ABROAD = {"rviz", "driver_node", "object_pose_node", "calibration_terminal"}
"""Not started here: they need RViz, an arm, or a calibrated camera and tags."""

BY_HAND = {
    "teleoperation_node": ("introspect.nodes.teleoperation_node", "--ros-args", "-r", "__ns:={}"),
    "introspect_view": (
        *("introspect.nodes.view_node", "--namespace={}", "--arm=panda"),
        *("--rate=1", "--patience=60"),
    ),
}
"""Not in a graph, but started by other verbs: the words after ``python -m``."""

SHORT_LIVED = {
    "introspect_doctor": ("introspect.nodes.system_probe", "0", "{}", "joint_states", "60"),
    "introspect_teach": (
        *("introspect.nodes.teach_program", "--namespace={}", "--arm=panda"),
        *("--pose=here", "--poses=poses.yaml"),
    ),
}
"""The same of those that look once, at what is there already."""


@dataclass
class Seen:
    """What one node does, as the graph tells: full names of topics and services."""

    publishes: set[str] = field(default_factory=set)
    subscribes: set[str] = field(default_factory=set)
    serves: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)

    def without(self, other: Seen) -> dict[str, set[str]]:
        """What the other one does not do, by kind; kinds without any are left out."""
        left = {f.name: getattr(self, f.name) - getattr(other, f.name) for f in fields(self)}
        return {kind: names for kind, names in left.items() if names}


def expected(rights: Rights, node: str) -> Seen:
    """The same of rights: an action is three services and two topics."""
    here = absolute_namespace(namespace_of(node))

    def full(name: str) -> str:
        if name.startswith("~"):
            return f"{here}/{node}{name[1:]}"
        return name if name.startswith("/") else f"{here}/{name}"

    def parts(actions: tuple[str, ...], *of: str) -> set[str]:
        return {f"{full(action)}/_action/{part}" for action in actions for part in of}

    services, topics = ("send_goal", "cancel_goal", "get_result"), ("feedback", "status")
    return Seen(
        publishes={*map(full, rights.publishes), *parts(rights.executes, *topics)},
        subscribes={*map(full, rights.subscribes), *parts(rights.orders, *topics)},
        serves={*map(full, rights.serves), *parts(rights.executes, *services)},
        calls={*map(full, rights.calls), *parts(rights.orders, *services)},
    )


def allowed(node: str) -> Seen:
    """What the policy that is shipped allows a node."""
    verbs = {
        "publish": "publishes",
        "subscribe": "subscribes",
        "reply": "serves",
        "request": "calls",
        "execute": "executes",
        "call": "orders",
    }
    found: dict[str, tuple[str, ...]] = {}
    file = share_dir("introspect") / SHIPPED
    for enclave in ElementTree.parse(file).iter("enclave"):
        if enclave.attrib["path"] == enclave_of(node):
            for group in enclave.iter():
                for verb, name in verbs.items():
                    if group.attrib.get(verb) == "ALLOW":
                        found[name] = tuple(str(item.text) for item in group)
    return expected(Rights(**found), node)


def namespace_of(node: str) -> str:
    return ELSEWHERE.get(node, NAMESPACE)


def look(me: Peer, node: str) -> Seen:
    """What a running node does at present; nothing where it is not there."""
    namespace = absolute_namespace(namespace_of(node))
    ask = me.node
    kinds = {
        "publishes": ask.get_publisher_names_and_types_by_node,
        "subscribes": ask.get_subscriber_names_and_types_by_node,
        "serves": ask.get_service_names_and_types_by_node,
        "calls": ask.get_client_names_and_types_by_node,
    }
    seen = Seen()
    there = [name for name, space in ask.get_node_names_and_namespaces() if space == namespace]
    for name in (node, f"_{node}_ears"):  # of the recorder, which has two in one process
        if name in there:
            for kind, find in kinds.items():
                getattr(seen, kind).update(found for found, _ in find(name, namespace))
    return seen


def everything_on(graph: Graph, node: str, bag: Path) -> dict[str, Any]:
    """Arguments of a graph that leave nothing of a node switched off."""
    given = {
        "on_alarm": "stop",
        "retry_above": "0.9",
        "camera": "true",
        "realtime": "0.0",  # lockstep, which listens to more
        "port": "18095",
        "capture": str(bag),
        "namespace": namespace_of(node),
        "log_level": "warn",
        "mock": "true",
        "episodes": "0",
    }
    known = {argument.name for argument in graph.arguments}
    return graph.resolve({name: value for name, value in given.items() if name in known})


class Program:
    """A program that hears nothing from its keyboard, and never outlives the test."""

    def __init__(self, words: Sequence[str]) -> None:
        self._output = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed by __exit__
        self._words = words
        self.start()

    def start(self) -> None:
        """Start it, for the first time or again."""
        self.process = subprocess.Popen(
            self._words,
            env=node_environment(os.environ, colour=False),
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self._output.close()

    @property
    def output(self) -> str:
        """The beginning of what it has printed."""
        return os.pread(self._output.fileno(), 20_000, 0).decode(errors="replace")

    def keep_up(self) -> None:
        """Start it once more if it crashed at its start, as the runner does; fail if it ended."""
        code = self.process.poll()
        if code is None:
            return
        assert code < 0, f"{self._words[-1]} ended with code {code}:\n{self.output}"
        self.process.communicate()
        self.start()


def module(words: Sequence[str], namespace: str) -> Program:
    """A program of ours, by the words after ``python -m``."""
    given = [word.format(absolute_namespace(namespace)) for word in words]
    return Program([sys.executable, "-m", *given])


@dataclass
class Running:
    """Every node that can run here, each once, in one namespace, and who looks at them."""

    me: Peer
    programs: dict[str, Program]

    def wait_until_it_does(self, node: str, needed: Seen) -> None:
        """Wait until a node does all of this."""

        def missing() -> dict[str, set[str]]:
            if node in self.programs:
                self.programs[node].keep_up()
            return needed.without(look(self.me, node))

        try:
            self.me.wait_for(lambda: not missing(), node)
        except AssertionError as error:
            nodes = self.me.node.get_node_names()
            said = self.programs[node].output if node in self.programs else ""
            raise AssertionError(
                f"{error}; it does not do {missing()}; on the graph: {nodes}; it said: {said}"
            ) from error


@pytest.fixture(scope="module")
def graph(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The nodes of all graphs at once, with everything switched on."""
    pytest.importorskip("mujoco")
    specs = {node.name: (node, each) for each in (SIM, REAL) for node in each.nodes}
    bag = tmp_path_factory.mktemp("security") / "bag"
    with peer() as me, ExitStack() as stack:
        programs = {
            name: Program(command_line(spec, everything_on(each, name, bag), os.environ))
            for name, (spec, each) in specs.items()
            if name not in ABROAD
        }
        programs |= {name: module(words, NAMESPACE) for name, words in BY_HAND.items()}
        for program in programs.values():
            stack.enter_context(program)
        yield Running(me, programs)


HAND = "introspect_arm"
STARTED = sorted(set(KNOWN) - ABROAD - SHORT_LIVED.keys() - {HAND})


@pytest.mark.parametrize("node", STARTED)
def test_a_node_does_what_the_policy_allows_and_nothing_else(graph: Running, node: str) -> None:
    """Both ways: what is missing would not work with SROS2, what is superfluous is a way in."""
    process = KNOWN[node]
    usual = replace(process.usual, subscribes=(), publishes=("/parameter_events",))
    graph.wait_until_it_does(node, expected((process.own + usual).of([PANDA]), node))
    assert look(graph.me, node).without(allowed(node)) == {}


def test_every_process_is_compared_but_those_that_cannot_run_here() -> None:
    assert {*STARTED, *ABROAD, *SHORT_LIVED, HAND} == set(KNOWN)
    assert set(BY_HAND) < set(STARTED)
    assert all(process.usual in (MANAGED_NODE, EVERY_NODE) for process in PROCESSES)


def test_a_persons_hand_does_what_the_policy_allows_and_nothing_else(graph: Running) -> None:
    own = KNOWN["introspect_arm"].own
    terminal = ArmTerminal(absolute_namespace(NAMESPACE))
    try:
        assert terminal.which() == PANDA.name
        for service in own.calls:
            if service.startswith(("guard/", "arm/")):
                terminal.call(service)
        terminal.fault("list", value=0.0, delay=0.0, duration=0.0)
        with suppress(ArmError):  # whatever it says: it was asked
            terminal.move(MoveTo.Goal(name="nowhere"))
        graph.wait_until_it_does(NAME, expected(own, NAME))
        assert look(graph.me, NAME).without(allowed(NAME)) == {}
    finally:
        terminal.close()


@pytest.mark.parametrize("node", SHORT_LIVED)
def test_who_looks_once_does_what_the_policy_allows_and_nothing_else(
    graph: Running, node: str
) -> None:
    graph.wait_until_it_does("mock_arm_node", expected(KNOWN["mock_arm_node"].own.of([PANDA]), ""))
    with module(SHORT_LIVED[node], namespace_of(node)) as program:
        graph.programs[node] = program
        graph.wait_until_it_does(node, expected(KNOWN[node].own.of([PANDA]), node))
        assert look(graph.me, node).without(allowed(node)) == {}


# --- with keys ---


def run_stranger(
    environment: dict[str, str], name: str = "stranger", seconds: float = 6.0
) -> dict[str, Any]:
    """Let somebody command the arm; return what came of it."""
    arm = PANDA.controller
    words = [name, arm.trajectory_topic, arm.state_topic, str(seconds), *PANDA.joint_names]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("trajectory_sender.py")), *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout, done.stderr  # how it ends after that does not matter
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def secured_arm(
    ros_domain: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A simulated arm that takes part with keys only; yields the variables that switch it on."""
    middleware = find_middleware(os.environ)
    if not middleware.secure:
        pytest.skip(
            f"NOT TESTED: that a stranger cannot move the arm. This is {middleware.text}; "
            "run this test with a ROS 2 installation"
        )
    pytest.importorskip("cryptography")
    keystore = tmp_path_factory.mktemp("keys") / "keystore"
    create_keystore(keystore, [PANDA])
    switch = {"ROS_SECURITY_ENABLE": "true", "ROS_SECURITY_KEYSTORE": str(keystore)}
    switch |= security_environment(switch)
    keys = ["--enclave", enclave_of("sim_node")]
    with NodeProcess("introspect_sim.nodes.sim_node", arguments=keys, **switch) as sim:
        sim.wait_for_output("panda in mujoco")
        yield switch


def wearing(switch: dict[str, str], node: str) -> dict[str, str]:
    return switch | security_environment(switch, node)


def test_who_has_the_bridges_keys_moves_the_arm(secured_arm: dict[str, str]) -> None:
    """Else those below would be right for the wrong reason."""
    found = run_stranger(wearing(secured_arm, "arm_bridge_node"), "arm_bridge_node")
    assert found["refused"] == ""
    assert found["reached"] == 1
    assert found["moved"] == pytest.approx(0.1, abs=0.02)


def test_who_has_no_keys_neither_reaches_the_arm_nor_hears_it(secured_arm: dict[str, str]) -> None:
    found = run_stranger({"ROS_SECURITY_ENABLE": "false"})
    assert (found["reached"], found["moved"]) == (0, None)


@pytest.mark.parametrize("node", ["behaviour_node", "dashboard_node", "sim_node"])
def test_who_has_the_keys_of_another_node_is_refused(
    secured_arm: dict[str, str], node: str
) -> None:
    assert "could not create" in run_stranger(wearing(secured_arm, node), node)["refused"]


def test_keys_of_another_authority_are_worth_nothing(
    secured_arm: dict[str, str], tmp_path: Path
) -> None:
    create_keystore(tmp_path / "forged", [PANDA])
    forged = secured_arm | {"ROS_SECURITY_KEYSTORE": str(tmp_path / "forged")}
    found = run_stranger(wearing(forged, "arm_bridge_node"), "arm_bridge_node")
    assert (found["reached"], found["moved"]) == (0, None)
