"""Runs episodes of a task one after the other and counts how many succeed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from math import inf
from typing import Any, TypeVar

from introspect_msgs.action import ExecuteTask, MoveTo
from introspect_msgs.msg import ArmStatus, GuardStatus
from introspect_msgs.srv import ResetWorld
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.client import Client
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.task import Future
from std_srvs.srv import Trigger

from introspect_control.bridge import STOPPED_BY_HAND
from introspect_control.nodes.runtime import (
    LATCHED,
    ConfigurationError,
    ManagedNode,
    NodeParameters,
    parameter,
    spin,
)
from introspect_description import ArmDescription, DescriptionError
from introspect_sim.episodes import Episode, EpisodeLog
from introspect_sim.tasks import POLICY_PERIOD, make_task

ASK_AGAIN = 10.0  # where no answer comes [s of wall time]
PAGE_PATIENCE = 20.0  # with dashboard_node [s of wall time]
REMIND = 5.0  # between two lines about what is being waited for [s of wall time]
TICK = 0.1  # of looks at what sends no message when it changes [s of wall time]
IDLE, FAULT = GuardStatus.IDLE, GuardStatus.FAULT
HOMINGS = 3  # tries
MOCK_HOMINGS = 8  # the same where no person is in the way: a mock arm's fault may last some seconds
RECOVERIES = 20  # tries
AGAIN = 1.0  # between two tries of either [s of wall time]
T = TypeVar("T")


@dataclass(frozen=True)
class TaskParameters(NodeParameters):
    """Which episodes to run."""

    arm: str = parameter("panda", "arm, by the name of its data file")
    task: str = parameter("pick_and_place", "task of the episodes")
    episodes: int = parameter(0, "number of episodes; 0: until stopped", minimum=0)
    seed: int = parameter(0, "of the first start; the next ones count up", minimum=0)
    timeout: float = parameter(0.0, "longest episode [s]; 0: the task's own", minimum=0.0)
    reset: bool = parameter(True, "put the object back by reset_world before each episode")
    rearm: bool = parameter(
        True,
        "re-arm after a fault without asking, unless somebody has called guard/stop: where nobody "
        "can be hurt",
    )
    home: bool = parameter(False, "bring the arm home by move_to before each episode")
    view: bool = parameter(False, "whether dashboard_node has to be up before the first episode")


class TaskNode(ManagedNode[TaskParameters]):
    """For each episode: bring the arm home, reset the world, let the policy try, say how it went.

    Ends the process when all episodes have run: exit code 0 if enough of them succeeded, else 1.
    """

    def __init__(self) -> None:
        super().__init__("task_node", TaskParameters)

    def configure(self) -> None:
        """Make the clients."""
        try:
            make_task(self.parameters.task)
            self._open = ArmDescription.load(self.parameters.arm).gripper.width_max  # [m]
        except (DescriptionError, ValueError) as error:
            raise ConfigurationError(str(error)) from error
        self._log = EpisodeLog(self.parameters.episodes)
        self._guard: GuardStatus | None = None
        self._arm = ArmStatus(state=ArmStatus.READY)  # where no arm says how it is
        self._reset = self.create_client(ResetWorld, "reset_world")
        self._rearm = self.create_client(Trigger, "guard/rearm")
        self._recover = self.create_client(Trigger, "arm/recover")
        self._execute = ActionClient(self, ExecuteTask, "execute_task")
        self._move = ActionClient(self, MoveTo, "move_to")
        self.create_subscription(GuardStatus, "guard/status", self._on_guard, LATCHED)
        self.create_subscription(ArmStatus, "arm/status", self._on_arm, LATCHED)
        self._goal: ClientGoalHandle | None = None
        self._script: Coroutine[None, None, None] | None = None

    def activate(self) -> None:
        """Begin with the episodes."""
        self._script = self._run()
        self.create_timer(TICK, self._go_on, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def deactivate(self) -> None:
        """Give the present episode up; it does not count."""
        if self._script is not None:
            self._script.close()
            self._script = None
        if self._goal is not None:
            self._goal.cancel_goal_async()

    def cleanup(self) -> None:
        """Say what the run came to, also when it was interrupted."""
        print(self._log.summary(), flush=True)
        self._execute.destroy()
        self._move.destroy()

    async def _run(self) -> None:
        """All episodes, then the end."""
        try:
            if self.parameters.view:
                await self._page_is_up()
            while not self._log.complete:
                seed = self.parameters.seed + len(self._log.episodes)
                print(self._log.add(await self._episode(seed)), flush=True)
        except Exception as error:
            self.get_logger().fatal(str(error))
            self.finish(1)
        else:
            self.finish(self._log.exit_code)

    async def _page_is_up(self) -> None:
        """Wait for the page: it takes a core for seconds to load, which the policy would miss."""
        topic = self.resolve_topic_name("guard/status")

        def seen() -> bool:
            watching = self.get_subscriptions_info_by_topic(topic)
            return any(info.node_name == "dashboard_node" for info in watching)

        if not await self._until(seen, "the page (dashboard_node)", PAGE_PATIENCE):
            self.get_logger().warning(f"no page after {PAGE_PATIENCE:.0f} s: going on without it")

    async def _episode(self, seed: int) -> Episode:
        await self._everybody_is_ready()
        if self.parameters.home:
            await self._go_home()
        if self.parameters.reset:
            reset = await self._call(self._reset, ResetWorld.Request(seed=seed))
            if not reset.success:
                raise RuntimeError(f"reset_world refused: {reset.message}")
        goal = ExecuteTask.Goal(task=self.parameters.task, timeout=self.parameters.timeout)
        result = await self._result(self._execute, goal, "execute_task", "the episode to end")
        if result is None:
            return Episode(seed, False, 0, 0.0, float("nan"), "execute_task has gone")
        return Episode(
            seed,
            result.success,
            result.steps,
            result.steps * POLICY_PERIOD,
            result.final_distance,
            result.message,
        )

    async def _go_home(self) -> None:
        """Bring the arm home with an open gripper; where that fails, re-arm and try again."""
        tries = MOCK_HOMINGS if self.parameters.rearm else HOMINGS
        for _ in range(tries):
            goal = MoveTo.Goal(name="home", move_gripper=True, gripper_width=self._open)
            result = await self._result(self._move, goal, "move_to", "the arm to be home")
            if result is not None and result.success:
                return
            reason = "move_to has gone" if result is None else result.message
            self.get_logger().warning(f"the arm did not come home: {reason}")
            self.diagnostics.count("homing failed")
            await self._until(lambda: False, "the next try", AGAIN)
            await self._everybody_is_ready()
        raise RuntimeError(f"the arm did not come home in {tries} tries; the last: {reason}")

    async def _result(self, client: ActionClient, goal: Any, what: str, end: str) -> Any:
        """Set a goal and wait for its result; None where the server has gone meanwhile."""
        await self._until(client.server_is_ready, what)
        self._goal = await self._answer(lambda: client.send_goal_async(goal), what)
        if not self._goal.accepted:
            self._goal = None
            raise RuntimeError(f"{what} refused the goal; its node's log says why")
        ended = self._goal.get_result_async()
        ended.add_done_callback(self._go_on)
        await self._until(lambda: ended.done() or not client.server_is_ready(), end)
        self._goal = None
        return ended.result().result if ended.done() else None

    async def _everybody_is_ready(self) -> None:
        """Wait for the others, and for the arm to be at rest and ready to be commanded."""
        reset, home = self.parameters.reset, self.parameters.home
        for ready, what in (
            (
                lambda: not reset or self._reset.service_is_ready(),
                "reset_world (is sim_node running?)",
            ),
            (
                lambda: not home or self._move.server_is_ready(),
                "move_to (is planner_node running?)",
            ),
            (self._execute.server_is_ready, "execute_task (is behaviour_node running?)"),
            (
                lambda: self.count_publishers("behaviour"),
                "behaviour (is choreographer_node running?)",
            ),
            (lambda: self._guard is not None, "guard/status (is arm_bridge_node running?)"),
            (lambda: self._guard.state in (IDLE, FAULT), "the arm to come to rest"),
        ):
            await self._until(ready, what)
        if self._stopped:
            await self._end_fault()

    @property
    def _stopped(self) -> str:
        """What somebody has to end before the arm moves again; empty if there is nothing."""
        if self._guard.state == FAULT:
            return f"in FAULT ({self._guard.reason})"
        reflex = self._arm.state == ArmStatus.REFLEX
        return f"stopped by a reflex ({self._arm.reason})" if reflex else ""

    @property
    def _stopped_by_hand(self) -> bool:
        return self._guard.state == FAULT and self._guard.reason == STOPPED_BY_HAND

    async def _end_fault(self) -> None:
        """Recover and re-arm, or wait until a person has."""
        if self._stopped_by_hand or not self.parameters.rearm:
            self.get_logger().error(
                f"{self._stopped}; look at the arm, then arm/recover and guard/rearm"
            )
            await self._until(lambda: not self._stopped, "guard/rearm")
            return
        self.get_logger().warning(f"re-arming: {self._stopped}")
        self.diagnostics.count("re-armed")
        refusal = ""
        for _ in range(RECOVERIES):
            if self._recover.service_is_ready():  # refused while the arm still brakes
                answer = await self._call(self._recover, Trigger.Request())
                refusal = "" if answer.success else answer.message
            answer = await self._call(self._rearm, Trigger.Request())
            if not answer.success:
                raise RuntimeError(f"guard/rearm refused: {answer.message}")
            if await self._until(lambda: not self._stopped, "the arm to be re-armed", AGAIN):
                return
            if self._stopped_by_hand:
                await self._end_fault()
                return
        raise RuntimeError(
            f"still {self._stopped} after {RECOVERIES} tries"
            + (f"; arm/recover refused: {refusal}" if refusal else "")
        )

    async def _call(self, client: Client, request: Any) -> Any:
        """Call a service once it is there: a request sent too early is lost for good."""
        await self._until(client.service_is_ready, client.srv_name)
        return await self._answer(lambda: client.call_async(request), client.srv_name)

    async def _answer(self, ask: Callable[[], Future[T]], what: str) -> T:
        """Ask, and ask again when no answer comes.

        A server that has not met the client yet, as on a busy machine, gives up answering after a
        tenth of a second. It may have done what it was asked to: only ask what can be done twice.
        """
        asked: list[Future[T]] = []

        def answered() -> bool:
            if time.monotonic() >= start + len(asked) * ASK_AGAIN:
                asked.append(ask())
                asked[-1].add_done_callback(self._go_on)
            return any(future.done() for future in asked)

        start = time.monotonic()
        await self._until(answered, f"{what} to answer")
        return next(future.result() for future in asked if future.done())

    async def _until(self, condition: Callable[[], bool], what: str, patience: float = inf) -> bool:
        """Wait until a condition holds, saying now and then what is missing; whether it does."""
        start = reminded = time.monotonic()
        while not condition() and time.monotonic() < start + patience:
            if time.monotonic() - reminded > REMIND:
                reminded = time.monotonic()
                self.get_logger().info(f"waiting for {what}, {reminded - start:.0f} s so far")
            await _Event()
        return condition()

    def _go_on(self, _: object = None) -> None:
        """Resume the script: something has happened, or time has gone by.

        rclpy's executors could run it as a task, but they do not wait for what a task awaits: they
        ask it again and again, with all the processor time that there is.
        """
        script = self._script
        if script is None or script.cr_running:
            return
        try:
            script.send(None)
        except StopIteration:
            self._script = None

    def _on_guard(self, message: GuardStatus) -> None:
        self._guard = message
        self._go_on()

    def _on_arm(self, message: ArmStatus) -> None:
        self._arm = message
        self._go_on()


class _Event:
    """Whatever happens next; ``TaskNode._go_on`` resumes who awaits it."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def main() -> None:
    """Run the node."""
    sys.exit(spin(TaskNode))


if __name__ == "__main__":
    main()
