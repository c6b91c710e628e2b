"""Forward kinematics and geometric Jacobian of a serial arm, for many arms at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.kernels import chain as kernels

if TYPE_CHECKING:
    from introspect_description import JointFrame

Array = NDArray[np.float64]


class KinematicChain:
    """Kinematics of a chain of revolute joints that ends in a fixed tool frame.

    ``T_base_tool(q) = prod_k T_k Rot(z, q_k) · T_tool``, with every joint frame turned once, at
    construction, so that its axis is its own z. A row's result does not depend on how many rows are
    computed with it, to the last bit.

    Args:
        frames: base to tool, as ``ArmDescription.chain()`` gives them.

    Attributes:
        joints: how many there are.
        transforms: (joints + 1, 3, 4) fixed rotation and translation [m] before each joint, and of
            the tool.

    Raises:
        ValueError: A prismatic or zero axis, no joint at all or more than ``MAX_JOINTS``.
    """

    def __init__(self, frames: Sequence[JointFrame]) -> None:
        rotation, translation = np.eye(3), np.zeros(3)
        transforms = []
        for frame in frames:
            translation = translation + rotation @ frame.translation
            rotation = rotation @ frame.rotation
            if not frame.revolute:
                continue
            align = _rotation_onto_z(frame.axis, frame.name)
            transforms.append(np.c_[rotation @ align, translation])
            rotation, translation = align.T, np.zeros(3)
        self.joints = len(transforms)
        if not 1 <= self.joints <= kernels.MAX_JOINTS:
            raise ValueError(
                "a kinematic chain needs at least one revolute joint, and at most "
                f"{kernels.MAX_JOINTS}; got {self.joints}"
            )
        self.transforms = _without_rounding(np.array([*transforms, np.c_[rotation, translation]]))

    def forward(self, joint_position: Array) -> tuple[Array, Array]:
        """Pose of the tool in the base frame.

        Args:
            joint_position: (n, joints) [rad].

        Returns:
            Position (n, 3) [m] and rotation matrix (n, 3, 3).

        Raises:
            ValueError: A wrong shape.
        """
        q = self._checked(joint_position)
        position, rotation = np.empty((len(q), 3)), np.empty((len(q), 3, 3))
        kernels.forward(q, self.transforms, position, rotation)
        return position, rotation

    def jacobian(self, joint_position: Array) -> tuple[Array, Array, Array]:
        """Pose of the tool and the Jacobian of its twist.

        Args:
            joint_position: (n, joints) [rad].

        Returns:
            Position (n, 3) [m], rotation (n, 3, 3) and J (n, 6, joints), so that ``J @ dq`` is the
            tool's linear velocity [m/s] over its angular velocity [rad/s], in the base frame.

        Raises:
            ValueError: A wrong shape.
        """
        q = self._checked(joint_position)
        position, rotation = np.empty((len(q), 3)), np.empty((len(q), 3, 3))
        J = np.empty((len(q), 6, self.joints))
        kernels.jacobian(q, self.transforms, position, rotation, J)
        return position, rotation, J

    def motion(self, joint_position: Array, joint_velocity: Array) -> tuple[Array, Array, Array]:
        """Pose and linear velocity of the tool in the base frame.

        Args:
            joint_position: (n, joints) [rad].
            joint_velocity: (n, joints) [rad/s].

        Returns:
            Position (n, 3) [m], rotation matrix (n, 3, 3) and velocity (n, 3) [m/s].

        Raises:
            ValueError: A wrong shape.
        """
        q, dq = self._checked(joint_position), self._checked(joint_velocity, "joint_velocity")
        if len(q) != len(dq):
            raise ValueError(f"joint_velocity must be {q.shape}, got {dq.shape}")
        position, rotation = np.empty((len(q), 3)), np.empty((len(q), 3, 3))
        velocity = np.empty((len(q), 3))
        kernels.motion(q, dq, self.transforms, position, rotation, velocity)
        return position, rotation, velocity

    def _checked(self, values: Array, name: str = "joint_position") -> Array:
        if values.ndim != 2 or values.shape[1] != self.joints:
            raise ValueError(f"{name} must be (n, {self.joints}), got {values.shape}")
        return np.ascontiguousarray(values, dtype=np.float64)


def _without_rounding(weights: Array) -> Array:
    """Weights with those set to 0, 1 or -1 that only rounding keeps from it."""
    near = np.round(weights)
    return np.where(np.abs(weights - near) < 1e-15, near, weights)


def _rotation_onto_z(axis: Array, name: str) -> Array:
    """A rotation whose third column is ``axis``."""
    norm = float(np.linalg.norm(axis))
    if norm < 1e-9:
        raise ValueError(f"joint {name!r} has a zero axis {axis}; give a direction")
    z = np.asarray(axis, dtype=float) / norm
    if np.array_equal(z, [0.0, 0.0, 1.0]):
        return np.eye(3)
    helper = np.eye(3)[int(np.argmin(np.abs(z)))]
    x = np.cross(helper, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)
