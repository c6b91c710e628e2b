"""Joints that bring the tool to a pose."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.kinematics import KinematicChain

Array = NDArray[np.float64]

_ITERATIONS = 80
_LONGEST_STEP = 0.4  # of a joint in one iteration [rad]
_DAMPING = 0.05  # λ far from the pose; it fades with the distance
_POSITION_TOLERANCE = 1e-6  # [m]
_ANGLE_TOLERANCE = 1e-6  # [rad]


class PoseSolutions(NamedTuple):
    """What was found."""

    joints: Array  # (m, joints) that bring the tool to the pose [rad]
    distance: float  # of the best try from the pose [m]
    angle: float  # of that try from the pose [rad]


def solve_pose(
    chain: KinematicChain,
    position: Array,
    rotation: Array,
    seeds: Array,
    lower: Array,
    upper: Array,
) -> PoseSolutions:
    """Damped least squares from many seeds side by side, clipped to the joint limits.

    ``dq = Jᵀ(JJᵀ + λ²I)⁻¹ e`` with the error e of position and rotation vector, and a damping that
    fades as the error does, so that the last steps are Newton's.

    Args:
        chain: from the base frame to the tool.
        position: (3,) wanted [m].
        rotation: (3, 3) wanted.
        seeds: (n, joints) to start from [rad].
        lower: (joints,) limits [rad].
        upper: (joints,) limits [rad].

    Source: Nakamura and Hanafusa 1986; Sugihara 2011 (damping by the error).
    """
    q = np.clip(seeds, lower, upper)
    for _ in range(_ITERATIONS):
        at, turned, J = chain.jacobian(q)
        error = _error(position, rotation, at, turned)
        size = np.minimum(np.linalg.norm(error, axis=1), 1.0)
        if (size < _POSITION_TOLERANCE * 0.1).all():
            break
        damping = (_DAMPING * size) ** 2 + 1e-10
        A = J @ J.transpose(0, 2, 1) + damping[:, None, None] * np.eye(6)
        step = (J.transpose(0, 2, 1) @ np.linalg.solve(A, error[:, :, None]))[:, :, 0]
        longest = np.maximum(np.abs(step).max(axis=1, keepdims=True), _LONGEST_STEP)
        q = np.clip(q + step * (_LONGEST_STEP / longest), lower, upper)
    error = _error(position, rotation, *chain.forward(q))
    distance = np.linalg.norm(error[:, :3], axis=1)
    angle = np.linalg.norm(error[:, 3:], axis=1)
    found = (distance < _POSITION_TOLERANCE) & (angle < _ANGLE_TOLERANCE)
    best = int(np.argmin(distance + 0.1 * angle))
    return PoseSolutions(q[found], float(distance[best]), float(angle[best]))


def nearest_turns(joints: Array, near: Array, lower: Array, upper: Array) -> Array:
    """Solutions (m, joints) with every joint a whole number of turns nearer, within its limits."""
    turn = 2.0 * np.pi
    best = joints
    for offset in (-2.0 * turn, -turn, turn, 2.0 * turn):
        other = joints + offset
        nearer = np.abs(other - near) < np.abs(best - near)
        best = np.where(nearer & (other >= lower) & (other <= upper), other, best)
    return best


def rotation_matrix(orientation: Array) -> Array:
    """(3, 3) of a unit quaternion (x, y, z, w)."""
    x, y, z, w = orientation
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _error(position: Array, rotation: Array, at: Array, turned: Array) -> Array:
    """(n, 6): what is missing to the pose, as position [m] and rotation vector [rad]."""
    R = rotation @ turned.transpose(0, 2, 1)
    axis = np.stack([R[:, 2, 1] - R[:, 1, 2], R[:, 0, 2] - R[:, 2, 0], R[:, 1, 0] - R[:, 0, 1]], 1)
    sine = 0.5 * np.linalg.norm(axis, axis=1)
    cosine = 0.5 * (np.trace(R, axis1=1, axis2=2) - 1.0)
    angle = np.arctan2(sine, cosine)
    scale = np.where(sine > 1e-9, 0.5 * angle / np.maximum(sine, 1e-9), 0.5)
    turn = scale[:, None] * axis
    half = (sine <= 1e-9) & (cosine < 0.0)
    if half.any():
        turn[half] = _half_turns(R[half])
    return np.concatenate([position - at, turn], axis=1)


def _half_turns(R: Array) -> Array:
    """(n, 3): vectors of rotations by π, of which the antisymmetric part tells no axis.

    ``R + I = 2 a aᵀ``: every column is a multiple of the axis a, the largest has the most digits.
    """
    columns = (R + np.eye(3)).transpose(0, 2, 1)
    lengths = np.linalg.norm(columns, axis=2)
    k = lengths.argmax(axis=1)
    rows = np.arange(len(R))
    vectors: Array = np.pi * columns[rows, k] / lengths[rows, k, None]
    return vectors
