"""Work is kept to its share of the time."""

from __future__ import annotations

import pytest
from wall_clock import Wall

from introspect_sim.time_share import TimeShare


def test_work_gets_its_share_of_the_time_and_no_more(wall: Wall) -> None:
    share = TimeShare(0.25, clock=wall)
    worked, start = 0.0, wall.now

    while wall.now < start + 10.0:
        if share.allows():
            with share:
                wall.now += 0.1
                worked += 0.1
        wall.now += 0.01

    assert worked == pytest.approx(2.5, rel=0.1)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_a_share_of_nothing_or_of_more_than_all_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\]"):
        TimeShare(share)
