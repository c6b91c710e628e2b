"""Smooth motions, and a client of ``follow_trajectory`` to be killed in the middle of one.

As a program it asks for one motion. Words: the arm, how long the motion lasts [s], and where each
joint is and is to go, in that order [rad].
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node

from introspect_control.nodes.middleware import enter_graph
from introspect_control.nodes.runtime import make_executor
from introspect_control.nodes.trajectory_client import TrajectoryClient
from introspect_control.trajectory import Trajectory
from introspect_description import ArmDescription

Array = NDArray[np.float64]


def smooth(start: Array, end: Array, duration: float, points: int = 60) -> Trajectory:
    """From rest to rest, ``10 s³ - 15 s⁴ + 6 s⁵``."""
    s = np.linspace(0.0, 1.0, points + 1)
    way = 10 * s**3 - 15 * s**4 + 6 * s**5
    speed = (30 * s**2 - 60 * s**3 + 30 * s**4) / duration
    return Trajectory(
        s * duration, start + np.outer(way, end - start), np.outer(speed, end - start)
    )


def main() -> None:
    """Ask, and do nothing else until it is over."""
    name, duration, *numbers = sys.argv[1:]
    start, end = np.array([float(number) for number in numbers]).reshape(2, -1)
    enter_graph([])
    node = Node("motion_client")
    node.executor = executor = make_executor()
    executor.add_node(node)
    client = TrajectoryClient(node, ArmDescription.load(name))
    while not client.ready:
        executor.spin_once(timeout_sec=0.05)
    client.send(smooth(start, end, float(duration)), None)
    while (ending := client.look()) is None:
        executor.spin_once(timeout_sec=0.05)
    print(ending, flush=True)


if __name__ == "__main__":
    main()
