"""Trajectories as they come over the network."""

from __future__ import annotations

from collections.abc import Sequence

from trajectory_msgs.msg import JointTrajectory


def read_trajectory(
    message: JointTrajectory,
) -> tuple[Sequence[str], list[float], list[Sequence[float]], list[Sequence[float]]]:
    """Joint names, times [s], positions [rad] and velocities [rad/s] of the points, as received."""
    points = message.points
    return (
        message.joint_names,
        [point.time_from_start.sec + 1e-9 * point.time_from_start.nanosec for point in points],
        [point.positions for point in points],
        [point.velocities for point in points],
    )
