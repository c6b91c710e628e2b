"""What a node counts and how its loops run, once a second on /diagnostics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

from introspect_control.loop_timer import LoopTimer


class Diagnostics:
    """Publishes one ``DiagnosticStatus`` for a node at 1 Hz of steady time.

    Args:
        node: on whose behalf.
        period: between two messages [s].
    """

    def __init__(self, node: Node, period: float = 1.0) -> None:
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._counters: Counter[str] = Counter()
        self._values: dict[str, Any] = {}
        self._timers: dict[str, LoopTimer] = {}
        self._before: list[Callable[[], None]] = []
        self._level, self._message = DiagnosticStatus.OK, "ok"
        self._timer = node.create_timer(
            period, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def count(self, name: str, by: int = 1) -> int:
        """Add to a counter and return its value."""
        self._counters[name] += by
        return self._counters[name]

    def set(self, name: str, value: Any) -> None:
        """Show a value; floats are printed with four significant digits."""
        self._values[name] = value

    def time_loop(self, name: str, period: float = 0.0) -> LoopTimer:
        """A loop timer whose percentiles are shown under ``name``."""
        timer = LoopTimer(period)
        self._timers[name] = timer
        return timer

    def before_publishing(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` before each message, to set values or the level."""
        self._before.append(callback)

    def forget(self) -> None:
        """Drop callbacks, loop timers and values; counters stay."""
        self._before.clear()
        self._timers.clear()
        self._values.clear()

    def ok(self, message: str = "ok") -> None:
        """All is well, until said otherwise."""
        self._level, self._message = DiagnosticStatus.OK, message

    def warn(self, message: str) -> None:
        """Something deserves attention, until said otherwise."""
        self._level, self._message = DiagnosticStatus.WARN, message

    def error(self, message: str) -> None:
        """Something does not work, until said otherwise."""
        self._level, self._message = DiagnosticStatus.ERROR, message

    def publish(self) -> None:
        """Publish now, without waiting for the timer."""
        for callback in self._before:
            callback()
        entries = {name: str(count) for name, count in sorted(self._counters.items())}
        entries |= {name: _text(value) for name, value in sorted(self._values.items())}
        for name, timer in self._timers.items():
            entries |= _timing(name, timer)
        array = DiagnosticArray()
        array.header.stamp = self._node.get_clock().now().to_msg()
        array.status = [
            DiagnosticStatus(
                level=self._level,
                name=self._node.get_fully_qualified_name(),
                message=self._message,
                hardware_id="",
                values=[KeyValue(key=key, value=value) for key, value in entries.items()],
            )
        ]
        self._publisher.publish(array)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _timing(name: str, timer: LoopTimer) -> dict[str, str]:
    entries = {f"{name} count": str(timer.count)}
    if timer.period:
        entries[f"{name} late"] = str(timer.late)
    for what, percentiles in (("period", timer.periods()), ("work", timer.work())):
        if percentiles is not None:
            for key in ("p50", "p95", "p99", "worst", "std"):
                entries[f"{name} {what} {key} [ms]"] = f"{1e3 * getattr(percentiles, key):.3f}"
    return entries
