"""Whether the client of a motion counts as gone, in whatever order DDS tells of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy")

from introspect_control.nodes.sign_of_life import PATIENCE, ClientWatch

SOON = 0.9 * PATIENCE  # [s]


class Graph:
    """A node's view of the clients: how many listen, how many show signs of life or fail to."""

    def __init__(self, listening: int, alive: int, dead: int) -> None:
        self.listening = listening
        self.now = 100.0
        self.watch = ClientWatch(self)  # type: ignore[arg-type]
        self.begin_with(alive, dead)

    def begin_with(self, alive: int, dead: int) -> None:
        """A motion begins."""
        self.tell(alive, dead)
        self.watch.begin()

    def tell(self, alive: int, dead: int) -> None:
        self._on_change(SimpleNamespace(alive_count=alive, not_alive_count=dead))

    def alone(self, after: float = 0.0) -> bool:
        """Ask now, and again after a time [s]; the answer then."""
        self.watch.alone(self.now)
        self.now += after
        return self.watch.alone(self.now)

    # What a watch asks of a node.

    def resolve_topic_name(self, topic: str) -> str:
        return f"/{topic}"

    def count_subscribers(self, topic: str) -> int:
        assert topic.endswith("follow_trajectory/_action/feedback")
        return self.listening

    def create_subscription(self, *_: Any, event_callbacks: Any) -> None:
        self._on_change = event_callbacks.liveliness


@pytest.mark.parametrize("graph_first", [False, True])
def test_one_that_died_before_the_motion_does_not_end_it_when_it_is_dropped(
    graph_first: bool,
) -> None:
    # given one client that asks, and one that was killed before
    graph = Graph(listening=2, alive=1, dead=1)
    assert not graph.alone(10.0)
    # when DDS drops the dead one, in one place after the other
    if graph_first:
        graph.listening = 1
    else:
        graph.tell(1, 0)
    assert not graph.alone(SOON)
    graph.listening = 1
    graph.tell(1, 0)
    # then the other is still there
    assert not graph.alone(10.0)


@pytest.mark.parametrize("graph_first", [False, True])
def test_one_that_dies_is_gone_after_a_while_and_stays_so_when_it_is_dropped(
    graph_first: bool,
) -> None:
    graph = Graph(listening=1, alive=1, dead=0)
    assert not graph.alone(10.0)
    # when it is killed
    graph.tell(0, 1)
    assert not graph.alone(SOON)
    assert graph.alone(0.2 * PATIENCE)
    # then nothing that DDS drops of it brings it back
    if graph_first:
        graph.listening = 0
        assert graph.alone()
    graph.listening = 0
    graph.tell(0, 0)
    assert graph.alone()


def test_one_without_signs_of_life_is_there_until_it_leaves_the_graph() -> None:
    graph = Graph(listening=1, alive=0, dead=0)
    assert not graph.alone(10.0)
    graph.listening = 0
    assert not graph.alone(SOON)
    assert graph.alone(0.2 * PATIENCE)


def test_one_that_comes_late_is_waited_for_with_each_motion() -> None:
    # given a motion whose client the graph does not show yet
    graph = Graph(listening=0, alive=0, dead=0)
    assert not graph.alone(SOON)
    # when the next motion begins, then it is waited for anew
    graph.begin_with(0, 0)
    assert not graph.alone(SOON)
    graph.listening = 1
    assert not graph.alone(10.0)
