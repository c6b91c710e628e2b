"""Who has put the object somewhere waits until it has been seen there, but not for ever."""

from __future__ import annotations

from typing import NamedTuple

from rclpy.task import Future

from introspect_sim.mock import Manners

_SLACK = 2.0  # that a busy machine may take beyond what the manners allow [s]


class _Waiting(NamedTuple):
    since: float  # [s]
    future: Future[str]  # of what is wrong; empty when the object has been seen


class ObjectWait:
    """Keeps those who wait, and lets them go.

    Args:
        manners: how often pictures are taken, and how late their poses come.
    """

    def __init__(self, manners: Manners) -> None:
        late = manners.pose_latency + manners.pose_jitter + 1.0 / manners.pose_rate
        self._longest = late + _SLACK  # [s]
        self._waiting: list[_Waiting] = []

    def begin(self, now: float) -> Future[str]:
        """Wait from ``now`` [s] on; the result is why the object was not seen, empty if it was."""
        future: Future[str] = Future()
        self._waiting.append(_Waiting(now, future))
        return future

    def look(self, seen_at: float, now: float, faults: str) -> None:
        """Let those go who have waited for a picture of ``seen_at`` [s], or have waited too long.

        Args:
            seen_at: when the latest picture was taken that showed where the object is [s].
            now: time [s].
            faults: that are going on, in words.
        """
        for waiting in list(self._waiting):
            if seen_at > waiting.since:
                self._let_go(waiting, "")
            elif now - waiting.since > self._longest:
                self._let_go(
                    waiting,
                    f"the object was put down, but not seen there for {self._longest:.1f} s; "
                    f"faults going on: {faults}",
                )

    def give_up(self, problem: str) -> None:
        """Let everybody go, with a problem."""
        for waiting in list(self._waiting):
            self._let_go(waiting, problem)

    def _let_go(self, waiting: _Waiting, problem: str) -> None:
        self._waiting.remove(waiting)
        waiting.future.set_result(problem)
