"""Forward kinematics and geometric Jacobian of a serial arm, for many arms at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_description import JointFrame

Array = NDArray[np.float64]

_Term = tuple[int, float]  # column of a rotation matrix, and its weight


class KinematicChain:
    """Kinematics of a chain of revolute joints that ends in a fixed tool frame.

    ``T_base_tool(q) = prod_k T_k Rot(z, q_k) · T_tool``, with every joint frame turned once, at
    construction, so that its axis is its own z. The work is element-wise over the batch: a row's
    result does not depend on how many rows are computed with it, to the last bit.

    Inside, the batch is the last axis, and a rotation is its three columns: every operation is
    then one pass over contiguous memory, and the zeros and ones that joint frames are full of
    cost nothing.

    Args:
        frames: base to tool, as ``ArmDescription.chain()`` gives them.

    Raises:
        ValueError: A prismatic or zero axis, or no joint at all.
    """

    def __init__(self, frames: Sequence[JointFrame]) -> None:
        fixed_rotation, fixed_translation = np.eye(3), np.zeros(3)
        rotations: list[Array] = []
        translations: list[Array] = []
        for frame in frames:
            fixed_translation = fixed_translation + fixed_rotation @ frame.translation
            fixed_rotation = fixed_rotation @ frame.rotation
            if not frame.revolute:
                continue
            align = _rotation_onto_z(frame.axis, frame.name)
            rotations.append(fixed_rotation @ align)
            translations.append(fixed_translation)
            fixed_rotation, fixed_translation = align.T, np.zeros(3)
        if not rotations:
            raise ValueError("a kinematic chain needs at least one revolute joint, got none")
        self.joints = len(rotations)
        # Per joint, and last for the tool: how its frame's columns and origin follow from the
        # columns of the frame before.
        self._columns = [
            [_terms(rotation[:, j]) for j in range(3)] for rotation in (*rotations, fixed_rotation)
        ]
        self._origins = [_terms(translation) for translation in (*translations, fixed_translation)]

    def forward(self, joint_position: Array) -> tuple[Array, Array]:
        """Pose of the tool in the base frame.

        Args:
            joint_position: (n, joints) [rad].

        Returns:
            Position (n, 3) [m] and rotation matrix (n, 3, 3).
        """
        position, rotation, _, _ = self._sweep(joint_position)
        return position.T.copy(), rotation.transpose(2, 1, 0).copy()

    def jacobian(self, joint_position: Array) -> tuple[Array, Array, Array]:
        """Pose of the tool and the Jacobian of its twist.

        Args:
            joint_position: (n, joints) [rad].

        Returns:
            Position (n, 3) [m], rotation (n, 3, 3) and J (n, 6, joints), so that ``J @ dq`` is the
            tool's linear velocity [m/s] over its angular velocity [rad/s], in the base frame.
        """
        position, rotation, axes, origins = self._sweep(joint_position)
        n = len(joint_position)
        # Components x y z x y: the cross product is then two products of neighbouring slices.
        axis = np.concatenate([axes, axes[:2]])
        arm = np.empty_like(axis)
        np.subtract(position[:, None], origins, out=arm[:3])
        arm[3:] = arm[:2]
        J = np.empty((n, 6, self.joints))
        by_component = J.transpose(1, 2, 0)
        np.subtract(axis[1:4] * arm[2:5], axis[2:5] * arm[1:4], out=by_component[:3])
        by_component[3:] = axes
        return position.T.copy(), rotation.transpose(2, 1, 0).copy(), J

    def _sweep(self, q: Array) -> tuple[Array, Array, Array, Array]:
        """From base to tool.

        Returns:
            Position (3, n) and columns of the rotation (3, 3, n) of the tool; axes (3, joints, n)
            and origins (3, joints, n) of the joints.
        """
        if q.ndim != 2 or q.shape[1] != self.joints:
            raise ValueError(f"joint_position must be (n, {self.joints}), got {q.shape}")
        n = len(q)
        turned = np.ascontiguousarray(q.T)
        cos, sin = np.cos(turned), np.sin(turned)
        axes, origins = np.empty((3, self.joints, n)), np.empty((3, self.joints, n))
        position = np.zeros((3, 1))  # until the first joint, the same for all
        columns = [row[:, None] for row in np.eye(3)]
        for k in range(self.joints):
            position = _combine(columns, self._origins[k], position)
            x, y, z = (_combine(columns, terms) for terms in self._columns[k])
            c, s = cos[k], sin[k]
            columns = [x * c + y * s, y * c - x * s, z]
            axes[:, k] = z
            origins[:, k] = position
        position = _combine(columns, self._origins[-1], position)
        tool = np.stack([_combine(columns, terms) for terms in self._columns[-1]])
        return position, tool, axes, origins


def _terms(weights: Array) -> tuple[_Term, ...]:
    """The non-zero entries; what only rounding keeps from zero or one counts as zero or one."""
    near = np.round(weights)
    exact = np.where(np.abs(weights - near) < 1e-15, near, weights)
    return tuple((j, float(exact[j])) for j in np.flatnonzero(exact))


def _combine(columns: Sequence[Array], terms: tuple[_Term, ...], start: Array | None = None) -> Array:
    """``start`` plus the weighted sum of columns (3, n); may be one of them itself."""
    total = start
    for j, weight in terms:
        if total is None:
            total = columns[j] if weight == 1.0 else columns[j] * weight
        else:
            total = total + (columns[j] if weight == 1.0 else columns[j] * weight)
    assert total is not None, "a rotation has no zero column"
    return total


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
