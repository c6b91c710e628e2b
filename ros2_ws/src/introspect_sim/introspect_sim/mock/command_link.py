"""The way of commands to an arm: late, and some never arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from introspect_control.trajectory import Trajectory
from introspect_sim.commands import CommandReader
from introspect_sim.mock.delay_line import DelayLine

if TYPE_CHECKING:
    from introspect_description import ArmDescription
    from introspect_sim.mock.fault_board import FaultBoard
    from introspect_sim.mock.manners import Manners


class CommandLink:
    """Takes commands at the driver's side and hands them out at the arm's.

    Args:
        arm: that is commanded.
        manners: how long it takes.
        faults: of this moment.
        seed: of jitter and losses.

    Attributes:
        lost: commands that never arrive.
    """

    def __init__(
        self, arm: ArmDescription, manners: Manners, faults: FaultBoard, seed: Sequence[int]
    ) -> None:
        self.lost = 0
        self._reader = CommandReader(arm)
        self._faults = faults
        rngs = [np.random.default_rng([*seed, k]) for k in range(3)]
        jitter = manners.command_jitter
        self._trajectories = DelayLine[Trajectory](manners.command_latency, jitter, rngs[0])
        self._widths = DelayLine[float](manners.gripper_latency, jitter, rngs[1])
        self._losses = rngs[2]

    def send_trajectory(
        self,
        names: Sequence[str],
        times: Sequence[float],
        positions: Sequence[Sequence[float]],
        velocities: Sequence[Sequence[float]],
        now: float,
    ) -> None:
        """Send a trajectory (see ``CommandReader.trajectory``).

        Raises:
            CommandError: The driver refuses it.
        """
        trajectory = self._reader.trajectory(names, times, positions, velocities)
        if not self._loses(now):
            self._trajectories.send(trajectory, now, self._delay(now))

    def send_width(self, width: float, now: float) -> None:
        """Send the gripper a width [m].

        Raises:
            CommandError: The driver refuses it.
        """
        width = self._reader.gripper_width(width)
        if not self._loses(now):
            self._widths.send(width, now, self._delay(now))

    def trajectories(self, now: float) -> list[Trajectory]:
        """Those that have arrived."""
        return self._trajectories.arrived(now)

    def widths(self, now: float) -> list[float]:
        """Those that have arrived [m]."""
        return self._widths.arrived(now)

    def _delay(self, now: float) -> float:
        return self._faults.amount("command_latency", now) or 0.0

    def _loses(self, now: float) -> bool:
        share = self._faults.amount("command_loss", now) or 0.0
        lost = bool(self._losses.random() < share) or self._faults.on("driver_disconnect", now)
        self.lost += lost
        return lost
