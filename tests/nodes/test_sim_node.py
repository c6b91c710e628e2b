"""The simulated arm over DDS: its topics, its time, its services, and what it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, Vector3
from introspect_msgs.srv import PerturbWorld, ResetWorld
from live_graph import DEEP, NodeProcess, Peer, diagnosis, peer, seconds
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from sim_commander import PANDA, Arm

pytest.importorskip("mujoco")
MODULE = "introspect_sim.nodes.sim_node"


@pytest.fixture(scope="module", params=["mujoco", "pybullet"])
def sim(request: pytest.FixtureRequest, ros_domain: int) -> Iterator[NodeProcess]:
    """The node in real time, in either engine."""
    pytest.importorskip(request.param)
    parameters: dict[str, object] = {"backend": request.param, "realtime": 1.0}
    with NodeProcess(MODULE, parameters) as process:
        yield process


@pytest.fixture(scope="module")
def me(ros_domain: int) -> Iterator[Peer]:
    with peer() as me:
        yield me


@pytest.fixture(scope="module")
def commander(sim: NodeProcess, me: Peer) -> Arm:
    arm = Arm(me)
    arm.connect()
    return arm


@pytest.fixture
def arm(commander: Arm) -> Arm:
    """A commander of the running simulation, at the start of seed 0."""
    assert commander.me.call(ResetWorld, "reset_world", seed=0).success
    commander.me.wait_for(
        lambda: np.abs(commander.position - PANDA.home).max() < 5e-3 and commander.width > 0.078,
        "the start",
    )
    return commander


def pose(message: PoseStamped) -> list[float]:
    at, turn = message.pose.position, message.pose.orientation
    return [at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w]


def test_each_state_comes_as_object_goal_clock_and_joints_of_one_stamp(
    sim: NodeProcess, me: Peer
) -> None:
    order: list[tuple[str, int]] = []

    def note(name: str, stamp: Callable[[Any], Any]) -> Callable[[Any], None]:
        return lambda message: order.append((name, round(1e9 * seconds(stamp(message)))))

    for kind, topic in ((PoseStamped, "object_pose"), (PoseStamped, "goal_pose")):
        me.node.create_subscription(kind, topic, note(topic, lambda m: m.header.stamp), DEEP)
    me.node.create_subscription(Clock, "/clock", note("clock", lambda m: m.clock), DEEP)
    me.node.create_subscription(
        JointState, "joint_states", note("joint_states", lambda m: m.header.stamp), DEEP
    )

    def states() -> list[int]:
        return [stamp for name, stamp in order if name == "joint_states"]

    me.wait_for(lambda: {name for name, _ in order} >= {"goal_pose", "clock"}, "all topics")
    me.wait_for(lambda: len(states()) > 50, "50 states")
    whole = sorted(set.intersection(*({s for n, s in order if n == name} for name, _ in order)))
    assert np.diff(whole[5:]).tolist() == [10_000_000] * (len(whole) - 6)
    for stamp in whole[5:]:
        names = [name for name, s in order if s == stamp]
        assert names == ["object_pose", "goal_pose", "clock", "joint_states"]


def test_joint_states_name_arm_and_fingers_in_the_base_frame(arm: Arm) -> None:
    latest = arm.joints[-1]

    assert latest.name == [*PANDA.joint_names, *PANDA.gripper.joint_names]
    assert len(latest.position) == len(latest.velocity) == 9
    assert arm.objects[-1].header.frame_id == arm.goals[-1].header.frame_id == "panda_link0"
    assert arm.width == pytest.approx(0.08, abs=2e-3)


def test_the_same_seed_resets_to_identical_poses(arm: Arm) -> None:
    def start(seed: int) -> tuple[list[float], list[float]]:
        """Object and goal of the first state after a reset, which is the first with its goal."""
        before = pose(arm.goals[-1])
        del arm.objects[:], arm.goals[:]
        assert arm.me.call(ResetWorld, "reset_world", seed=seed).success
        new = arm.me.first(arm.goals, lambda goal: pose(goal) != before, "the new goal")
        stamp = new.header.stamp
        at_start = arm.me.first(arm.objects, lambda m: m.header.stamp == stamp, "its object")
        return pose(at_start), pose(new)

    first, other, again = start(41), start(42), start(41)

    assert again == first
    assert np.linalg.norm(np.subtract(first[0][:2], other[0][:2])) > 1e-3


def test_a_reset_puts_the_arm_home_from_one_state_to_the_next(arm: Arm) -> None:
    arm.send(PANDA.home + 0.3, time=0.1)
    arm.me.wait_for(lambda: np.abs(arm.position - PANDA.home).max() > 0.25, "the arm to move")
    del arm.joints[:-1]

    assert arm.me.call(ResetWorld, "reset_world", seed=3).success
    arm.me.wait_for(lambda: np.abs(arm.position - PANDA.home).max() < 0.2, "the arm to come home")
    arm.see(5)

    away = [np.abs(np.array(m.position[:7]) - PANDA.home).max() for m in arm.joints]
    home = next(k for k, distance in enumerate(away) if distance < 0.2)
    assert min(away[:home]) > 0.25
    assert max(away[home:]) < 1e-2


def test_a_seed_that_makes_no_sense_is_refused(arm: Arm) -> None:
    answer = arm.me.call(ResetWorld, "reset_world", seed=-2)

    assert not answer.success
    assert "seed must be 0 or more, or -1 for the next start" in answer.message


def test_the_arm_follows_a_trajectory_by_joint_name(arm: Arm) -> None:
    wanted = PANDA.home + 0.05 * np.arange(7)

    arm.send(wanted[::-1], PANDA.joint_names[::-1])

    arm.me.wait_for(lambda: np.abs(arm.position - wanted).max() < 5e-3, "the arm to arrive")


def test_without_a_command_the_arm_holds(arm: Arm) -> None:
    arm.see(50)

    assert np.abs(arm.position - PANDA.home).max() < 5e-3


def test_wrong_joint_names_are_refused_with_both_lists_and_the_arm_holds(
    arm: Arm, sim: NodeProcess
) -> None:
    wrong = tuple(name.replace("panda", "fr3") for name in PANDA.joint_names)

    start = time.monotonic()
    for _ in range(20):
        arm.send(PANDA.home + 0.5, wrong)
        arm.see(1)

    arm.me.wait_for(lambda: "trajectory refused" in sim.output, "the refusal")
    refusals = [line for line in sim.output.splitlines() if "trajectory refused" in line]
    assert len(refusals) <= 1.0 + (time.monotonic() - start)  # at most one a second
    assert ", ".join(wrong) in refusals[0]
    assert ", ".join(PANDA.joint_names) in refusals[0]
    assert np.abs(arm.position - PANDA.home).max() < 5e-3


def test_the_gripper_follows_its_command(arm: Arm) -> None:
    arm.grip(0.0)

    arm.me.wait_for(lambda: arm.width < 0.01, "the gripper to close")


def test_a_drop_forces_the_gripper_open_for_a_moment(arm: Arm) -> None:
    arm.grip(0.0)
    arm.me.wait_for(lambda: arm.width < 0.01, "the gripper to close")

    answer = arm.me.call(PerturbWorld, "perturb_world", kind=PerturbWorld.Request.DROP_OBJECT)

    assert answer.success
    arm.me.wait_for(lambda: arm.width > 0.02, "the gripper to open")
    arm.me.wait_for(lambda: arm.width < 0.01, "the gripper to close again")


def test_a_push_moves_the_object(arm: Arm) -> None:
    before = pose(arm.objects[-1])

    answer = arm.me.call(
        PerturbWorld,
        "perturb_world",
        kind=PerturbWorld.Request.PUSH_OBJECT,
        vector=Vector3(y=0.5),
    )

    assert answer.success, answer.message
    arm.me.wait_for(lambda: pose(arm.objects[-1])[1] - before[1] > 5e-3, "the object to move")


def test_the_goal_moves(arm: Arm) -> None:
    before = pose(arm.goals[-1])

    answer = arm.me.call(
        PerturbWorld, "perturb_world", kind=PerturbWorld.Request.MOVE_GOAL, vector=Vector3(z=0.1)
    )

    assert answer.success, answer.message
    arm.me.wait_for(lambda: pose(arm.goals[-1])[2] > before[2] + 0.09, "the goal to move")


@pytest.mark.parametrize(
    ("kind", "vector", "message"),
    [
        (0, Vector3(x=30.0), "a push must be in (0, 3.0] m/s, got 30 m/s"),
        (2, Vector3(z=-5.0), "the goal must stay on or above the table"),
        (9, Vector3(), "kind 9 does not exist"),
    ],
)
def test_a_disturbance_that_makes_no_sense_is_refused(
    arm: Arm, kind: int, vector: Vector3, message: str
) -> None:
    answer = arm.me.call(PerturbWorld, "perturb_world", kind=kind, vector=vector)

    assert not answer.success
    assert message in answer.message


def test_real_time_is_kept_within_one_percent_or_the_node_says_that_it_was_late(arm: Arm) -> None:
    diagnostics = arm.me.hear(DiagnosticArray, "/diagnostics", DEEP)
    delays: list[tuple[float, float]] = []
    arm.me.node.create_subscription(
        Clock, "/clock", lambda m: delays.append((time.monotonic(), seconds(m.clock))), DEEP
    )

    def overruns() -> int:
        count = len(diagnostics)
        arm.me.wait_for(lambda: diagnosis(diagnostics[count:], "sim_node"), "diagnostics")
        return int(diagnosis(diagnostics, "sim_node")["overruns"])

    def span() -> float:
        return delays[-1][0] - delays[0][0] if delays else 0.0

    before = overruns()
    delays.clear()
    arm.me.wait_for(lambda: span() > 3.0, "3 s to go by")
    # The least delayed message of each end: what a busy machine adds does not count.
    half = len(delays) // 2
    first, last = (min(wall - sim for wall, sim in part) for part in (delays[:half], delays[half:]))
    assert abs(last - first) < 0.01 * span() / 2 or overruns() > before
