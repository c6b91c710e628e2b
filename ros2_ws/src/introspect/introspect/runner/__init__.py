"""Starts a graph without ROS 2's launch: one process a node, and no orphan ever."""

from introspect.runner.run import PreparedRun, prepare
from introspect.runner.supervisor import Supervisor, Timing

__all__ = ["PreparedRun", "Supervisor", "Timing", "prepare"]
