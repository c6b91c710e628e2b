"""Forward kinematics and geometric Jacobian of a serial arm, for many arms at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_description import JointFrame

Array = NDArray[np.float64]


class KinematicChain:
    """Kinematics of a chain of revolute joints that ends in a fixed tool frame.

    ``T_base_tool(q) = prod_k T_k Rot(z, q_k) · T_tool``, with every joint frame turned once, at
    construction, so that its axis is its own z. The work is element-wise over the batch: a row's
    result does not depend on how many rows are computed with it, to the last bit.

    Args:
        frames: base to tool, as ``ArmDescription.chain()`` gives them.

    Raises:
        ValueError: A prismatic or zero axis, or no joint at all.
    """

    def __init__(self, frames: Sequence[JointFrame]) -> None:
        fixed_rotation, fixed_translation = np.eye(3), np.zeros(3)
        self._rotations: list[Array] = []
        self._translations: list[Array] = []
        for frame in frames:
            fixed_translation = fixed_translation + fixed_rotation @ frame.translation
            fixed_rotation = fixed_rotation @ frame.rotation
            if not frame.revolute:
                continue
            align = _rotation_onto_z(frame.axis, frame.name)
            self._rotations.append(fixed_rotation @ align)
            self._translations.append(fixed_translation)
            fixed_rotation, fixed_translation = align.T, np.zeros(3)
        if not self._rotations:
            raise ValueError("a kinematic chain needs at least one revolute joint, got none")
        self._tool_rotation = fixed_rotation
        self._tool_translation = fixed_translation
        self.joints = len(self._rotations)

    def forward(self, joint_position: Array) -> tuple[Array, Array]:
        """Pose of the tool in the base frame.

        Args:
            joint_position: (n, joints) [rad].

        Returns:
            Position (n, 3) [m] and rotation matrix (n, 3, 3).
        """
        position, rotation, _, _ = self._sweep(joint_position, axes=False)
        return position, rotation

    def jacobian(self, joint_position: Array) -> tuple[Array, Array, Array]:
        """Pose of the tool and the Jacobian of its twist.

        Args:
            joint_position: (n, joints) [rad].

        Returns:
            Position (n, 3) [m], rotation (n, 3, 3) and J (n, 6, joints), so that ``J @ dq`` is the
            tool's linear velocity [m/s] over its angular velocity [rad/s], in the base frame.
        """
        position, rotation, axes, origins = self._sweep(joint_position, axes=True)
        arm = position[:, None, :] - origins
        J = np.empty((len(position), 6, self.joints))
        J[:, 0] = axes[..., 1] * arm[..., 2] - axes[..., 2] * arm[..., 1]
        J[:, 1] = axes[..., 2] * arm[..., 0] - axes[..., 0] * arm[..., 2]
        J[:, 2] = axes[..., 0] * arm[..., 1] - axes[..., 1] * arm[..., 0]
        J[:, 3:] = axes.transpose(0, 2, 1)
        return position, rotation, J

    def _sweep(self, q: Array, axes: bool) -> tuple[Array, Array, Array, Array]:
        if q.ndim != 2 or q.shape[1] != self.joints:
            raise ValueError(f"joint_position must be (n, {self.joints}), got {q.shape}")
        n = len(q)
        cos, sin = np.cos(q), np.sin(q)
        position = np.zeros((n, 3))
        rotation = np.broadcast_to(np.eye(3), (n, 3, 3))
        z_axes = np.empty((n, self.joints, 3)) if axes else np.empty((0, 0, 3))
        origins = np.empty((n, self.joints, 3)) if axes else np.empty((0, 0, 3))
        for k in range(self.joints):
            position = position + _apply(rotation, self._translations[k])
            fixed = _compose(rotation, self._rotations[k])
            c, s = cos[:, k, None], sin[:, k, None]
            rotation = np.empty((n, 3, 3))
            rotation[:, :, 0] = fixed[:, :, 0] * c + fixed[:, :, 1] * s
            rotation[:, :, 1] = fixed[:, :, 1] * c - fixed[:, :, 0] * s
            rotation[:, :, 2] = fixed[:, :, 2]
            if axes:
                z_axes[:, k] = fixed[:, :, 2]
                origins[:, k] = position
        position = position + _apply(rotation, self._tool_translation)
        return position, _compose(rotation, self._tool_rotation), z_axes, origins


def _apply(rotation: Array, vector: Array) -> Array:
    """(n, 3, 3) times a constant (3,), skipping the zeros that DH-like frames are full of."""
    out = np.zeros(rotation.shape[:2])
    for j in np.flatnonzero(vector):
        out += rotation[:, :, j] * vector[j]
    return out


def _compose(rotation: Array, constant: Array) -> Array:
    """(n, 3, 3) times a constant (3, 3), column by column, skipping zeros."""
    return np.stack([_apply(rotation, constant[:, j]) for j in range(3)], axis=-1)


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
