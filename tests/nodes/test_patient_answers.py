"""A service's answer waits for an asker whose reader of answers is still to be discovered.

Who is known to whom is made up, but in the last test: a real graph shows such an asker now and then
only.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from lifecycle_msgs.srv import GetState
from live_graph import peer
from rcl_interfaces.srv import GetParameters
from rclpy.exceptions import InvalidHandle
from small_node import SmallNode
from std_srvs.srv import Trigger

from introspect_control.nodes import patient_answers
from introspect_control.nodes.patient_answers import PATIENCE, PatientAnswers
from introspect_control.nodes.runtime import end, make_executor

NAME = "/guard/check"
ONE, OTHER = bytes(range(12)), bytes(range(100, 112))  # processes


class Timer:
    """Runs when the test says so."""

    def __init__(self, run: Callable[[], None]) -> None:
        self.run, self.on = run, True

    def reset(self) -> None:
        assert not self.on  # else it would begin its wait anew, and with every answer again
        self.on = True

    def is_canceled(self) -> bool:
        return not self.on

    def cancel(self) -> None:
        self.on = False


class Graph:
    """Stands in for a node and what it has discovered."""

    def __init__(self) -> None:
        self.asking: set[bytes] = set()  # processes with a writer of requests
        self.hearing: set[bytes] = set()  # those with a reader of answers
        self.timers: list[Timer] = []

    def get_publishers_info_by_topic(self, name: str, no_mangle: bool) -> list[SimpleNamespace]:
        assert (name, no_mangle) == ("rq/guard/checkRequest", True)
        return [SimpleNamespace(endpoint_gid=[*process, 0, 0, 21, 4]) for process in self.asking]

    def get_subscriptions_info_by_topic(self, name: str, no_mangle: bool) -> list[SimpleNamespace]:
        assert (name, no_mangle) == ("rr/guard/checkReply", True)
        return [SimpleNamespace(endpoint_gid=[*process, 0, 0, 22, 3]) for process in self.hearing]

    def create_timer(self, period: float, run: Callable[[], None], clock: object) -> Timer:
        self.timers.append(Timer(run))
        return self.timers[-1]

    def look(self) -> None:
        """Let the timer fire, if it is on."""
        for timer in self.timers:
            if timer.on:
                timer.run()

    @property
    def looking(self) -> bool:
        return any(timer.on for timer in self.timers)


class Service:
    """Keeps the answers that have been sent."""

    service_name = NAME

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send_response(self, response: str, header: str) -> None:
        self.sent.append((response, header))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time, which stands still unless it is set."""
    now = SimpleNamespace(at=100.0)
    monkeypatch.setattr(patient_answers.time, "monotonic", lambda: now.at)
    return now


@pytest.fixture
def graph() -> Graph:
    return Graph()


@pytest.fixture
def service(graph: Graph) -> Service:
    service = Service()
    PatientAnswers(graph).attend(service)
    return service


def test_who_is_known_is_answered_at_once(graph: Graph, service: Service) -> None:
    graph.asking, graph.hearing = {ONE}, {ONE, OTHER}
    service.send_response("fine", "1")
    assert service.sent == [("fine", "1")]
    assert not graph.timers


def test_who_is_not_is_answered_once_it_is(graph: Graph, service: Service, now) -> None:
    graph.asking, graph.hearing = {ONE, OTHER}, {OTHER}
    service.send_response("fine", "1")
    service.send_response("still fine", "2")
    now.at += 0.99 * PATIENCE
    graph.look()
    assert not service.sent

    graph.hearing = {ONE, OTHER}
    graph.look()
    graph.look()

    assert service.sent == [("fine", "1"), ("still fine", "2")]
    assert not graph.looking


def test_it_is_waited_for_again_the_next_time(graph: Graph, service: Service, now) -> None:
    for number in ("1", "2"):
        graph.asking, graph.hearing = {ONE}, set()
        service.send_response("fine", number)
        graph.look()
        graph.hearing = {ONE}
        graph.look()
    assert service.sent == [("fine", "1"), ("fine", "2")]


def test_who_never_can_hear_does_not_keep_others_waiting_for_ever(
    graph: Graph, service: Service, now
) -> None:
    graph.asking, graph.hearing = {ONE, OTHER}, {OTHER}
    service.send_response("fine", "1")
    now.at += 1.01 * PATIENCE
    graph.look()
    assert service.sent == [("fine", "1")]
    assert not graph.looking


def test_who_has_been_given_up_is_waited_for_no_more_until_it_has_been_heard_of(
    graph: Graph, service: Service, now
) -> None:
    graph.asking, graph.hearing = {ONE, OTHER}, {OTHER}
    service.send_response("fine", "1")
    now.at += PATIENCE
    graph.look()
    assert service.sent == [("fine", "1")]

    service.send_response("fine", "2")
    assert service.sent[1:] == [("fine", "2")]

    graph.hearing = {ONE, OTHER}
    service.send_response("fine", "3")
    graph.hearing = {OTHER}
    service.send_response("fine", "4")
    assert service.sent[2:] == [("fine", "3")]


def test_answers_come_in_their_order(graph: Graph, service: Service, now) -> None:
    graph.asking = {ONE}
    service.send_response("fine", "1")
    graph.hearing = {ONE}
    service.send_response("fine", "2")
    graph.look()
    assert service.sent == [("fine", "1"), ("fine", "2")]


def test_an_answer_that_cannot_be_sent_takes_no_other_with_it(graph: Graph, now) -> None:
    broken, service = Service(), Service()
    answers = PatientAnswers(graph)

    def refuse(response: str, header: str) -> None:
        raise TypeError("of another type")

    broken.send_response = refuse
    graph.asking = {ONE}
    for each in (broken, service):
        answers.attend(each)
        each.send_response("fine", "1")
    graph.hearing = {ONE}
    with pytest.raises(TypeError):
        graph.look()
    graph.look()
    assert service.sent == [("fine", "1")]


def test_a_service_that_is_gone_keeps_nobody_waiting(graph: Graph, now) -> None:
    service, other = Service(), Service()
    answers = PatientAnswers(graph)

    def refuse(response: str, header: str) -> None:
        raise InvalidHandle("destroyed")

    service.send_response = refuse
    answers.attend(service)
    answers.attend(other)
    graph.asking = {ONE}
    service.send_response("fine", "1")
    other.send_response("fine", "2")
    graph.hearing = {ONE}

    graph.look()

    assert other.sent == [("fine", "2")]
    assert not graph.looking


def test_other_middlewares_are_left_alone(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        patient_answers.rclpy, "get_rmw_implementation_identifier", lambda: "rmw_zenoh_cpp"
    )
    service = Service()
    PatientAnswers(graph).attend(service)
    graph.asking = {ONE}
    service.send_response("fine", "1")
    assert service.sent == [("fine", "1")]


def test_a_managed_node_answers_so_by_whatever_service(
    ros_domain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real names of topics, processes and timers: nothing else here could tell of a change."""
    looks: list[set[bytes]] = []
    look = PatientAnswers._deaf

    def deaf_at_first(self: PatientAnswers, service: str) -> set[bytes]:
        looks.append(look(self, service))
        return {ONE} if len(looks) < 3 else looks[-1]

    monkeypatch.setattr(PatientAnswers, "_deaf", deaf_at_first)
    with peer() as me:
        node = SmallNode()
        executor = make_executor()
        executor.add_node(node)
        node.create_service(Trigger, "small_node/ask", lambda _, response: response)
        try:
            for kind, name in (
                (Trigger, "small_node/ask"),
                (GetParameters, "small_node/get_parameters"),
                (GetState, "small_node/get_state"),
            ):
                looks.clear()
                client = me.node.create_client(kind, name)
                me.wait_for(client.service_is_ready, name)
                writers = me.node.get_publishers_info_by_topic(f"rq/{name}Request", no_mangle=True)
                readers = me.node.get_subscriptions_info_by_topic(f"rr/{name}Reply", no_mangle=True)
                assert len(writers) == len(readers) == 1
                answer = client.call_async(kind.Request())
                me.wait_for(lambda: executor.spin_once(0.01) or answer.done(), "an answer")  # noqa: B023
                assert looks == [set()] * 3
        finally:
            end(node)
