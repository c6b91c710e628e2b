"""The whole graph at work: simulation, bridge, policy and task, each in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from introspect_msgs.msg import BehaviourStatus, GuardStatus, InternalState, PolicyAction
from live_graph import DEEP, NodeProcess, Peer, diagnosis, peer
from sensor_msgs.msg import JointState

from introspect_control import KinematicChain
from introspect_description import ArmDescription
from introspect_learning.execution import Alarm, Introspection, Period
from introspect_learning.models import (
    BehavioursRuntime,
    ChoreographerRuntime,
    ContractError,
    InternalStateRuntime,
    shipped,
)
from introspect_sim.tasks import decode, observe

pytest.importorskip("mujoco")
pytest.importorskip("onnxruntime")
try:
    MODEL = shipped("bbrl")
except ContractError as error:  # a source tree without its model
    pytest.skip(str(error), allow_module_level=True)

PANDA = ArmDescription.load("panda")
EPISODES = 2


class Record:
    """Everything that was said, by the stamp that it belongs to."""

    def __init__(self, me: Peer) -> None:
        self.joints: list[JointState] = me.hear(JointState, "joint_states", DEEP)
        self.objects: list[PoseStamped] = me.hear(PoseStamped, "object_pose", DEEP)
        self.goals: list[PoseStamped] = me.hear(PoseStamped, "goal_pose", DEEP)
        self.decisions: list[BehaviourStatus] = me.hear(BehaviourStatus, "behaviour", DEEP)
        self.actions: list[PolicyAction] = me.hear(PolicyAction, "policy/action", DEEP)
        self.sent: list[PolicyAction] = me.hear(PolicyAction, "policy/action_sent", DEEP)
        self.states: list[InternalState] = me.hear(InternalState, "internal_state", DEEP)
        self.guard: list[GuardStatus] = me.hear(GuardStatus, "guard/status", DEEP)
        self.diagnostics: list[DiagnosticArray] = me.hear(DiagnosticArray, "/diagnostics", DEEP)
        self.output = ""
        self.exit_code = -1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped policy, with an untrained model of its internal states."""
    pytest.importorskip("torch")
    from internal_states import policy_with_internal_states

    return policy_with_internal_states(tmp_path_factory.mktemp("policy") / "model")


@pytest.fixture(scope="module")
def record(ros_domain: int, model: Path) -> Iterator[Record]:
    """Two episodes in lockstep."""
    simulated = {"use_sim_time": True}
    with peer() as me, ExitStack() as processes:
        record = Record(me)

        def start(module: str, **parameters: Any) -> NodeProcess:
            return processes.enter_context(NodeProcess(module, simulated | parameters))

        start("introspect_sim.nodes.sim_node", realtime=0.0, use_sim_time=False)
        start("introspect_control.nodes.arm_bridge_node")
        start("introspect_learning.nodes.behaviour_node")
        start("introspect_learning.nodes.choreographer_node", use_sim_time=False)
        start("introspect_learning.nodes.internal_state_node", use_sim_time=False, model=model)
        me.connect()
        task = start("introspect_sim.nodes.task_node", episodes=EPISODES, use_sim_time=False)
        me.wait_for(lambda: not task.running, "the episodes to end", patience=100.0)
        nodes = ("sim_node", "behaviour_node")
        count = len(record.diagnostics)
        me.wait_for(
            lambda: all(diagnosis(record.diagnostics[count:], node) for node in nodes),
            "the nodes' last diagnostics",
        )
        record.output, record.exit_code = task.output, task.end()
        yield record


def moves(record: Record, episode: int) -> list[PolicyAction]:
    return [
        action
        for action in record.actions
        if action.episode == episode and action.mode == PolicyAction.MOVE
    ]


def test_every_episode_succeeds_and_is_told(record: Record) -> None:
    lines = [line for line in record.output.splitlines() if not line.startswith("[")]

    assert [line.split(" (")[0] for line in lines[:-1]] == [
        f"episode {k} of {EPISODES}" for k in range(1, EPISODES + 1)
    ]
    assert all("succeeded in" in line for line in lines[:-1])
    assert lines[-1].startswith(f"{EPISODES} of {EPISODES} succeeded")
    assert record.exit_code == 0


def test_each_action_is_bit_for_bit_that_computed_in_process_from_its_state(
    record: Record,
) -> None:
    behaviours = BehavioursRuntime.load(MODEL, PANDA)
    choreographer = ChoreographerRuntime.load(MODEL, behaviours.hash)
    observed = Observed(record)

    for episode in range(1, EPISODES + 1):
        actions = moves(record, episode)
        assert [action.sequence for action in actions] == list(range(len(actions)))
        choreographer.reset()
        for action in actions:
            output = behaviours.run(observed.at(key(action)))
            choice = choreographer.run(output.activations)
            linear, angular, width = decode(output.actions[choice.index][None])
            assert action.behaviour == behaviours.names[choice.index]
            assert np.array_equal(vector(action.twist.linear), linear[0])
            assert np.array_equal(vector(action.twist.angular), angular[0])
            assert action.gripper_width == np.float32(width[0])


def test_each_internal_state_is_bit_for_bit_that_computed_in_process_from_its_state(
    record: Record, model: Path
) -> None:
    behaviours = BehavioursRuntime.load(MODEL, PANDA)
    runtime = InternalStateRuntime(model / "internal_states", behaviours.hash)
    introspection = Introspection(runtime, Alarm(), 0.04)
    observed = Observed(record)
    acted = {(action.episode, action.sequence): action.behaviour for action in record.actions}

    for said in record.states:
        activations = behaviours.run(observed.at(key(said))).activations
        before = acted.get((said.episode, said.sequence - 1), "")
        period = Period(said.episode, said.sequence, key(said))
        finding = introspection.follow(period, activations, before)
        assert np.array_equal(said.mean, finding.state.mean)
        assert np.array_equal(said.phase_probabilities, finding.state.phase)
        assert said.failure_probability == np.float32(finding.state.failure)
        assert said.surprise == np.float32(finding.state.surprise)
        assert said.alarm == finding.alarm
    told = {(said.episode, said.sequence) for said in record.states}
    assert len(told & set(acted)) >= 0.9 * len(acted)  # nobody waits for it


def test_the_bridge_carries_out_every_action_once_and_ends_in_silence(record: Record) -> None:
    asked = [(a.episode, a.sequence, a.mode, key(a)) for a in record.actions]
    sent = [(a.episode, a.sequence, a.mode, key(a)) for a in record.sent]

    assert sent == asked
    assert record.guard[-1].state == GuardStatus.IDLE
    assert not any(status.state == GuardStatus.FAULT for status in record.guard)


def test_lockstep_leaves_nobody_behind(record: Record) -> None:
    """A period begins every 40 ms of simulated time, and no decision is late, on any machine."""
    for episode in range(1, EPISODES + 1):
        stamps = [key(action) for action in moves(record, episode)][2:]  # the start is not locked
        assert set(np.diff(stamps)) == {40_000_000}
    assert diagnosis(record.diagnostics, "behaviour_node")["late decisions"] == "0"


class Observed:
    """The observations that were made of what was said."""

    def __init__(self, record: Record) -> None:
        said = record.joints, record.objects, record.goals
        self._joints, self._objects, self._goals = map(by_stamp, said)
        self._chain = KinematicChain(PANDA.chain())

    def at(self, stamp: int) -> np.ndarray:
        """The one of this stamp [ns]."""
        joints = self._joints[stamp]
        position = np.array(joints.position)
        return observe(
            self._chain,
            position[None, :7],
            np.array([joints.velocity[:7]]),
            position[None, 7:].sum(axis=1),
            np.array([pose(self._objects[stamp])]),
            np.array([pose(self._goals[stamp])[:3]]),
        )[0]


def by_stamp(messages: list[Any]) -> dict[int, Any]:
    return {key(message): message for message in messages}


def key(message: Any) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def vector(message: Any) -> list[float]:
    return [message.x, message.y, message.z]


def pose(message: PoseStamped) -> list[float]:
    turn = message.pose.orientation
    return [*vector(message.pose.position), turn.x, turn.y, turn.z, turn.w]
