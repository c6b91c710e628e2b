"""The joint controller of an arm that is not perfect: lags, stands beside, brakes, gives up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.trajectory import HermiteSampler, Trajectory
from introspect_sim.mock.limit_window import LimitWindow

if TYPE_CHECKING:
    from introspect_description import JointLimits
    from introspect_sim.mock.manners import Manners

Array = NDArray[np.float64]

_ERROR_TIME = 0.2  # in which an extra tracking error grows, and goes [s]
_SCALING_SHARE = 0.5  # of the acceleration limits that a change of speed scaling takes


class JointController:
    """Follows trajectories through a first-order lag, ``q' = (q_command - q)/T``, tick by tick.

    A trajectory starts when it is given, from the present command. Commands beyond the arm's limits
    make it brake, from its present velocity with all of its deceleration, and hold. While it brakes
    it takes no trajectory.

    Args:
        limits: the arm's own.
        position: (joints,) to hold at first [rad].
        manners: its lag, its static error, and what it takes for a jump.
        tick: from one target to the next [s].
        rng: draws the static error of each joint.

    Attributes:
        scaling: share of its speed at which the trajectory runs now.
        braking: whether it is coming to rest.
        command: (joints,) where the trajectory is [rad].
    """

    def __init__(
        self,
        limits: JointLimits,
        position: Array,
        manners: Manners,
        tick: float,
        rng: np.random.Generator,
    ) -> None:
        joints = len(limits.names)
        self.scaling = 1.0
        self.braking = False
        self.command = np.array(position, dtype=np.float64)
        self._sampler = HermiteSampler(position)
        self._window = LimitWindow(limits, manners.limit_window, tick)
        self._window.restart(position)
        self._deceleration = limits.acceleration * tick  # in a tick [rad/s]
        self._scaling_change = _SCALING_SHARE * self._deceleration
        self._error_share = -np.expm1(-tick / _ERROR_TIME)
        self._tick = tick
        lag = manners.tracking_lag
        self._share = 1.0 if lag == 0.0 else -np.expm1(-tick / lag)
        self._static = rng.uniform(-manners.static_error, manners.static_error, joints)
        self._error = self._error_to_be = 0.0  # of all joints beside that [rad]
        self._time = 0.0  # that the trajectory has come to [s]
        self._planned_velocity = np.zeros(joints)  # of the trajectory at full speed [rad/s]
        self._position = self.command.copy()  # after the lag
        self._velocity = np.zeros(joints)

    @property
    def following(self) -> bool:
        """Whether a trajectory is under way."""
        return not self.braking and not self._sampler.done(self._time)

    def follow(self, trajectory: Trajectory) -> bool:
        """Follow a trajectory from now on; returns whether it is taken."""
        if not self.braking:
            self._sampler.follow(trajectory, self._time)
        return not self.braking

    def brake(self) -> None:
        """Drop the trajectory and come to rest, where the arm is not at rest already."""
        self.braking = self.braking or self.following or bool(self._velocity.any())

    def hold(self, measured: Array) -> None:
        """Drop the trajectory and stay where the arm is measured, (joints,) [rad], at rest."""
        if self.braking:  # and will hold where that ends
            return
        self._rest(measured - self._static - self._error)

    def advance(self, scaling: float, error: float) -> tuple[Array, Array, str]:
        """Go on by a tick.

        Args:
            scaling: share of its speed at which the trajectory is to run.
            error: that every joint is to have [rad].

        Returns:
            Where the arm is driven to (joints,) [rad], how fast (joints,) [rad/s], and which limit
            the commands have broken; "" for none.
        """
        # Twice smoothed, so that it begins and ends without a jump of velocity.
        self._error_to_be += self._error_share * (error - self._error_to_be)
        change = self._error_share * (self._error_to_be - self._error)
        self._error += change
        problem = ""
        if not self.braking:
            problem = self._go_on(scaling)
            self.braking = bool(problem)
        if self.braking:
            self._slow_down()
        velocity = self._velocity + change / self._tick
        return self._position + self._static + self._error, velocity, problem

    def _go_on(self, scaling: float) -> str:
        self._scale(scaling)
        self._time += self.scaling * self._tick
        self.command, self._planned_velocity = self._sampler.sample(self._time)
        problem = self._window.check(self.command)
        if not problem:
            before = self._position
            self._position = before + self._share * (self.command - before)
            self._velocity = (self._position - before) / self._tick
        return problem

    def _scale(self, wanted: float) -> None:
        """Change the speed scaling no faster than the moving joints can follow."""
        if wanted == self.scaling:
            return
        speed = np.maximum(np.abs(self._planned_velocity), 1e-9)
        largest = float((self._scaling_change / speed).min())
        self.scaling += min(max(wanted - self.scaling, -largest), largest)

    def _slow_down(self) -> None:
        speed = np.maximum(np.abs(self._velocity) - self._deceleration, 0.0)
        self._velocity = np.copysign(speed, self._velocity)
        self._position = self._position + self._tick * self._velocity
        if not speed.any():
            self.braking = False
            self._rest(self._position)

    def _rest(self, position: Array) -> None:
        self._position = np.array(position)
        self._velocity = np.zeros_like(self._position)
        self.command, self._planned_velocity = self._position.copy(), self._velocity
        self._sampler.reset(position)
        self._window.restart(position)
