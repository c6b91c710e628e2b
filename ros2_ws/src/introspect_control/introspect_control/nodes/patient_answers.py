"""Answers of services, held back until whoever has asked can hear them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import rclpy
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.exceptions import InvalidHandle
from rclpy.node import Node
from rclpy.service import Service
from rclpy.timer import Timer
from rclpy.topic_endpoint_info import TopicEndpointInfo

PATIENCE = 2.0  # with an asker that is never found [s]; discovery repairs its losses once a second
LOOK_PERIOD = 0.01  # between two looks at who can hear [s]
IMPATIENT = "rmw_fastrtps"  # the middleware that would wait itself; its name's beginning

_PARTICIPANT = 12  # bytes of an endpoint's identity that name its process


class _Answer(NamedTuple):
    """One that is held back."""

    service: Service[Any, Any]
    send: Callable[[Any, Any], None]
    response: Any
    header: Any
    until: float  # [s]


class PatientAnswers:
    """Holds the answers of services back until all who may have asked can hear them.

    A process that has just joined may ask before its reader of answers is known here. Then
    rmw_fastrtps waits for that reader for 0.1 s, in the node's only thread, and throws the answer
    away: an arm bridge that stands still for so long lets the arm come to rest.

    rclpy does not say which process has asked. So all answers of the service wait, in their order,
    for each process that can ask and cannot hear; for ``PATIENCE`` at most, and then no more for
    that process. A reader that is on the graph counts as one that can be reached, which with SROS2
    it is only some moments later. Actions have services of their own, which are not in reach here.

    Args:
        node: whose services they are.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiting: list[_Answer] = []
        self._given_up: dict[str, set[bytes]] = defaultdict(set)  # processes, by service
        self._timer: Timer | None = None

    def attend(self, service: Service[Any, Any]) -> None:
        """Send the answers of a service patiently from now on; once for each."""
        if not rclpy.get_rmw_implementation_identifier().startswith(IMPATIENT):
            return
        send = service.send_response

        def send_patiently(response: Any, header: Any) -> None:
            in_turn = any(answer.service is service for answer in self._waiting)
            if not in_turn and not self._deaf(service.service_name):
                send(response, header)
                return
            until = time.monotonic() + PATIENCE
            self._waiting.append(_Answer(service, send, response, header, until))
            self._look_later()

        service.send_response = send_patiently  # type: ignore[method-assign]

    def _deaf(self, service: str) -> set[bytes]:
        """Processes that can ask, cannot hear yet, and have not been given up."""
        asking = self._node.get_publishers_info_by_topic(f"rq{service}Request", no_mangle=True)
        hearing = self._node.get_subscriptions_info_by_topic(f"rr{service}Reply", no_mangle=True)
        deaf = _processes(asking) - _processes(hearing)
        self._given_up[service] &= deaf
        return deaf - self._given_up[service]

    def _look_later(self) -> None:
        if self._timer is None:
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            self._timer = self._node.create_timer(LOOK_PERIOD, self._look, clock=steady)
        elif self._timer.is_canceled():
            self._timer.reset()

    def _look(self) -> None:
        still: list[_Answer] = []
        try:
            while self._waiting:
                answer = self._waiting.pop(0)
                with suppress(InvalidHandle):  # the service has been destroyed meanwhile
                    if self._must_wait(answer):
                        still.append(answer)
                    else:
                        answer.send(answer.response, answer.header)
        finally:
            self._waiting = still + self._waiting
        if not self._waiting and self._timer is not None:
            self._timer.cancel()

    def _must_wait(self, answer: _Answer) -> bool:
        name = answer.service.service_name
        deaf = self._deaf(name)
        if time.monotonic() >= answer.until:
            self._given_up[name] |= deaf
            return False
        return bool(deaf)


def _processes(endpoints: list[TopicEndpointInfo]) -> set[bytes]:
    return {bytes(endpoint.endpoint_gid[:_PARTICIPANT]) for endpoint in endpoints}
