"""Whether the arm's controller is active, where there is a controller manager to ask."""

from __future__ import annotations

import time
from typing import Any

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.task import Future

from introspect_description import ArmDescription

PERIOD = 1.0  # between two questions [s]
PATIENCE = 3.0  # with a manager that has answered before [s]


class ControllerWatch:
    """Asks the controller manager of ros2_control what it says of an arm's controller.

    Without controller_manager_msgs, or without a manager (a mock arm and direct drivers have
    none), nothing is known and nothing is a problem.

    Args:
        node: on whose behalf.
        arm: whose controller it is.
        period: between two questions [s].
    """

    def __init__(self, node: Node, arm: ArmDescription, period: float = PERIOD) -> None:
        self._node = node
        self._name = arm.controller.short_name
        self._manager = node.resolve_topic_name(arm.controller.manager)
        self._answered_at: float | None = None  # [s]
        self._problem = ""
        self._waiting: Future[Any] | None = None
        self._client: Any = None
        self._timer: Any = None
        try:
            from controller_manager_msgs.srv import ListControllers
        except ImportError:
            return
        self._request = ListControllers.Request()
        self._client = node.create_client(ListControllers, f"{self._manager}/list_controllers")
        self._timer = node.create_timer(
            period, self._ask, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    @property
    def known(self) -> bool:
        """Whether the manager has ever answered."""
        return self._answered_at is not None

    def problem(self) -> str:
        """Why the controller would not follow; empty if it is active, or nothing is known."""
        if self._answered_at is None:
            return ""
        silent = time.monotonic() - self._answered_at
        if silent > PATIENCE:
            return f"{self._manager} has not answered for {silent:.0f} s; has the driver ended?"
        return self._problem

    def close(self) -> None:
        """Destroy client and timer."""
        if self._client is not None:
            self._node.destroy_timer(self._timer)
            self._node.destroy_client(self._client)

    def _ask(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._client.remove_pending_request(self._waiting)
        if self._client.service_is_ready():
            self._waiting = self._client.call_async(self._request)
            self._waiting.add_done_callback(self._on_answer)

    def _on_answer(self, future: Future[Any]) -> None:
        answer = future.result()
        if answer is None:
            return
        self._answered_at = time.monotonic()
        states = {controller.name: controller.state for controller in answer.controller}
        state = states.get(self._name)
        if state == "active":
            self._problem = ""
        elif state is None:
            listed = ", ".join(f"{name} ({state})" for name, state in sorted(states.items()))
            self._problem = (
                f"{self._manager} has no controller {self._name!r}; it has {listed or 'none'}"
            )
        else:
            self._problem = (
                f"controller {self._name!r} is {state}; run 'ros2 control switch_controllers "
                f"--activate {self._name} -c {self._manager}'"
            )
