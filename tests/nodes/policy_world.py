"""A world that a test plays by hand, for the nodes of a policy."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from introspect_msgs.action import ExecuteTask
from introspect_msgs.msg import Activations, BehaviourStatus, GuardStatus, PolicyAction
from live_graph import Peer
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.task import Future
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState

from introspect_control.nodes.runtime import LATCHED, STREAM
from introspect_description import ArmDescription

PANDA = ArmDescription.load("panda")
TICK = 10_000_000  # [ns]
OBJECT = (0.45, 0.1, 0.02, 0.0, 0.0, 0.0, 1.0)
GOAL = (0.5, -0.1, 0.15)


class PolicyWorld:
    """Publishes states as a simulation does and hears what the policy says."""

    def __init__(self, me: Peer) -> None:
        self.me = me
        self.questions: list[Activations] = me.hear(Activations, "activations")
        self.decisions: list[BehaviourStatus] = me.hear(BehaviourStatus, "behaviour")
        self.actions: list[PolicyAction] = me.hear(PolicyAction, "policy/action")
        self.stamp = 1_000_000_000  # [ns]
        publish = me.node.create_publisher
        self._publishers = {
            "object": publish(PoseStamped, "object_pose", STREAM),
            "goal": publish(PoseStamped, "goal_pose", STREAM),
            "clock": publish(Clock, "/clock", STREAM),
            "joints": publish(JointState, "joint_states", STREAM),
        }
        self._guard = publish(GuardStatus, "guard/status", LATCHED)
        self._execute = ActionClient(me.node, ExecuteTask, "execute_task")
        self.feedback: list[ExecuteTask.Feedback] = []
        self._goal: ClientGoalHandle | None = None  # the latest one accepted

    def connect(self) -> None:
        """Wait until the behaviour node hears everything and can be asked for a task."""
        self.me.wait_for(self._execute.server_is_ready, "execute_task")
        self.me.wait_for(
            lambda: all(p.get_subscription_count() for p in self._publishers.values()),
            "behaviour_node to listen",
        )
        self.me.connect()
        node = self.me.node
        self.me.wait_for(lambda: node.count_subscribers("activations") > 1, "choreographer_node")

    def settle(self) -> None:
        """Bring about a known state: the bridge is free of faults, an episode has just ended."""
        self.guard(GuardStatus.IDLE)
        self.clear()
        while not (self.actions and self._answered()):  # the choreographer may be only starting
            self.run_until(self.begin(timeout=0.04).done, "a first episode")
        self.me.wait_for(
            lambda: self.actions and self.actions[-1].mode == PolicyAction.HOLD, "the hold"
        )
        self.clear()

    def _answered(self) -> bool:
        """Whether the latest question has been answered."""
        if not (self.questions and self.decisions):
            return False
        return bool(self.decisions[-1].header.stamp == self.questions[-1].header.stamp)

    def clear(self) -> None:
        """Forget what has been heard."""
        for heard in (self.questions, self.decisions, self.actions, self.feedback):
            heard.clear()

    def publish(
        self,
        position: np.ndarray | None = None,
        velocity: np.ndarray | None = None,
        object_pose: tuple[float, ...] | None = OBJECT,
        goal: tuple[float, ...] | None = GOAL,
        ticks: int = 1,
    ) -> None:
        """Publish the state of ``ticks`` later; None leaves a topic silent."""
        self.stamp += ticks * TICK
        stamp = Time(sec=self.stamp // 10**9, nanosec=self.stamp % 10**9)
        for name, pose in (("object", object_pose), ("goal", goal)):
            if pose is not None:
                self._publishers[name].publish(_pose(stamp, pose))
        self._publishers["clock"].publish(Clock(clock=stamp))
        joints = JointState(name=[*PANDA.joint_names, *PANDA.gripper.joint_names])
        joints.header.stamp = stamp
        joints.position = [*(PANDA.home if position is None else position).tolist(), 0.04, 0.04]
        joints.velocity = [*(np.zeros(7) if velocity is None else velocity).tolist(), 0.0, 0.0]
        self._publishers["joints"].publish(joints)

    def guard(self, state: int, reason: str = "") -> None:
        """Publish the state of the arm bridge's guard."""
        self._guard.publish(GuardStatus(state=state, reason=reason))

    def start(self, task: str = "pick_and_place", timeout: float = 0.0) -> Future:
        """Send a goal; the future is of its handle."""
        answer = self._execute.send_goal_async(
            ExecuteTask.Goal(task=task, timeout=timeout),
            feedback_callback=lambda message: self.feedback.append(message.feedback),
        )
        answer.add_done_callback(self._remember)
        return answer

    def _remember(self, answer: Future) -> None:
        if answer.result().accepted:
            self._goal = answer.result()

    def cancel(self) -> None:
        """End the episode that a test has left, if there is one."""
        if self._goal is not None:
            cancelled = self._goal.cancel_goal_async()
            self.me.wait_for(cancelled.done, "the episode to be cancelled")
            self._goal = None

    def begin(self, timeout: float = 0.0) -> Future:
        """Start an episode; the future is of its result."""
        handle = self.me.result(self.start(timeout=timeout), "the goal to be answered")
        assert handle.accepted
        return handle.get_result_async()

    def run_until(self, condition, what: str, **state) -> None:
        """Publish a state every 10 ms until a condition holds."""

        def step() -> bool:
            self.publish(**state)
            self.me.spin(0.01)
            return bool(condition())

        self.me.wait_for(step, what)

    def act(self, **state) -> PolicyAction:
        """Publish one state on the policy's grid and wait for the action that it leads to."""
        count = len(self.actions)
        self.publish(**state, ticks=4)
        self.me.wait_for(lambda: len(self.actions) > count, "an action")
        return self.actions[-1]

    def close(self) -> None:
        """Free the action client."""
        self._execute.destroy()


def _pose(stamp: Time, values: tuple[float, ...]) -> PoseStamped:
    message = PoseStamped()
    message.header.stamp = stamp
    message.header.frame_id = PANDA.base_frame
    at, turn = message.pose.position, message.pose.orientation
    at.x, at.y, at.z = values[:3]
    if len(values) == 7:
        turn.x, turn.y, turn.z, turn.w = values[3:]
    return message
