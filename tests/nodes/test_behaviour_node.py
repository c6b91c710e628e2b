"""The policy over DDS does bit for bit what it does in process, and copes with what goes wrong."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from diagnostic_msgs.msg import DiagnosticArray
from introspect_msgs.msg import Activations, GuardStatus, PolicyAction
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from live_graph import DEEP, NodeProcess, Peer, diagnosis, peer
from policy_world import GOAL, OBJECT, PANDA, PolicyWorld

from introspect_control import KinematicChain
from introspect_control.nodes.bridge_messages import nanoseconds
from introspect_control.nodes.runtime import STREAM
from introspect_learning.behaviours.teacher import Teacher
from introspect_learning.models import (
    BehavioursRuntime,
    ChoreographerRuntime,
    ContractError,
    shipped,
)
from introspect_sim.tasks import decode, observe

pytest.importorskip("onnxruntime")
try:
    MODEL = shipped("bbrl")
except ContractError as error:  # a source tree without its model
    pytest.skip(str(error), allow_module_level=True)

BEHAVIOURS = "introspect_learning.nodes.behaviour_node"
CHOREOGRAPHER = "introspect_learning.nodes.choreographer_node"
SIMULATED = {"use_sim_time": True}


@pytest.fixture(scope="module")
def me(ros_domain: int) -> Iterator[Peer]:
    with peer() as me:
        yield me


@pytest.fixture(scope="module")
def pair(ros_domain: int) -> Iterator[dict[str, NodeProcess]]:
    """Both nodes of the policy, by their module; whoever ends one leaves it to ``processes``."""
    pair = {module: NodeProcess(module, SIMULATED) for module in (BEHAVIOURS, CHOREOGRAPHER)}
    yield pair
    for process in pair.values():
        process.stop()


@pytest.fixture
def processes(pair: dict[str, NodeProcess]) -> dict[str, NodeProcess]:
    """Both nodes, running whatever an earlier test has done to them."""
    for module, process in pair.items():
        if not process.running:
            pair[module] = NodeProcess(module, SIMULATED)
    return pair


@pytest.fixture(scope="module")
def shared(me: Peer) -> Iterator[PolicyWorld]:
    world = PolicyWorld(me)
    yield world
    world.close()


@pytest.fixture
def world(shared: PolicyWorld, processes: dict[str, NodeProcess]) -> Iterator[PolicyWorld]:
    """The world with nothing heard yet, no episode, and both nodes ready for one."""
    shared.connect()
    shared.settle()
    yield shared
    shared.cancel()


def random_states(count: int) -> list[dict[str, object]]:
    """States from anywhere in the workspace."""
    rng = np.random.default_rng(0)
    states = []
    for _ in range(count):
        turn = rng.normal(size=4)
        pose = (*rng.uniform([0.3, -0.2, 0.02], [0.6, 0.2, 0.3]), *(turn / np.linalg.norm(turn)))
        states.append(
            {
                "position": PANDA.home + rng.uniform(-0.3, 0.3, 7),
                "velocity": rng.uniform(-0.5, 0.5, 7),
                "object_pose": tuple(map(float, pose)),
                "goal": tuple(map(float, rng.uniform([0.3, -0.2, 0.32], [0.6, 0.2, 0.4]))),
            }
        )
    return states


def test_actions_are_bit_for_bit_those_computed_in_process(world: PolicyWorld) -> None:
    # given
    behaviours = BehavioursRuntime.load(MODEL, PANDA)
    choreographer = ChoreographerRuntime.load(MODEL, behaviours.hash)
    chain = KinematicChain(PANDA.chain())
    states = random_states(60)
    result = world.begin(timeout=2.4)

    # when
    actions = [world.act(**state) for state in states]

    # then
    assert [action.sequence for action in actions] == list(range(60))
    assert len({action.episode for action in actions}) == 1
    asked = [question for question in world.questions if question.layer == "features"]
    world.me.wait_for(lambda: len(world.questions) == 2 * len(asked), "the second layer")
    others = [question for question in world.questions if question.layer == "feature_1"]
    acted = ""
    for state, action, question, other, decision in zip(
        states, actions, asked, others, world.decisions, strict=True
    ):
        observation = observe(
            chain,
            state["position"][None],
            state["velocity"][None],
            np.array([0.08]),
            np.array([state["object_pose"]]),
            np.array([state["goal"]]),
        )[0]
        output = behaviours.run(observation)
        choice = choreographer.run(output.activations)
        linear, angular, width = decode(output.actions[choice.index][None])
        twist = action.twist
        sent = [twist.linear.x, twist.linear.y, twist.linear.z]
        assert np.array_equal(question.values, output.activations["features"])
        assert np.array_equal(other.values, output.activations["feature_1"])
        assert question.behaviour == other.behaviour == acted
        assert question.phase == other.phase == Teacher().phase(observation)
        assert question.model_hash == other.model_hash == behaviours.hash
        acted = action.behaviour
        assert np.array_equal(decision.probabilities, choice.probabilities)
        assert decision.index == choice.index
        assert decision.state_value == np.float32(choice.state_value)
        assert np.array_equal(sent, linear[0])
        assert np.array_equal([twist.angular.x, twist.angular.y, twist.angular.z], angular[0])
        assert action.gripper_width == np.float32(width[0])
        assert action.behaviour == decision.active == behaviours.names[choice.index]
        assert action.model_hash == behaviours.hash
        assert decision.model_hash == choreographer.hash
        assert action.mode == PolicyAction.MOVE
        stamps = {
            (m.header.stamp.sec, m.header.stamp.nanosec)
            for m in (action, question, other, decision)
        }
        assert len(stamps) == 1
    world.run_until(result.done, "the horizon", **states[-1])


def test_an_episode_ends_when_the_object_has_been_at_its_goal_for_ten_periods(
    world: PolicyWorld,
) -> None:
    result = world.begin()
    world.act()

    world.run_until(result.done, "the end", object_pose=(*GOAL, 0.0, 0.0, 0.0, 1.0))

    outcome = result.result()
    assert outcome.status == GoalStatus.STATUS_SUCCEEDED
    assert outcome.result.success
    assert outcome.result.steps == 10
    assert outcome.result.final_distance == 0.0
    assert outcome.result.message == "the object is at its goal"
    world.me.wait_for(lambda: world.actions[-1].mode == PolicyAction.HOLD, "the hold")
    assert [action.mode for action in world.actions[:-1]] == [PolicyAction.MOVE] * 10


def test_a_timeout_ends_an_episode_without_success(world: PolicyWorld) -> None:
    result = world.begin(timeout=0.4)

    world.run_until(result.done, "the end")

    outcome = result.result()
    assert outcome.status == GoalStatus.STATUS_SUCCEEDED  # the episode ran to its end
    assert not outcome.result.success
    assert outcome.result.steps == 10
    assert outcome.result.final_distance == pytest.approx(
        np.linalg.norm(np.subtract(OBJECT[:3], GOAL))
    )
    assert outcome.result.message == "the object is not at its goal after 0.4 s"
    world.me.wait_for(lambda: world.actions[-1].mode == PolicyAction.HOLD, "the hold")
    assert [feedback.sequence for feedback in world.feedback] == [0, 5, 10]


def test_cancelling_holds_the_arm(world: PolicyWorld) -> None:
    handle = world.me.result(world.start(), "the goal")
    result = handle.get_result_async()
    world.act()

    handle.cancel_goal_async()
    world.me.wait_for(result.done, "the end")

    assert result.result().status == GoalStatus.STATUS_CANCELED
    assert result.result().result.message == "cancelled"
    assert world.actions[-1].mode == PolicyAction.HOLD


def test_a_second_goal_and_an_unknown_task_are_refused(
    world: PolicyWorld, processes: dict[str, NodeProcess]
) -> None:
    assert not world.me.result(world.start(task="juggle"), "an answer").accepted
    result = world.begin(timeout=0.2)
    assert not world.me.result(world.start(), "an answer").accepted
    assert not world.me.result(world.start(timeout=-1.0), "an answer").accepted

    world.run_until(result.done, "the end")

    output = processes[BEHAVIOURS].output
    assert "goal refused: task 'juggle' does not exist; there is 'pick_and_place'" in output
    assert "is still running" in output


def test_an_object_that_is_no_longer_seen_holds_the_arm_and_says_so(world: PolicyWorld) -> None:
    result = world.begin()
    world.act()

    world.run_until(result.done, "the end", object_pose=None)

    outcome = result.result()
    assert outcome.status == GoalStatus.STATUS_ABORTED
    assert outcome.result.message.startswith("object_pose is 0.5")
    assert outcome.result.message.endswith("s old, more than 0.5 s")
    world.me.wait_for(lambda: world.actions[-1].mode == PolicyAction.HOLD, "the hold")


def test_joint_states_that_fall_silent_hold_the_arm_and_say_so(world: PolicyWorld) -> None:
    result = world.begin()
    world.act()

    world.me.wait_for(result.done, "the end")  # not even the clock goes on

    assert result.result().result.message.startswith("no new joint_states for 2.")
    assert world.actions[-1].mode == PolicyAction.HOLD


def test_a_jump_of_time_holds_the_arm_and_says_so(world: PolicyWorld) -> None:
    result = world.begin()
    world.act()

    world.publish(ticks=1000)
    world.me.wait_for(result.done, "the end")

    assert result.result().result.message == "time jumped by +10.00 s"


def test_a_fault_of_the_arm_bridge_ends_the_episode_with_its_reason(world: PolicyWorld) -> None:
    result = world.begin()
    world.act()

    world.guard(GuardStatus.FAULT, "joint_states are 0.60 s old")
    world.me.wait_for(result.done, "the end")

    assert result.result().status == GoalStatus.STATUS_ABORTED
    reason = "the arm bridge is in FAULT (joint_states are 0.60 s old)"
    assert result.result().result.message == reason
    assert world.actions[-1].mode == PolicyAction.HOLD


def test_no_episode_begins_before_the_arm_bridge_is_rearmed(world: PolicyWorld) -> None:
    world.guard(GuardStatus.FAULT, "stopped by hand")
    result = world.begin(timeout=0.2)
    for _ in range(20):
        world.publish()
        world.me.spin(0.01)
    assert not world.actions

    world.guard(GuardStatus.IDLE)
    world.run_until(result.done, "the end")

    assert result.result().status == GoalStatus.STATUS_SUCCEEDED


def test_deactivating_holds_the_arm_and_refuses_goals_until_active_again(
    world: PolicyWorld,
) -> None:
    result = world.begin()
    world.act()

    change(world.me, Transition.TRANSITION_DEACTIVATE)
    try:
        world.me.wait_for(result.done, "the end")
        assert result.result().result.message == "behaviour_node was deactivated"
        assert world.actions[-1].mode == PolicyAction.HOLD
        assert not world.me.result(world.start(), "an answer").accepted
    finally:
        change(world.me, Transition.TRANSITION_ACTIVATE)
    world.run_until(world.begin(timeout=0.04).done, "an episode")


def change(me: Peer, transition: int) -> None:
    """Ask the behaviour node for a lifecycle transition."""
    request = {"transition": Transition(id=transition)}
    assert me.call(ChangeState, "behaviour_node/change_state", **request).success


def test_a_late_choreographer_is_counted_and_its_last_decision_kept(
    world: PolicyWorld, processes: dict[str, NodeProcess]
) -> None:
    diagnostics = world.me.hear(DiagnosticArray, "/diagnostics")
    result = world.begin(timeout=0.8)
    followed = world.act().behaviour
    world.me.wait_for(lambda: diagnosis(diagnostics, "behaviour_node"), "diagnostics")
    before = int(diagnosis(diagnostics, "behaviour_node")["late decisions"])

    processes[CHOREOGRAPHER].send(signal.SIGSTOP)
    try:
        world.run_until(lambda: len(world.actions) >= 4, "actions without answers")
    finally:
        processes[CHOREOGRAPHER].send(signal.SIGCONT)
    late = len(world.actions) - 1

    assert {action.behaviour for action in world.actions} == {followed}
    assert [action.sequence for action in world.actions] == list(range(late + 1))
    world.run_until(result.done, "the end")
    world.me.wait_for(
        lambda: int(diagnosis(diagnostics, "behaviour_node")["late decisions"]) >= before + late,
        "the late decisions to be reported",
    )


def test_a_killed_choreographer_holds_the_arm_and_its_successor_goes_on_with_the_episode(
    world: PolicyWorld, processes: dict[str, NodeProcess]
) -> None:
    # given
    diagnostics = world.me.hear(DiagnosticArray, "/diagnostics", DEEP)
    result = world.begin(timeout=3600.0)
    followed = world.act().behaviour

    # when
    processes[CHOREOGRAPHER].kill()
    world.run_until(lambda: world.actions[-1].mode == PolicyAction.HOLD, "the hold")

    # then
    moves = world.actions[:-1]
    assert {(action.mode, action.behaviour) for action in moves} == {(PolicyAction.MOVE, followed)}
    held = nanoseconds(world.actions[-1].header.stamp) - nanoseconds(moves[0].header.stamp)
    assert 0 < held <= 240_000_000  # the decision of that period, 0.2 s later, did not come
    world.run_until(
        lambda: int(diagnosis(diagnostics, "behaviour_node").get("held periods", 0)) > 0,
        "the held periods to be reported",
    )
    assert world.actions[-1].mode == PolicyAction.HOLD
    assert not result.done()

    # when
    processes[CHOREOGRAPHER] = NodeProcess(CHOREOGRAPHER, SIMULATED)
    world.run_until(lambda: world.actions[-1].mode == PolicyAction.MOVE, "the motion to go on")

    # then
    assert len({action.episode for action in world.actions}) == 1
    sequences = [action.sequence for action in world.actions]
    assert sequences == list(range(len(sequences)))
    assert not result.done()


def test_without_a_choreographer_nothing_moves_and_the_result_says_why(
    world: PolicyWorld, processes: dict[str, NodeProcess]
) -> None:
    processes[CHOREOGRAPHER].kill()
    result = world.begin()

    world.run_until(result.done, "the end")

    outcome = result.result()
    assert outcome.status == GoalStatus.STATUS_ABORTED
    assert outcome.result.message == "could not begin: no answer from the choreographer"
    assert outcome.result.steps == 0
    assert not world.actions
    layers = [question.layer for question in world.questions]
    world.me.wait_for(lambda: len(world.questions) == 2 * layers.count("features"), "the rest")


def test_a_layer_that_the_behaviours_do_not_have_is_refused_with_those_there_are(
    ros_domain: int,
) -> None:
    with NodeProcess(BEHAVIOURS, {"layers": "[features, feature_9]"}) as process:
        assert process.end() == 2
        assert (
            "these behaviours have no layer feature_9; there are observation, feature_1, features, "
            "approach_1, grasp_1, retract_1" in process.output
        )
        assert "Traceback" not in process.output


def test_the_layers_asked_for_come_after_those_that_the_choreographer_waits_for(
    world: PolicyWorld, processes: dict[str, NodeProcess]
) -> None:
    processes[BEHAVIOURS].stop()
    processes[BEHAVIOURS] = NodeProcess(
        BEHAVIOURS, SIMULATED | {"layers": "[retract_1, observation]"}
    )
    order: list[tuple[int, str]] = []
    note = order.append
    hear = world.me.node.create_subscription
    subscriptions = (
        hear(Activations, "activations", lambda m: note((m.sequence, m.layer)), STREAM),
        hear(PolicyAction, "policy/action", lambda m: note((m.sequence, "action")), STREAM),
    )
    try:
        world.connect()
        world.settle()
        order.clear()
        result = world.begin(timeout=0.2)
        world.run_until(result.done, "the end")
        world.me.wait_for(lambda: len(world.questions) >= 15, "all layers")
    finally:
        world.cancel()
        processes[BEHAVIOURS].stop()
        for subscription in subscriptions:
            world.me.node.destroy_subscription(subscription)

    asked = [(question.sequence, question.layer) for question in world.questions[-15:]]
    names = ("features", "retract_1", "observation")
    assert asked == [(k, name) for k in range(5) for name in names]
    assert [len(question.values) for question in world.questions[:3]] == [128, 64, 14]
    wanted = ("features", "action", *names[1:])
    places = [[order.index((k, what)) for what in wanted] for k in (1, 2, 3)]
    assert sum(place == sorted(place) for place in places) >= 2  # what got lost comes later
