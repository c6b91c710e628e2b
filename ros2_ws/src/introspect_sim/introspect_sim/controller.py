"""The joint controller of a simulated arm: takes trajectories by joint name and follows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.trajectory import HermiteSampler, Trajectory

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]


class CommandError(Exception):
    """A command that the controller refuses; it goes on with what it did before."""


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
        self._names = arm.joint_names
        self._gripper = arm.gripper
        self._sampler = HermiteSampler(np.asarray(arm.home))
        self._now = 0
        self._width = arm.gripper.width_max
        self._order: list[int] = []
        self._order_of: list[str] | None = None

    def hold(self, position: Array) -> None:
        """Drop the trajectory, hold (7,) [rad] and open the gripper."""
        self._sampler.reset(position)
        self._width = self._gripper.width_max

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
            CommandError: Unknown, missing or repeated joints, points without velocities, times
                that do not increase, or a number that is not finite.
        """
        order = self._match(names)
        try:
            trajectory = Trajectory(
                np.array(times, dtype=np.float64),
                np.array(positions, dtype=np.float64)[:, order],
                np.array(velocities, dtype=np.float64)[:, order],
            )
        except (ValueError, IndexError):
            raise CommandError(
                f"trajectory refused: each point needs {len(order)} positions and velocities, got "
                f"{sorted({len(p) for p in positions})} and {sorted({len(v) for v in velocities})}"
            ) from None
        try:
            self._sampler.follow(trajectory, 1e-9 * self._now)
        except ValueError as error:
            raise CommandError(f"trajectory refused: {error}") from error
        position, _ = self._sampler.sample(1e-9 * self._now)
        return bool(trajectory.velocities.any() or (trajectory.positions != position).any())

    def move_gripper(self, width: float) -> None:
        """Open or close the gripper to a width [m]; beyond its range counts as its end.

        Raises:
            CommandError: A width that is not finite.
        """
        if not np.isfinite(width):
            raise CommandError(f"gripper command refused: the width must be finite, got {width}")
        self._width = min(max(float(width), self._gripper.width_min), self._gripper.width_max)

    def advance(self, now: int) -> Target:
        """Go on to the time ``now`` [ns] and return where everything is to be then."""
        self._now = now
        position, velocity = self._sampler.sample(1e-9 * now)
        return Target(position, velocity, self._width)

    def _match(self, names: Sequence[str]) -> list[int]:
        names = list(names)
        if names != self._order_of:
            if sorted(names) != sorted(self._names):
                raise CommandError(
                    f"trajectory refused: it names {', '.join(names) or 'no joint'}; "
                    f"the arm has {', '.join(self._names)}"
                )
            self._order = [names.index(name) for name in self._names]
            self._order_of = names
        return self._order
