"""How every process of ours enters the ROS graph."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import rclpy
from rclpy.signals import SignalHandlerOptions

RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
PROFILES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
TRANSPORTS = "FASTDDS_BUILTIN_TRANSPORTS"  # has no effect where the range is LOCALHOST
_OURS = Path(__file__).with_name("fastdds.xml")


def enter_graph(args: Sequence[str] | None = None) -> None:
    """Bring ROS up, with settings that make a difference wherever the user has none.

    Other machines are neither heard nor told anything; Fast DDS repairs at once what got lost, and
    is hardly held up by others of ours that join (``fastdds.xml``). Signals stay the caller's:
    rclpy's own handlers would invalidate the context in the middle of a callback.

    Args:
        args: command line; ``sys.argv`` by default.
    """
    os.environ[RANGE] = os.environ.get(RANGE, "") or "LOCALHOST"
    own_transports = os.environ[RANGE] != "LOCALHOST" and os.environ.get(TRANSPORTS)
    if not (own_transports or any(os.environ.get(name) for name in PROFILES)):
        os.environ[PROFILES[0]] = str(_OURS)
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
