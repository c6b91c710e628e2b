"""A bag is in the order of arrival, whatever order the topics are emptied in."""

from __future__ import annotations

import random

from introspect_control.capture.arrivals import Arrivals


def test_topics_that_are_emptied_one_after_another_are_merged_in_the_order_of_arrival() -> None:
    rng = random.Random(0)
    queues: dict[int, list[tuple[int, bytes]]] = {topic: [] for topic in range(5)}
    arrivals, written, now, number = Arrivals(), [], 0, 0

    def arrive() -> None:  # at any moment, also while topics are being emptied
        nonlocal now, number
        for _ in range(rng.randrange(4)):
            now, number = now + rng.randrange(1, 1000), number + 1
            queues[rng.randrange(5)].append((now, str(number).encode()))

    for _ in range(500):
        arrive()
        until = now
        for topic, queue in queues.items():
            for time, data in queue:
                arrivals.add(time, topic, data)
            queue.clear()
            arrive()
        written += arrivals.merge(until)
    for topic, queue in queues.items():
        for time, data in queue:
            arrivals.add(time, topic, data)
    written += arrivals.merge()

    assert [int(arrival.data) for arrival in written] == list(range(1, number + 1))
    assert number > 2000


def test_within_a_topic_the_publisher_s_order_stays_though_one_was_sent_again() -> None:
    arrivals = Arrivals()
    for time, data in ((10, b"1"), (40, b"2"), (20, b"3"), (30, b"4")):  # the second one came last
        arrivals.add(time, 0, data)
    arrivals.add(25, 1, b"other")
    merged = arrivals.merge(until=50)
    assert [arrival.data for arrival in merged if arrival.topic == 0] == [b"1", b"2", b"3", b"4"]
    assert [arrival.time for arrival in merged] == [10, 25, 40, 40, 40]


def test_a_clock_that_is_set_back_holds_nothing_for_longer_than_a_round() -> None:
    arrivals = Arrivals()
    arrivals.add(1000, 0, b"before")
    arrivals.merge(until=1000)
    arrivals.add(10, 0, b"after")
    assert arrivals.merge(until=20) == []
    [after] = arrivals.merge(until=30)
    assert (after.time, after.data) == (1000, b"after")
    assert arrivals.merge() == []
