"""Cartesian servo: a tool twist becomes joint commands, in simulation and on the arm alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.checks import finite
from introspect_control.kernels import servo as kernels
from introspect_control.kinematics import KinematicChain
from introspect_control.limiter import JointLimiter

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]

_LARGEST_LEAD = 0.1  # of the reference orientation before a tool that was held back [rad]


@dataclass(frozen=True)
class ServoConfig:
    """How the servo moves the arm."""

    period: float = 0.01  # of one joint command [s]
    velocity_scale: float = 0.5  # share of the joint velocity limits in use, (0, 1]
    acceleration_scale: float = 0.5  # share of the joint acceleration limits in use, (0, 1]
    jerk: float = 500.0  # cap on joint jerk [rad/s³]
    damping: float = 0.02  # λ of damped least squares; singular directions fade below it
    orientation_gain: float = 6.0  # pull back to the reference orientation [1/s]
    posture_gain: float = 1.0  # pull of the spare joint towards the home posture [1/s]
    workspace_lower: tuple[float, float, float] = (0.28, -0.30, 0.012)  # tool position [m]
    workspace_upper: tuple[float, float, float] = (0.68, 0.30, 0.55)  # tool position [m]
    workspace_gain: float = 6.0  # slow-down close to the workspace's faces [1/s]
    workspace_lookahead: float = 0.08  # how far ahead the slow-down looks [s]
    workspace_braking: float = 0.8  # deceleration planned with farther from them [m/s²]

    def __post_init__(self) -> None:
        """Refuse values that could not move an arm safely."""
        for name in ("velocity_scale", "acceleration_scale"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}")
        for name in ("period", "jerk", "damping", "workspace_gain", "workspace_braking"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("workspace_lower", "workspace_upper"):
            if np.shape(getattr(self, name)) != (3,):
                raise ValueError(f"{name} must be three numbers, got {getattr(self, name)}")
        if not np.all(np.less(self.workspace_lower, self.workspace_upper)):
            raise ValueError(
                f"workspace_lower {self.workspace_lower} must lie below "
                f"workspace_upper {self.workspace_upper}"
            )


class JointCommand(NamedTuple):
    """One tick's command for n arms; several ticks' with one more axis in front."""

    position: Array  # (n, joints) [rad]
    velocity: Array  # (n, joints) [rad/s]


class CartesianServo:
    """Resolved-rate control on the commanded joints, many arms at once.

    ``dq = x + Jᵀ(JJᵀ + λ²I)⁻¹(twist - J x)``: damped least squares for the twist, with the pull x
    towards the home posture in what is left of the joint space. The twist's angular part turns a
    reference orientation, which the tool is kept at. Joint velocities are scaled as a whole to the
    envelope (the direction of motion is kept), then a ``JointLimiter`` makes commands of them.

    Args:
        arm: whose chain, limits and home posture are used.
        config: gains, envelope and workspace.
        n: number of arms.

    Source: Nakamura and Hanafusa 1986 (damping); Siciliano 1990 (posture in the null space).
    """

    def __init__(self, arm: ArmDescription, config: ServoConfig | None = None, n: int = 1) -> None:
        self.config = config or ServoConfig()
        self.chain = KinematicChain(arm.chain())
        self.limits = arm.limits.scaled(
            self.config.velocity_scale, self.config.acceleration_scale, self.config.jerk
        )
        self._home = np.array(arm.home, dtype=np.float64)
        self._limiter = JointLimiter(self.limits, self.config.period, n)
        self._joint_velocity = np.zeros((n, self.chain.joints))
        self._jacobian = np.empty((n, 6, self.chain.joints))
        self._reference = np.zeros((n, 3, 3))
        self._angular = np.zeros((n, 3))
        self._turning = 0.0  # time for which the reference has still to be turned [s]
        self._velocity = np.array(self.limits.velocity, dtype=np.float64)
        self._lower = np.array(self.config.workspace_lower, dtype=np.float64)
        self._upper = np.array(self.config.workspace_upper, dtype=np.float64)
        self.reset(np.broadcast_to(self._home, (n, self.chain.joints)))

    @property
    def position(self) -> Array:
        """The commanded joint position (n, joints) [rad]."""
        return self._limiter.position

    @property
    def stopped(self) -> NDArray[np.bool_]:
        """(n,) whether the commanded arm is at rest."""
        return self._limiter.at_rest

    def reset(self, joint_position: Array, rows: NDArray[np.int64] | None = None) -> None:
        """Start from rest at these joints, keeping the orientation that the tool has there.

        Args:
            joint_position: (k, joints) [rad].
            rows: the k arms, or None for all.
        """
        self._turn_reference()
        self._limiter.reset(joint_position, rows)
        where: slice | NDArray[np.int64] = slice(None) if rows is None else rows
        self._joint_velocity[where] = 0.0
        self._angular[where] = 0.0
        self._reference[where] = self.chain.forward(self._limiter.position[where])[1]

    def resume(self, position: Array, velocity: Array, acceleration: Array) -> None:
        """Go on from what was really sent, where that is not what this servo asked for.

        The reference orientation, which has gone on turning, is held back to where the tool is.

        Args:
            position: (n, joints) [rad].
            velocity: (n, joints) [rad/s].
            acceleration: (n, joints) [rad/s²].
        """
        self._limiter.resume(position, velocity, acceleration)
        self._turn_reference()
        self._reference = _held_back(
            self._reference, self.chain.forward(self._limiter.position)[1], _LARGEST_LEAD
        )

    def set_twist(self, linear: Array, angular: Array) -> None:
        """Take the tool twist to follow from now on; once a policy period.

        Args:
            linear: (n, 3) [m/s] in the base frame.
            angular: (n, 3) [rad/s] in the base frame.

        Raises:
            ValueError: A wrong shape, or a number that is not finite.
        """
        linear = finite("linear", linear, self._angular.shape)
        angular = finite("angular", angular, self._angular.shape)
        self._turn_reference()
        self._angular = angular
        config = self.config
        kernels.resolve_twist(
            linear,
            angular,
            self._reference,
            self._limiter.position,
            self._limiter.velocity,
            self.chain.transforms,
            self._home,
            self._velocity,
            self._lower,
            self._upper,
            config.damping,
            config.orientation_gain,
            config.posture_gain,
            config.workspace_gain,
            config.workspace_lookahead,
            config.workspace_braking,
            self._jacobian,
            self._joint_velocity,
        )

    def tick(self) -> JointCommand:
        """Advance one command period.

        Returns:
            The joint command to send.
        """
        ticks = self.ticks(1)
        return JointCommand(ticks.position[0], ticks.velocity[0])

    def ticks(self, count: int) -> JointCommand:
        """Advance some command periods.

        Args:
            count: how many, 1 or more.

        Returns:
            Their commands, (count, n, joints) each.
        """
        self._turning += count * self.config.period
        return JointCommand(*self._limiter.follow(self._joint_velocity, count))

    def stop(self) -> JointCommand:
        """Advance one command period of the fastest stop."""
        self._turn_reference()
        self._joint_velocity[:] = 0.0
        self._angular[:] = 0.0
        return JointCommand(self._limiter.stop(), self._limiter.velocity)

    def _turn_reference(self) -> None:
        """Let the reference orientation catch up with the ticks since the last twist."""
        if self._turning > 0.0:
            kernels.turn_rotation(self._angular, self._turning, self._reference)
        self._turning = 0.0


def _held_back(reference: Array, rotation: Array, largest: float) -> Array:
    """Rotations (n, 3, 3) towards references, turned from ``rotation`` by at most an angle [rad].

    Rodrigues' formula, with the axis from the difference's skew-symmetric part.
    """
    result = reference.copy()
    for k, (wanted, present) in enumerate(zip(reference, rotation, strict=True)):
        difference = wanted @ present.T
        angle = float(np.arccos(np.clip(0.5 * (np.trace(difference) - 1.0), -1.0, 1.0)))
        if angle <= largest:
            continue
        skew = difference - difference.T
        axis = np.array([skew[2, 1], skew[0, 2], skew[1, 0]])
        length = float(np.linalg.norm(axis))
        if length < 1e-9:  # half a turn away: either way is as good
            result[k] = present
            continue
        x, y, z = axis / length
        K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        turn = np.eye(3) + np.sin(largest) * K + (1.0 - np.cos(largest)) * K @ K
        result[k] = turn @ present
    return result
