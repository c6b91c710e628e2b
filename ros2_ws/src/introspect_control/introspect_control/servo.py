"""Cartesian servo: a tool twist becomes joint commands, in simulation and on the arm alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.kinematics import KinematicChain
from introspect_control.limiter import JointLimiter

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]


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
        if not np.all(np.less(self.workspace_lower, self.workspace_upper)):
            raise ValueError(
                f"workspace_lower {self.workspace_lower} must lie below "
                f"workspace_upper {self.workspace_upper}"
            )


class JointCommand(NamedTuple):
    """One tick's command for n arms."""

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
        self._home = np.asarray(arm.home)
        self._limiter = JointLimiter(self.limits, self.config.period, n)
        self._joint_velocity = np.zeros((n, self.chain.joints))
        self._reference = np.zeros((n, 3, 3))
        self._angular = np.zeros((n, 3))
        self._turning = 0.0  # time for which the reference has still to be turned [s]
        self._lower = np.asarray(self.config.workspace_lower)
        self._upper = np.asarray(self.config.workspace_upper)
        shape = self._joint_velocity.shape
        self._velocity = np.broadcast_to(self.limits.velocity, shape).copy()
        step = self.limits.acceleration * self.config.period
        self._acceleration_step = np.broadcast_to(step, shape).copy()
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

    def set_twist(self, linear: Array, angular: Array) -> None:
        """Take the tool twist to follow from now on; once a policy period.

        Args:
            linear: (n, 3) [m/s] in the base frame.
            angular: (n, 3) [rad/s] in the base frame.
        """
        self._turn_reference()
        position, rotation, J = self.chain.jacobian(self._limiter.position)
        posture = self.config.posture_gain * (self._home - self._limiter.position)
        moving = J @ np.stack([posture, self._limiter.velocity], axis=-1)  # (n, 6, 2)
        # The twist acts from now on, but the arm is already on its way.
        soon = position + self.config.workspace_lookahead * moving[:, :3, 1]
        twist = np.empty((len(position), 6))
        twist[:, :3] = np.maximum(linear, -self._speed(soon - self._lower))
        np.minimum(twist[:, :3], self._speed(self._upper - soon), out=twist[:, :3])
        twist[:, 3:] = _rotation_error(self._reference, rotation)
        twist[:, 3:] *= self.config.orientation_gain
        twist[:, 3:] += angular
        self._angular = np.array(angular)
        JT = J.transpose(0, 2, 1)
        normal = J @ JT
        normal.reshape(-1, 36)[:, ::7] += self.config.damping**2
        dq = posture + (JT @ np.linalg.solve(normal, (twist - moving[:, :, 0])[..., None]))[..., 0]
        excess = np.max(np.abs(dq) / self._velocity, axis=1, keepdims=True)
        self._joint_velocity = dq / np.maximum(excess, 1.0)

    def _speed(self, room: Array) -> Array:
        """Speed towards a face of the workspace that ``room`` [m] allows; negative beyond it."""
        braking = np.sqrt(2.0 * self.config.workspace_braking * np.maximum(room, 0.0))
        return np.minimum(self.config.workspace_gain * room, braking)

    def tick(self) -> JointCommand:
        """Advance one command period.

        Returns:
            The joint command to send.
        """
        change = self._joint_velocity - self._limiter.velocity
        share = np.max(np.abs(change) / self._acceleration_step, axis=1, keepdims=True)
        wanted = self._limiter.velocity + change / np.maximum(share, 1.0)
        position = self._limiter.step_velocity(wanted)
        self._turning += self.config.period
        return JointCommand(position, self._limiter.velocity.copy())

    def stop(self) -> JointCommand:
        """Advance one command period of the fastest stop."""
        self._turn_reference()
        self._joint_velocity[:] = 0.0
        self._angular[:] = 0.0
        return JointCommand(self._limiter.stop(), self._limiter.velocity.copy())

    def _turn_reference(self) -> None:
        """Let the reference orientation catch up with the ticks since the last twist."""
        if self._turning > 0.0 and self._angular.any():
            self._reference = _rotation(self._angular * self._turning) @ self._reference
        self._turning = 0.0


def _rotation_error(wanted: Array, actual: Array) -> Array:
    """Rotation vector (n, 3) from actual to wanted, exact to first order: ½ vee(W Aᵀ - A Wᵀ)."""
    turn = (wanted @ actual.transpose(0, 2, 1)).reshape(-1, 9)
    # entries 21, 02, 10 less entries 12, 20, 01
    return 0.5 * (turn.take((7, 2, 3), axis=1) - turn.take((5, 6, 1), axis=1))


def _rotation(vector: Array) -> Array:
    """Rotation matrices (n, 3, 3) of rotation vectors (n, 3): ``cI + s[a]× + (1 - c)aaᵀ``."""
    angle = np.sqrt((vector * vector).sum(axis=1, keepdims=True))
    axis = vector / np.maximum(angle, 1e-12)
    cos = np.cos(angle)
    matrix: Array = (axis * (1.0 - cos))[:, :, None] * axis[:, None, :]
    entries = matrix.reshape(-1, 9)
    entries[:, ::4] += cos
    axis *= np.sin(angle)
    entries[:, (7, 2, 3)] += axis
    entries[:, (5, 6, 1)] -= axis
    return matrix
