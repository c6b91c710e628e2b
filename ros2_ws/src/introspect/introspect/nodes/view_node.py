"""Watches the running system for the terminal view; started by ``introspect view``."""

from __future__ import annotations

import time
from collections.abc import Callable

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from introspect.monitor import SystemMonitor
from introspect.nodes.monitor_feed import MonitorFeed
from introspect_control.nodes.runtime import make_executor


def watch(
    monitor: SystemMonitor,
    state_topic: str,
    namespace: str,
    period: float,
    show: Callable[[float], bool],
) -> None:
    """Feed a monitor and show it, until told to stop or interrupted.

    Args:
        monitor: what to feed.
        state_topic: on which the arm tells its joints.
        namespace: of the system to watch, absolute.
        period: from one call of ``show`` to the next [s].
        show: called with the time on the monitor's clock [s]; False ends it.

    Raises:
        KeyboardInterrupt: on Ctrl-C.
    """
    # Python's own handler of Ctrl-C stays: there is nothing here that must end in order.
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = Node("introspect_view", namespace=namespace, enable_rosout=False)
        feed = MonitorFeed(node, monitor, state_topic)
        executor = make_executor()
        executor.add_node(node)
        due = time.monotonic()
        while True:
            executor.spin_once(timeout_sec=max(0.0, due - time.monotonic()))
            if time.monotonic() >= due:
                due = time.monotonic() + period
                if not show(time.monotonic()):
                    break
        del feed
        node.destroy_node()
    finally:
        rclpy.try_shutdown()
