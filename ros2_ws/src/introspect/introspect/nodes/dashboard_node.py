"""Serves a page on which the running system can be watched and disturbed."""

from __future__ import annotations

import queue
import random
import sys
import time
from dataclasses import dataclass

from introspect_msgs.srv import PerturbWorld
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.task import Future
from std_srvs.srv import Trigger

from introspect.dashboard.page import DROP, MOVE_GOAL, PUSH, REARM, STOP, Page
from introspect.monitor import SystemMonitor
from introspect.nodes.monitor_feed import MonitorFeed
from introspect_control.nodes.runtime import (
    ConfigurationError,
    ManagedNode,
    NodeParameters,
    parameter,
    spin,
    stay_behind,
)
from introspect_description import ArmDescription, DescriptionError
from introspect_sim.tasks import PickAndPlaceConfig
from introspect_sim.worlds import OBJECT_EDGE

REFRESH = 30.0  # updates of the page [Hz]
PUSH_SPEED = 0.6  # of the cube after a knock [m/s]
GOAL_STEP = 0.08  # by which the goal moves [m]


@dataclass(frozen=True)
class DashboardParameters(NodeParameters):
    """Where the page is served, and of which arm."""

    arm: str = parameter("panda", "arm to draw, by the name of its data file")
    host: str = parameter("127.0.0.1", "address to serve on; 0.0.0.0 lets other machines in")
    port: int = parameter(8080, "port to serve on, or the next free one", minimum=1, maximum=65535)


class DashboardNode(ManagedNode[DashboardParameters]):
    """Shows what is on the topics; buttons call services.

    It only ever looks on: best-effort subscriptions, a process of its own, and nobody needs it.
    """

    def __init__(self) -> None:
        super().__init__("dashboard_node", DashboardParameters)

    def configure(self) -> None:
        """Serve the page."""
        try:
            arm = ArmDescription.load(self.parameters.arm)
            success_distance = PickAndPlaceConfig().success_distance
            self._pressed: queue.SimpleQueue[str] = queue.SimpleQueue()
            self._page = Page(
                arm,
                self.parameters.host,
                self.parameters.port,
                OBJECT_EDGE,
                success_distance,
                on_button=self._pressed.put,
            )
        except ImportError as error:
            raise ConfigurationError(
                f"the page needs viser ({error}); install it with: pip install viser"
            ) from error
        except DescriptionError as error:
            raise ConfigurationError(str(error)) from error
        self._monitor = SystemMonitor(success_distance)
        self._feed = MonitorFeed(self, self._monitor, arm.controller.state_topic)
        self._perturb = self.create_client(PerturbWorld, "perturb_world")
        self._guard = {
            STOP: self.create_client(Trigger, "guard/stop"),
            REARM: self.create_client(Trigger, "guard/rearm"),
        }
        self._random = random.Random()
        self._loop = self.diagnostics.time_loop("refresh", 1.0 / REFRESH)

    def activate(self) -> None:
        """Keep the page up to date."""
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / REFRESH, self._refresh, clock=steady)
        if self._page.port != self.parameters.port:
            self.get_logger().warning(
                f"port {self.parameters.port} is taken, the page is on {self._page.port}"
            )
        self.get_logger().info(f"watch at {self._page.address}")

    def cleanup(self) -> None:
        """Stop serving."""
        self._page.close()

    def _refresh(self) -> None:
        with self._loop:
            while not self._pressed.empty():
                self._act(self._pressed.get())
            if self._page.watched:
                self._page.update(self._monitor, time.monotonic())

    def _act(self, button: str) -> None:
        """Do what a button says."""
        request: PerturbWorld.Request | Trigger.Request
        if button in self._guard:
            client, request = self._guard[button], Trigger.Request()
        else:
            client, request = self._perturb, self._disturbance(button)
        if not client.service_is_ready():
            text = f"nobody offers {client.srv_name}"
            self.get_logger().warning(f"{button}: {text}")
            self._page.notify(button, text, good=False)
            return
        client.call_async(request).add_done_callback(lambda answer: self._report(button, answer))

    def _disturbance(self, button: str) -> PerturbWorld.Request:
        request = PerturbWorld.Request()
        x, y = self._random.gauss(0.0, 1.0), self._random.gauss(0.0, 1.0)
        length = max((x * x + y * y) ** 0.5, 1e-9)
        kinds = {
            PUSH: (PerturbWorld.Request.PUSH_OBJECT, PUSH_SPEED),
            DROP: (PerturbWorld.Request.DROP_OBJECT, 0.0),
            MOVE_GOAL: (PerturbWorld.Request.MOVE_GOAL, GOAL_STEP),
        }
        request.kind, size = kinds[button]
        request.vector.x, request.vector.y = size * x / length, size * y / length
        return request

    def _report(self, button: str, answer: Future) -> None:
        response = answer.result()
        self._page.notify(button, response.message or "done", good=response.success)


def main() -> None:
    """Run the node, behind everybody else: on a busy machine it is the page that stutters."""
    stay_behind(10)
    sys.exit(spin(DashboardNode))


if __name__ == "__main__":
    main()
