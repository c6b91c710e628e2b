"""A person's hand on the arm: ``introspect arm`` becomes this program."""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from introspect_msgs.action import MoveTo
from introspect_msgs.msg import GuardStatus
from introspect_msgs.srv import InjectFault
from rcl_interfaces.srv import GetParameters
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from introspect_control.nodes.middleware import enter_graph
from introspect_control.nodes.runtime import LATCHED, end, make_executor
from introspect_description import ArmDescription

NAME = "introspect_arm"
COUNTDOWN = 3  # before an arm is armed [s]
PATIENCE = 10.0  # with a service, discovery included [s]
_ASK_AGAIN = 3.0  # where no answer comes [s]
_WAKE_UP = 0.05  # [s]
_STATES = {
    GuardStatus.IDLE: "idle",
    GuardStatus.ACTIVE: "moving",
    GuardStatus.STOPPING: "stopping",
    GuardStatus.FAULT: "in FAULT until: introspect arm rearm",
}


class ArmError(Exception):
    """What was asked for could not be done; the text says why."""


class ArmTerminal:
    """Talks to the arm bridge and the planner on behalf of a person.

    Args:
        namespace: of the system, absolute.
        patience: with a service, discovery included [s].
    """

    def __init__(self, namespace: str, patience: float = PATIENCE) -> None:
        self._patience = patience
        self.node = Node(NAME, namespace=namespace, enable_rosout=False)
        self.node.executor = self._executor = make_executor()
        self._executor.add_node(self.node)
        self.guard: GuardStatus | None = None
        self.node.create_subscription(GuardStatus, "guard/status", self._on_guard, LATCHED)

    def which(self) -> str:
        """Name of the arm that the bridge drives.

        Raises:
            ArmError: No bridge answers.
        """
        answer = self.call("arm_bridge_node/get_parameters", kind=GetParameters, names=["arm"])
        return str(answer.values[0].string_value)

    def check(self) -> bool:
        """Print all that must be right before the arm may move, and whether it is."""
        answer = self.call("guard/check")
        self.wait(lambda: self.guard is not None, "guard/status")
        for line in answer.message.splitlines():
            what, _, problem = line.partition(": ")
            mark = "ok     " if problem == "ok" else "PROBLEM"
            print(f"  {mark}  {what}" + ("" if problem == "ok" else f": {problem}"))
        state = _STATES.get(self.guard.state, "in an unknown state")
        if self.guard.state == GuardStatus.IDLE:
            state += ", ready for commands" if answer.success else ", but not ready for commands"
        elif self.guard.reason:
            state += f" ({self.guard.reason})"
        print(f"the arm is {state}")
        return bool(answer.success)

    def rearm(self, countdown: bool) -> None:
        """End a fault, or arm the arm for the first time.

        Raises:
            ArmError: The bridge refuses.
        """
        self.check()
        for seconds in range(COUNTDOWN if countdown else 0, 0, -1):
            print(f"armed in {seconds} s; Ctrl-C stops that", flush=True)
            time.sleep(1.0)
        self._say("guard/rearm", again=False)

    def recover(self) -> None:
        """End a reflex of the arm, by its driver."""
        self._say("arm/recover", again=False)

    def stop(self) -> None:
        """Stop the arm until it is armed again."""
        self._say("guard/stop", again=True)

    def fault(self, fault: str, value: float, delay: float, duration: float) -> None:
        """Let something go wrong in a mock arm (see ``InjectFault``).

        Raises:
            ArmError: It is no mock arm, or it refuses.
        """
        self._say(
            "inject_fault",
            again=False,
            kind=InjectFault,
            hint="has the running system a mock arm?",
            fault=fault,
            value=value,
            delay=delay,
            duration=duration,
        )

    def move(self, goal: MoveTo.Goal) -> None:
        """Plan and move, with a line of progress; Ctrl-C cancels.

        Raises:
            ArmError: There is no planner, or the motion failed.
        """
        client = ActionClient(self.node, MoveTo, "move_to")
        try:
            result = self._move(client, goal)
        finally:
            client.destroy()  # it would keep the node on the graph
        print(end="\r\x1b[K" if sys.stderr.isatty() else "", file=sys.stderr)
        if not result.success:
            raise ArmError(result.message)
        print(f"there: planned in {result.planning_time:.2f} s, moved for {result.duration:.1f} s")

    def _move(self, client: ActionClient, goal: MoveTo.Goal) -> MoveTo.Result:
        self.wait(client.server_is_ready, "move_to (is planner_node running?)")
        sent = client.send_goal_async(goal, feedback_callback=_tell)
        try:
            handle = self._result(sent)
            if not handle.accepted:
                raise ArmError("move_to refused the goal; planner_node's log says why")
            ended = handle.get_result_async()
            while not ended.done():
                self._executor.spin_once(timeout_sec=_WAKE_UP)
        except KeyboardInterrupt:
            ended = self._cancel(sent)
        return ended.result().result

    def _cancel(self, sent: Future[Any]) -> Future[Any]:
        """Cancel a goal that was sent, answered or not, and wait until the arm stops."""
        handle = self._result(sent)
        ended = handle.get_result_async()
        self._result(handle.cancel_goal_async())
        self.wait(ended.done, "the arm to stop")
        return ended

    def call(
        self,
        service: str,
        again: bool = True,
        kind: Any = Trigger,
        hint: str = "is the system running?",
        **request: Any,
    ) -> Any:
        """Call a service.

        Args:
            service: its name.
            again: ask once more where no answer comes, for an answer can be lost; not where what
                was done may have been undone for a reason meanwhile.
            kind: type of the service.
            hint: at what may be the matter where there is none.
            request: fields of the request.

        Raises:
            ArmError: There is no such service, or no answer.
        """
        client = self.node.create_client(kind, service)
        self.wait(client.service_is_ready, f"{service} ({hint})")
        asked = [client.call_async(kind.Request(**request))]
        since = time.monotonic()
        while not any(future.done() for future in asked):
            self._executor.spin_once(timeout_sec=_WAKE_UP)
            if again and time.monotonic() - since > _ASK_AGAIN * len(asked):
                asked.append(client.call_async(kind.Request(**request)))
            if time.monotonic() - since > self._patience:
                raise ArmError(f"{service} does not answer; see: introspect arm check")
        return next(future.result() for future in asked if future.done())

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Let messages come in until a condition holds.

        Raises:
            ArmError: It does not for too long.
        """
        deadline = time.monotonic() + self._patience
        while not condition():
            self._executor.spin_once(timeout_sec=_WAKE_UP)
            if time.monotonic() > deadline:
                space = self.node.get_namespace()
                raise ArmError(f"nothing of {what} in namespace {space} for {self._patience:.0f} s")

    def close(self) -> None:
        """Free the node."""
        end(self.node)

    def _result(self, future: Future[Any]) -> Any:
        self.wait(future.done, "an answer")
        return future.result()

    def _say(self, service: str, again: bool, **more: Any) -> None:
        answer = self.call(service, again, **more)
        if not answer.success:
            raise ArmError(answer.message)
        print(answer.message)

    def _on_guard(self, message: GuardStatus) -> None:
        self.guard = message


def _tell(feedback: Any) -> None:
    if sys.stderr.isatty():
        text = f"{feedback.feedback.stage} {feedback.feedback.progress:.0%}"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def pose_goal(name: str, speed: float, open_gripper_of: str) -> MoveTo.Goal:
    """A named pose as a goal, with the gripper of an arm open unless that is empty."""
    goal = MoveTo.Goal(name=name, speed=speed)
    if open_gripper_of:
        goal.move_gripper = True
        goal.gripper_width = ArmDescription.load(open_gripper_of).gripper.width_max
    return goal


def main(words: Sequence[str] | None = None) -> int:
    """Do one thing, as words ask that ``introspect arm`` has checked."""
    parser = argparse.ArgumentParser()
    what = ("which", "check", "rearm", "recover", "stop", "home", "move", "fault")
    parser.add_argument("what", choices=what)
    parser.add_argument("--namespace", default="/")
    parser.add_argument("--patience", type=float, default=PATIENCE)
    parser.add_argument("--pose", default="home")
    parser.add_argument("--speed", type=float, default=0.0)
    parser.add_argument("--open-gripper-of", default="")
    parser.add_argument("--countdown", action="store_true")
    parser.add_argument("--fault", default="list")
    parser.add_argument("--value", type=float, default=math.nan)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--duration", type=float, default=0.0)
    options = parser.parse_args(words)
    for number in (signal.SIGHUP, signal.SIGTERM):  # a terminal that goes is a Ctrl-C
        signal.signal(number, signal.default_int_handler)
    enter_graph([])
    terminal = ArmTerminal(options.namespace, options.patience)
    try:
        if options.what == "which":
            print(terminal.which())
        elif options.what == "check":
            return 0 if terminal.check() else 1
        elif options.what == "rearm":
            terminal.rearm(options.countdown)
        elif options.what == "fault":
            terminal.fault(options.fault, options.value, options.delay, options.duration)
        elif options.what in ("home", "move"):
            terminal.move(pose_goal(options.pose, options.speed, options.open_gripper_of))
        else:
            getattr(terminal, options.what)()
    except ArmError as error:
        print(f"introspect: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        terminal.close()
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
