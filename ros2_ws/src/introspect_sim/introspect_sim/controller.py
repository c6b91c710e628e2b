"""The joint controller of a simulated arm: takes trajectories by joint name and follows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.trajectory import HermiteSampler
from introspect_sim.commands import CommandReader

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]


class Target(NamedTuple):
    """Where the arm and its gripper are to be at the end of a period."""

    position: Array  # (7,) [rad]
    velocity: Array  # (7,) [rad/s]
    gripper_width: float  # [m]


class SimulatedController:
    """Behaves as the joint trajectory controller and the gripper of a real arm do.

    A trajectory starts when it arrives, from the present command, and ends in a hold. Without a
    command it holds. Times are simulated time [ns].

    Args:
        arm: whose joints and gripper are controlled.
    """

    def __init__(self, arm: ArmDescription) -> None:
        self._reader = CommandReader(arm)
        self._sampler = HermiteSampler(np.asarray(arm.home))
        self._now = 0
        self._open = self._width = arm.gripper.width_max

    def hold(self, position: Array) -> None:
        """Drop the trajectory, hold (7,) [rad] and open the gripper."""
        self._sampler.reset(position)
        self._width = self._open

    def follow(
        self,
        names: Sequence[str],
        times: Sequence[float],
        positions: Sequence[Sequence[float]],
        velocities: Sequence[Sequence[float]],
    ) -> bool:
        """Follow a trajectory from now on.

        Args:
            names: of the joints, in any order.
            times: of the points, from now [s].
            positions: per point and joint [rad].
            velocities: per point and joint [rad/s].

        Returns:
            Whether it moves the arm at all.

        Raises:
            CommandError: What ``CommandReader.trajectory`` refuses.
        """
        trajectory = self._reader.trajectory(names, times, positions, velocities)
        self._sampler.follow(trajectory, 1e-9 * self._now)
        position, _ = self._sampler.sample(1e-9 * self._now)
        return bool(trajectory.velocities.any() or (trajectory.positions != position).any())

    def move_gripper(self, width: float) -> None:
        """Open or close the gripper to a width [m]; beyond its range counts as its end.

        Raises:
            CommandError: A width that is not finite.
        """
        self._width = self._reader.gripper_width(width)

    def advance(self, now: int) -> Target:
        """Go on to the time ``now`` [ns] and return where everything is to be then."""
        self._now = now
        position, velocity = self._sampler.sample(1e-9 * now)
        return Target(position, velocity, self._width)
