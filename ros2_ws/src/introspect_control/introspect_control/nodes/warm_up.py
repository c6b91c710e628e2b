"""What is done once a period, done once more for nothing shortly before: it finds itself ready."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

LEAD = 0.003  # before it is due [s]: some times as long as what is warmed up takes cold


class WarmUp:
    """Runs something without any effect shortly before it is due in earnest.

    What a process does every 40 ms finds neither its code nor its data in the processor's caches:
    the other processes have used them since. It takes several times as long as it would again.

    Args:
        node: whose executor runs it.
        run: does what is done in earnest, and leaves no trace.
        period: from one time to the next [s]; nothing is done where that is no more than ``LEAD``.
    """

    def __init__(self, node: Node, run: Callable[[], None], period: float) -> None:
        self._run = run
        self._timer = node.create_timer(
            max(period - LEAD, LEAD), self._warm_up, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        self._timer.cancel()

    def done(self) -> None:
        """It has been done in earnest: the next time is a period from now."""
        self._timer.reset()

    def _warm_up(self) -> None:
        self._timer.cancel()  # until it has been done again
        self._run()
