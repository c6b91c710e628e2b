"""Answers of services, held back until whoever has asked can hear them."""

from __future__ import annotations

import time
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
IMPATIENT = "rmw_fastrtps"  # the middleware that would wait itself; by its name's beginning

_PARTICIPANT = 12  # bytes of an endpoint's identity that name its process


class _Answer(NamedTuple):
    """One that is held back."""

    service: Service[Any, Any]
    send: Any
    said: tuple[Any, Any]  # response and header
    until: float  # [s]


class PatientAnswers:
    """Holds the answers of a node's services back until all who may have asked can hear them.

    A process that has just joined may ask before its reader of answers is known here. Then
    rmw_fastrtps waits for that reader for 0.1 s, in the node's only thread, and throws the answer
    away: an arm bridge that stands still for so long lets the arm come to rest.

    Args:
        node: whose services they are.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiting: list[_Answer] = []
        self._timer: Timer | None = None

    def attend(self, service: Service[Any, Any]) -> None:
        """Send the answers of a service patiently from now on."""
        if not rclpy.get_rmw_implementation_identifier().startswith(IMPATIENT):
            return
        send = service.send_response

        def send_patiently(response: Any, header: Any) -> None:
            if self._all_hear(service.service_name):
                send(response, header)
                return
            until = time.monotonic() + PATIENCE
            self._waiting.append(_Answer(service, send, (response, header), until))
            self._look_later()

        service.send_response = send_patiently  # type: ignore[method-assign]

    def _all_hear(self, service: str) -> bool:
        """Whether every process that can ask can also hear; rclpy does not say which one asked."""
        asking = self._node.get_publishers_info_by_topic(f"rq{service}Request", no_mangle=True)
        hearing = self._node.get_subscriptions_info_by_topic(f"rr{service}Reply", no_mangle=True)
        return _processes(asking) <= _processes(hearing)

    def _look_later(self) -> None:
        if self._timer is None:
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            self._timer = self._node.create_timer(LOOK_PERIOD, self._look, clock=steady)
        self._timer.reset()

    def _look(self) -> None:
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            with suppress(InvalidHandle):  # the service has been destroyed meanwhile
                patient = time.monotonic() < answer.until
                if patient and not self._all_hear(answer.service.service_name):
                    self._waiting.append(answer)
                else:
                    answer.send(*answer.said)
        if not self._waiting and self._timer is not None:
            self._timer.cancel()


def _processes(endpoints: list[TopicEndpointInfo]) -> set[bytes]:
    return {bytes(endpoint.endpoint_gid[:_PARTICIPANT]) for endpoint in endpoints}
