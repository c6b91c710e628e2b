"""Forward kinematics and geometric Jacobian of a serial arm, for many arms at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_description import JointFrame

Array = NDArray[np.float64]

_Term = tuple[int, float]  # a column of the rotation so far, and its weight


class _Joint(NamedTuple):
    """How one joint's frame follows from the columns x, y, z of the frame before."""

    origin: tuple[_Term, ...]
    mixed: tuple[tuple[_Term, ...], ...]  # the columns anew; empty where renaming them is enough
    x: int  # index of the column that is the joint's x, up to its sign
    y: int
    z: int
    alike: bool  # whether the columns stand for x and y with the same sign
    sign: float  # of the column that stands for z


class KinematicChain:
    """Kinematics of a chain of revolute joints that ends in a fixed tool frame.

    ``T_base_tool(q) = prod_k T_k Rot(z, q_k) · T_tool``, with every joint frame turned once, at
    construction, so that its axis is its own z. The work is element-wise over the batch: a row's
    result does not depend on how many rows are computed with it, to the last bit.

    Inside, the batch is the last axis and a rotation is a list of three columns. Most joint frames
    are quarter turns of the frame before: those cost nothing, for columns change places and signs
    at construction already.

    Args:
        frames: base to tool, as ``ArmDescription.chain()`` gives them.

    Raises:
        ValueError: A prismatic or zero axis, or no joint at all.
    """

    def __init__(self, frames: Sequence[JointFrame]) -> None:
        fixed_rotation, fixed_translation = np.eye(3), np.zeros(3)
        columns = _Columns()
        self._joints: list[_Joint] = []
        for frame in frames:
            fixed_translation = fixed_translation + fixed_rotation @ frame.translation
            fixed_rotation = fixed_rotation @ frame.rotation
            if not frame.revolute:
                continue
            align = _rotation_onto_z(frame.axis, frame.name)
            self._joints.append(columns.joint(fixed_translation, fixed_rotation @ align))
            fixed_rotation, fixed_translation = align.T, np.zeros(3)
        if not self._joints:
            raise ValueError("a kinematic chain needs at least one revolute joint, got none")
        self.joints = len(self._joints)
        self._signs = np.array([joint.sign for joint in self._joints])[:, None]
        self._tool_origin = columns.terms(fixed_translation)
        self._tool_columns = [columns.terms(fixed_rotation[:, j]) for j in range(3)]

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
        turns = np.stack([np.cos(turned), np.sin(turned)], axis=1)[:, :, None]
        axes, origins = np.empty((3, self.joints, n)), np.empty((3, self.joints, n))
        position = np.zeros((3, 1))  # until the first joint, the same for all
        columns = [row[:, None] for row in np.eye(3)]
        for k, (origin, mixed, x, y, z, alike, _) in enumerate(self._joints):
            for j, weight in origin:
                position = position + columns[j] * weight
            if mixed:
                columns = [_combined(columns, terms) for terms in mixed]
            turn = turns[k]
            xc, xs = columns[x] * turn
            yc, ys = columns[y] * turn
            columns[x], columns[y] = (xc + ys, yc - xs) if alike else (xc - ys, yc + xs)
            axes[:, k] = columns[z]
            origins[:, k] = position
        axes *= self._signs
        for j, weight in self._tool_origin:
            position = position + columns[j] * weight
        tool = np.empty((3, 3, n))
        for j, terms in enumerate(self._tool_columns):
            tool[j] = _combined(columns, terms)  # where no joint has turned it, the same for all
        return np.broadcast_to(position, (3, n)), tool, axes, origins


class _Columns:
    """Which column, with which sign, is which axis of the frame reached so far."""

    def __init__(self) -> None:
        self._index, self._sign = [0, 1, 2], [1.0, 1.0, 1.0]

    def terms(self, weights: Array) -> tuple[_Term, ...]:
        """A vector of the present frame as weights of columns, without those that are zero."""
        weights = _without_rounding(weights)
        return tuple(
            (self._index[i], self._sign[i] * float(weights[i])) for i in np.flatnonzero(weights)
        )

    def joint(self, translation: Array, rotation: Array) -> _Joint:
        """Go on to a joint's frame."""
        origin = self.terms(translation)
        mixed = tuple(self.terms(rotation[:, j]) for j in range(3))
        if all(len(terms) == 1 for terms in mixed):
            self._index = [terms[0][0] for terms in mixed]
            self._sign = [terms[0][1] for terms in mixed]
            mixed = ()
        else:
            self._index, self._sign = [0, 1, 2], [1.0, 1.0, 1.0]
        x, y, z = self._index
        return _Joint(origin, mixed, x, y, z, self._sign[0] == self._sign[1], self._sign[2])


def _without_rounding(weights: Array) -> Array:
    """Weights with those set to 0, 1 or -1 that only rounding keeps from it."""
    near = np.round(weights)
    return np.where(np.abs(weights - near) < 1e-15, near, weights)


def _combined(columns: Sequence[Array], terms: tuple[_Term, ...]) -> Array:
    """The weighted sum of columns (3, n)."""
    (first, weight), *others = terms
    total = columns[first] * weight
    for j, weight in others:
        total = total + columns[j] * weight
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
