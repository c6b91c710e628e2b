"""A warm-up comes once, shortly before what it is for is due again."""

from __future__ import annotations

import time

from live_graph import Peer, peer

from introspect_control.nodes.warm_up import LEAD, WarmUp

PERIOD = 0.2  # long: a busy machine may be some hundredths late [s]


def run_for(me: Peer, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        me.spin(0.01)


def test_a_warm_up_comes_a_period_after_the_last_time_less_its_lead(ros_domain: int) -> None:
    with peer() as me:
        came: list[float] = []
        warm_up = WarmUp(me.node, lambda: came.append(time.monotonic()), PERIOD)
        run_for(me, 2.0 * PERIOD)
        assert came == []  # nothing has been done yet that could be due again

        for number in range(1, 4):
            done = time.monotonic()
            warm_up.done()
            me.wait_for(lambda number=number: len(came) == number, "the warm-up")
            assert PERIOD - LEAD - 0.001 < came[-1] - done < 2.0 * PERIOD

        run_for(me, 3.0 * PERIOD)
        assert len(came) == 3  # once each, also where nothing follows


def test_what_comes_again_sooner_needs_none(ros_domain: int) -> None:
    with peer() as me:
        came: list[float] = []
        warm_up = WarmUp(me.node, lambda: came.append(time.monotonic()), PERIOD)

        longest = 0.0
        for _ in range(50):
            before = time.monotonic()
            warm_up.done()
            run_for(me, 0.01)
            longest = max(longest, time.monotonic() - before)

        assert came == [] or longest > PERIOD - LEAD
