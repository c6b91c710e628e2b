"""Episodes are run one after the other, told in a line each, and their success is the exit code."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from introspect_msgs.action import ExecuteTask, MoveTo
from introspect_msgs.msg import ArmStatus, BehaviourStatus, GuardStatus
from introspect_msgs.srv import ResetWorld
from live_graph import NodeProcess, Peer, peer
from rclpy.action import ActionServer
from rclpy.duration import Duration
from rclpy.node import Node
from std_srvs.srv import Trigger

from introspect_control.nodes.runtime import LATCHED, STREAM

MODULE = "introspect_sim.nodes.task_node"


class LostAnswerError(Exception):
    """Leaves a callback of the test's own node, so that no answer is sent."""


class Others:
    """All that the task node talks to; episodes end at once, as ``successes`` says."""

    def __init__(self, me: Peer) -> None:
        self.me = me
        self.seeds: list[int] = []
        self.tasks: list[str] = []
        self.successes: list[bool] = []
        self.rearmed = 0
        self.answers_to_lose = 0
        self.timeouts: list[float] = []
        self.homings: list[MoveTo.Goal] = []
        self.failed_homings = 0  # still to come
        self.refused_recoveries = 0  # still to come
        self.reflex = ""  # at the end of the first episode
        self.happened: list[str] = []
        me.node.create_service(Trigger, "arm/recover", self._on_recover)
        self._guard = me.node.create_publisher(GuardStatus, "guard/status", LATCHED)
        self._arm = me.node.create_publisher(ArmStatus, "arm/status", LATCHED)
        me.node.create_publisher(BehaviourStatus, "behaviour", STREAM)
        me.node.create_service(ResetWorld, "reset_world", self._on_reset)
        me.node.create_service(Trigger, "guard/rearm", self._on_rearm)
        self._server = ActionServer(me.node, ExecuteTask, "execute_task", self._execute)
        self._mover = ActionServer(me.node, MoveTo, "move_to", self._move)

    def guard(self, state: int, reason: str = "") -> None:
        """Publish the guard's state."""
        self._guard.publish(GuardStatus(state=state, reason=reason))

    def arm(self, state: int, reason: str = "") -> None:
        """Publish the arm's state."""
        self._arm.publish(ArmStatus(state=state, reason=reason, speed_scaling=1.0))

    def close(self) -> None:
        """Stop serving goals."""
        if self._server is not None:
            self._server.destroy()
            self._mover.destroy()
            self._server = None

    def _on_reset(
        self, request: ResetWorld.Request, response: ResetWorld.Response
    ) -> ResetWorld.Response:
        self.seeds.append(request.seed)
        self.happened.append("reset")
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            raise LostAnswerError
        response.success = True
        return response

    def _on_rearm(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.rearmed += 1
        self.happened.append("rearmed")
        self.guard(GuardStatus.IDLE)
        response.success = True
        return response

    def _on_recover(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self.refused_recoveries:
            self.refused_recoveries -= 1
            response.message = "the arm still moves; wait until it is at rest"
            return response
        self.happened.append("recovered")
        self.arm(ArmStatus.READY)
        response.success = True
        return response

    async def _move(self, handle) -> MoveTo.Result:
        self.homings.append(handle.request)
        self.happened.append("home")
        if self.failed_homings:
            self.failed_homings -= 1
            handle.abort()
            return MoveTo.Result(success=False, message="something is in the way")
        handle.succeed()
        return MoveTo.Result(success=True)

    async def _execute(self, handle) -> ExecuteTask.Result:
        self.tasks.append(handle.request.task)
        self.timeouts.append(handle.request.timeout)
        self.happened.append("episode")
        success = self.successes[len(self.tasks) - 1]
        if self.reflex:
            self.arm(ArmStatus.REFLEX, self.reflex)
            self.reflex = ""
            self._arm.wait_for_all_acked(Duration(seconds=5))
            time.sleep(0.5)  # acknowledged is not heard yet
        handle.succeed()
        return ExecuteTask.Result(
            success=success, steps=60, final_distance=0.012, message="" if success else "time is up"
        )


@pytest.fixture
def others(ros_domain: int) -> Iterator[Others]:
    with peer() as me:
        others = Others(me)
        others.guard(GuardStatus.IDLE)
        yield others
        others.close()


def run(others: Others, process: NodeProcess) -> int:
    """Serve until the process ends; its exit code."""
    others.me.wait_for(lambda: not process.running, "the task node to end")
    return process.end()


def lines(process: NodeProcess) -> list[str]:
    """Output without the log."""
    return [line for line in process.output.splitlines() if not line.startswith("[")]


def test_episodes_take_one_seed_each_and_their_success_is_the_exit_code(others: Others) -> None:
    others.successes = [True] * 3

    with NodeProcess(MODULE, {"episodes": 3, "seed": 7}) as process:
        assert run(others, process) == 0

    assert others.seeds == [7, 8, 9]
    assert others.tasks == ["pick_and_place"] * 3


def test_each_episode_is_one_line_and_the_summary_is_the_last(others: Others) -> None:
    others.successes = [True, False]

    with NodeProcess(MODULE, {"episodes": 2}) as process:
        assert run(others, process) == 1
        first, second, summary = lines(process)

    said = "in 2.40 s (60 steps), 1.2 cm from the goal"
    assert first == f"episode 1 of 2 (seed 0): succeeded {said}"
    assert second == f"episode 2 of 2 (seed 1): failed {said}: time is up"
    assert summary == "1 of 2 succeeded (50.0 %), mean 2.4 s"


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_prints_the_summary_so_far_and_is_no_failure(
    others: Others, signal_number: int
) -> None:
    others.successes = [True] * 10_000

    with NodeProcess(MODULE) as process:
        others.me.wait_for(lambda: len(lines(process)) >= 2, "two episodes")
        process.send(signal_number)
        assert run(others, process) == 0
        *episodes, summary = lines(process)

    assert all(line.startswith("episode ") for line in episodes)
    assert summary.startswith(f"{len(episodes)} of {len(episodes)} succeeded (100.0 %)")


def test_it_says_what_it_waits_for_while_nobody_is_there(ros_domain: int) -> None:
    with peer() as me, NodeProcess(MODULE) as process:
        me.wait_for(lambda: "waiting for" in process.output, "a word about the wait")
        assert "waiting for reset_world (is sim_node running?), 5 s so far" in process.output
        assert process.interrupt() == 0
        assert lines(process) == ["no episode was completed"]


def test_a_fault_is_rearmed_with_a_warning_before_the_next_episode(others: Others) -> None:
    others.successes = [True]
    others.guard(GuardStatus.FAULT, "no policy action for 0.12 s")

    with NodeProcess(MODULE, {"episodes": 1}) as process:
        assert run(others, process) == 0
        assert "re-arming: in FAULT (no policy action for 0.12 s)" in process.output

    assert others.rearmed == 1


def test_no_episode_begins_before_the_arm_is_at_rest(others: Others) -> None:
    others.successes = [True]
    others.guard(GuardStatus.STOPPING)

    with NodeProcess(MODULE, {"episodes": 1}) as process:
        text = "waiting for the arm to come to rest"
        others.me.wait_for(lambda: text in process.output, "a word about the wait")
        assert not others.seeds
        others.guard(GuardStatus.IDLE)
        assert run(others, process) == 0


ENDLESS_POLICY = """
from rclpy.action import ActionServer
from rclpy.node import Node
from rclpy.node import Node
from rclpy.task import Future
from introspect_control.nodes.runtime import spin
from introspect_msgs.action import ExecuteTask, MoveTo

class EndlessPolicy(Node):
    def __init__(self):
        super().__init__("endless_policy")
        self.server = ActionServer(self, ExecuteTask, "execute_task", self.execute)

    async def execute(self, handle):
        print("executing", flush=True)
        await Future()

    def destroy_node(self):
        self.server.destroy()
        super().destroy_node()

spin(EndlessPolicy)
"""


def test_an_episode_whose_policy_has_gone_is_a_failure_and_not_a_wait_for_ever(
    others: Others, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others.close()
    (tmp_path / "endless_policy.py").write_text(ENDLESS_POLICY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)

    with NodeProcess("endless_policy") as policy, NodeProcess(MODULE, {"episodes": 1}) as process:
        others.me.wait_for(lambda: "executing" in policy.output, "the goal")
        policy.interrupt()
        assert run(others, process) == 1
        assert "execute_task has gone" in lines(process)[0]


def test_an_unknown_task_is_one_clear_line_and_exit_code_two(ros_domain: int) -> None:
    with NodeProcess(MODULE, {"task": "juggle"}) as process:
        assert process.end() == 2
        assert "task 'juggle' does not exist; choose one of pick_and_place" in process.output
        assert "Traceback" not in process.output


def test_a_request_that_is_not_answered_is_made_again(others: Others) -> None:
    others.answers_to_lose = 1
    others.successes = [True]
    with NodeProcess(MODULE, {"episodes": 1}) as process:
        with pytest.raises(LostAnswerError):
            run(others, process)

        assert run(others, process) == 0
        assert others.seeds == [0, 0]
        assert "waiting for reset_world to answer" in process.output


def test_the_first_episode_waits_for_the_page_where_there_is_to_be_one(others: Others) -> None:
    others.successes = [True]
    with NodeProcess(MODULE, {"episodes": 1, "view": True}) as process:
        others.me.wait_for(lambda: "waiting for the page" in process.output, "a reminder")
        assert others.seeds == []

        page = Node("dashboard_node")
        page.create_subscription(GuardStatus, "guard/status", lambda _: None, LATCHED)

        assert run(others, process) == 0
        assert others.seeds == [0]
        page.destroy_node()


def test_the_arm_comes_home_with_an_open_gripper_before_each_episode(others: Others) -> None:
    others.successes = [True] * 2

    with NodeProcess(MODULE, {"episodes": 2, "home": True, "timeout": 30.0}) as process:
        assert run(others, process) == 0

    assert others.happened == ["home", "reset", "episode"] * 2
    assert {goal.name for goal in others.homings} == {"home"}
    assert [goal.gripper_width for goal in others.homings] == pytest.approx([0.08] * 2)
    assert others.timeouts == [30.0, 30.0]


def test_an_arm_that_did_not_come_home_is_sent_again(others: Others) -> None:
    others.successes, others.failed_homings = [True], 5

    with NodeProcess(MODULE, {"episodes": 1, "home": True}) as process:
        assert run(others, process) == 0
        assert "the arm did not come home: something is in the way" in process.output

    assert others.happened == [*["home"] * 6, "reset", "episode"]


@pytest.mark.parametrize(("rearm", "tries"), [(True, 8), (False, 3)])
def test_an_arm_that_never_comes_home_ends_the_run(others: Others, rearm: bool, tries: int) -> None:
    """A real arm, which only a person re-arms, sooner."""
    others.failed_homings = 100

    with NodeProcess(MODULE, {"episodes": 1, "home": True, "rearm": rearm}) as process:
        assert run(others, process) == 1
        said = f"the arm did not come home in {tries} tries; the last: something"
        assert said in process.output

    assert others.happened == ["home"] * tries
    assert others.tasks == []


def test_without_reset_the_object_is_taken_where_it_is(others: Others) -> None:
    others.successes = [True]

    with NodeProcess(MODULE, {"episodes": 1, "reset": False}) as process:
        assert run(others, process) == 0

    assert others.seeds == []


def test_a_mock_arm_is_recovered_and_rearmed_after_a_fault(others: Others) -> None:
    others.successes = [True]
    others.guard(GuardStatus.FAULT, "the arm is stopped by a reflex: too fast")

    with NodeProcess(MODULE, {"episodes": 1}) as process:
        assert run(others, process) == 0

    assert others.happened == ["recovered", "rearmed", "reset", "episode"]


def test_a_reflex_is_ended_too_where_the_guard_found_nothing_wrong(others: Others) -> None:
    """As when it came while the arm was coming to rest; and an arm that brakes takes a moment."""
    others.successes = [True, True]
    others.reflex = "panda_joint2 was accelerated with 7.9 rad/s^2"
    others.refused_recoveries = 1

    with NodeProcess(MODULE, {"episodes": 2, "home": True}) as process:
        assert run(others, process) == 0
        assert "re-arming: stopped by a reflex (panda_joint2 was accelerated" in process.output

    assert others.happened == [
        *("home", "reset", "episode"),
        *("rearmed", "recovered", "rearmed"),
        *("home", "reset", "episode"),
    ]


@pytest.mark.parametrize(
    ("rearm", "reason"), [(False, "no policy action for 0.12 s"), (True, "stopped by guard/stop")]
)
def test_a_real_arm_waits_in_its_fault_for_a_person_and_so_does_one_that_a_person_stopped(
    others: Others, rearm: bool, reason: str
) -> None:
    # given
    others.successes = [True]
    others.guard(GuardStatus.FAULT, reason)
    with NodeProcess(MODULE, {"episodes": 1, "rearm": rearm, "reset": False}) as process:
        others.me.wait_for(lambda: "look at the arm" in process.output, "a word")
        assert others.happened == []

        # when a person has re-armed it
        others.guard(GuardStatus.IDLE)

        # then
        assert run(others, process) == 0
    assert others.happened == ["episode"]
