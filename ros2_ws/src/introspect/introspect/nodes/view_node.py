"""Shows the running system in the terminal; ``introspect view`` becomes this program."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import rclpy
from rclpy.node import Node
from rich.console import Console
from rich.live import Live

from introspect.monitor import SystemMonitor
from introspect.nodes.monitor_feed import MonitorFeed
from introspect.terminal import render
from introspect_control.nodes.middleware import enter_graph
from introspect_control.nodes.runtime import end, make_executor
from introspect_description import ArmDescription
from introspect_sim.tasks import PickAndPlaceConfig


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
    enter_graph([])
    node: Node | None = None
    try:
        node = Node("introspect_view", namespace=namespace, enable_rosout=False)
        feed = MonitorFeed(node, monitor, state_topic)
        node.executor = executor = make_executor()
        executor.add_node(node)
        due = time.monotonic()
        while True:
            executor.spin_once(timeout_sec=max(0.0, due - time.monotonic()))
            if time.monotonic() >= due:
                due = time.monotonic() + period
                if not show(time.monotonic()):
                    break
        del feed, executor
    finally:
        if node is not None:
            end(node)
        rclpy.try_shutdown()


def show_once(arm: ArmDescription, namespace: str, patience: float) -> int:
    """Print the first full picture.

    Args:
        arm: that is expected.
        namespace: of the system, absolute.
        patience: longest wait [s].

    Returns:
        The exit code: 1 where nothing was heard.
    """
    monitor = SystemMonitor(PickAndPlaceConfig().success_distance)
    deadline = time.monotonic() + patience
    topic = arm.controller.state_topic

    def incomplete(now: float) -> bool:
        return monitor.real_time.value is None and now < deadline

    watch(monitor, topic, namespace, 0.05, incomplete)
    if not monitor.joints:
        print(
            f"introspect: nothing heard on {topic} for {patience:g} s in namespace {namespace}. "
            "Cure: introspect launch sim; if that runs, introspect doctor",
            file=sys.stderr,
        )
        return 1
    Console().print(render(monitor, arm, time.monotonic()))
    return 0


def show_live(arm: ArmDescription, namespace: str, rate: float) -> int:
    """Keep the picture up to date until Ctrl-C.

    Args:
        arm: that is expected.
        namespace: of the system, absolute.
        rate: of the picture [Hz].

    Returns:
        The exit code.
    """
    monitor = SystemMonitor(PickAndPlaceConfig().success_distance)
    console = Console()
    with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:

        def show(now: float) -> bool:
            live.update(render(monitor, arm, now), refresh=True)
            return True

        try:
            watch(monitor, arm.controller.state_topic, namespace, 1.0 / rate, show)
        except KeyboardInterrupt:
            return 0
    return 0


def main() -> int:
    """Show what the words ask for, which ``introspect view`` has checked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--arm", required=True)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--patience", type=float, required=True)
    options = parser.parse_args()
    arm = ArmDescription.load(options.arm)
    try:
        if options.once:
            return show_once(arm, options.namespace, options.patience)
        return show_live(arm, options.namespace, options.rate)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
