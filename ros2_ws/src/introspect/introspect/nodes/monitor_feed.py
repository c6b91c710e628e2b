"""Feeds a monitor from the topics of the running system."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import PoseStamped
from introspect_msgs.msg import BehaviourStatus, GuardStatus, InternalState, PolicyAction
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState

from introspect.monitor import GUARD_STATES, Decision, Guard, Insight, SystemMonitor
from introspect_control.nodes.runtime import LATCHED

WATCHING = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.BEST_EFFORT
)
"""Best effort: no publisher ever waits for, or resends to, someone who only looks on."""


class MonitorFeed:
    """Subscribes on behalf of a node and hands every message to a monitor.

    Args:
        node: in whose callbacks the monitor is fed.
        monitor: what to feed.
        state_topic: on which the arm tells its joints.
    """

    def __init__(self, node: Node, monitor: SystemMonitor, state_topic: str) -> None:
        self._monitor = monitor
        self._subscribe(node, JointState, state_topic, self._on_joints)
        self._subscribe(node, PoseStamped, "object_pose", self._on_object)
        self._subscribe(node, PoseStamped, "goal_pose", self._on_goal)
        self._subscribe(node, BehaviourStatus, "behaviour", self._on_behaviour)
        self._subscribe(node, InternalState, "internal_state", self._on_internal_state)
        self._subscribe(node, PolicyAction, "policy/action", self._on_action)
        self._subscribe(node, GuardStatus, "guard/status", self._on_guard, LATCHED)

    def _subscribe(
        self,
        node: Node,
        kind: type,
        topic: str,
        callback: Callable[[Any], None],
        qos: QoSProfile = WATCHING,
    ) -> None:
        node.create_subscription(kind, topic, callback, qos)

    def _on_joints(self, message: JointState) -> None:
        stamp = message.header.stamp
        self._monitor.on_joints(
            message.name,
            message.position,
            message.velocity,
            stamp.sec + 1e-9 * stamp.nanosec,
            time.monotonic(),
        )

    def _on_object(self, message: PoseStamped) -> None:
        at, turn = message.pose.position, message.pose.orientation
        pose = (at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w)
        self._monitor.on_object(pose, time.monotonic())

    def _on_goal(self, message: PoseStamped) -> None:
        at = message.pose.position
        self._monitor.on_goal((at.x, at.y, at.z), time.monotonic())

    def _on_behaviour(self, message: BehaviourStatus) -> None:
        probabilities = dict(zip(message.names, message.probabilities, strict=False))
        decision = Decision(message.active, probabilities, message.state_value)
        self._monitor.on_decision(decision, time.monotonic())

    def _on_internal_state(self, message: InternalState) -> None:
        insight = Insight(
            phases=dict(zip(message.phases, message.phase_probabilities, strict=False)),
            failure=message.failure_probability,
            surprise=message.surprise,
            alarm=message.alarm,
        )
        self._monitor.on_insight(insight, time.monotonic())

    def _on_action(self, message: PolicyAction) -> None:
        hold = message.mode == PolicyAction.HOLD
        self._monitor.on_action(message.episode, message.sequence, hold, time.monotonic())

    def _on_guard(self, message: GuardStatus) -> None:
        self._monitor.on_guard(read_guard(message), time.monotonic())


def read_guard(message: GuardStatus) -> Guard:
    """A guard's status as plain data."""
    return Guard(
        state=GUARD_STATES[message.state],
        reason=message.reason,
        passed=message.passed,
        clamped=message.clamped,
        rejected=message.rejected,
        late=message.late,
        tracking_error=message.tracking_error,
    )
