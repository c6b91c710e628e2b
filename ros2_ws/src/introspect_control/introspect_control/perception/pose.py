"""Where one frame is in another, and how poses are combined, compared and averaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.errors import PerceptionError

Array = NDArray[np.float64]

_SMALL = 1e-8  # an angle below which its square is nothing [rad]


@dataclass(frozen=True, eq=False)
class Pose:
    """Pose of a child frame in its parent: ``x_parent = rotation @ x_child + translation``.

    ``T_base_camera @ T_camera_tag`` is ``T_base_tag``. The arrays are read-only.

    Raises:
        PerceptionError: Another shape, numbers that are not finite, or no rotation.
    """

    rotation: Array  # (3, 3)
    translation: Array  # (3,) [m]

    def __post_init__(self) -> None:
        """Check and freeze the arrays."""
        for name, shape in (("rotation", (3, 3)), ("translation", (3,))):
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != shape or not np.isfinite(array).all():
                raise PerceptionError(f"{name} must be {shape} and finite, got {array.tolist()}")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        R = self.rotation
        if np.abs(R @ R.T - np.eye(3)).max() > 1e-6 or np.linalg.det(R) < 0.0:
            raise PerceptionError(f"rotation must be orthonormal, got {R.tolist()}")

    @classmethod
    def identity(cls) -> Pose:
        """The pose of a frame in itself."""
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def from_vector(cls, vector: Sequence[float] | Array) -> Pose:
        """From x y z [m] and a quaternion qx qy qz qw, which is normalised.

        Raises:
            PerceptionError: Not seven finite numbers, or no quaternion.
        """
        v = np.asarray(vector, dtype=np.float64)
        if v.shape != (7,) or not np.isfinite(v).all():
            raise PerceptionError(f"a pose has seven finite numbers, got {v.tolist()}")
        norm = float(np.linalg.norm(v[3:]))
        if not 1e-6 < norm < 1e6:
            raise PerceptionError(f"a quaternion needs a length, got {v[3:].tolist()}")
        x, y, z, w = v[3:] / norm
        rotation = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        return cls(np.array(rotation), v[:3])

    @classmethod
    def from_xyz_rpy(cls, xyz: Iterable[float], rpy: Iterable[float]) -> Pose:
        """From a place [m], and roll about x, then pitch about y, then yaw about z, fixed [rad]."""
        (cr, cp, cy), (sr, sp, sy) = (f(np.array(list(rpy))) for f in (np.cos, np.sin))
        rotation = [
            [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
            [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
            [-sp, cp * sr, cp * cr],
        ]
        return cls(np.array(rotation), np.array(list(xyz)))

    @classmethod
    def looking(cls, position: Sequence[float] | Array, target: Sequence[float] | Array) -> Pose:
        """Of the optical frame of a camera that stands upright: z to the target, x right, y down.

        Args:
            position: (3,) of the camera [m].
            target: (3,) in the middle of the picture [m].

        Raises:
            PerceptionError: It looks straight up or down, or nowhere.
        """
        forward = np.asarray(target, dtype=np.float64) - np.asarray(position, dtype=np.float64)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        length, across = np.linalg.norm(forward), np.linalg.norm(right)
        if not across > 1e-6 * length:
            raise PerceptionError(
                f"a camera at {list(position)} that looks at {list(target)} has no upright"
            )
        forward, right = forward / length, right / across
        rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
        return cls(rotation, np.asarray(position, dtype=np.float64))

    def __matmul__(self, other: Pose) -> Pose:
        """The pose of the other's child in this one's parent."""
        return Pose(
            _orthonormal(self.rotation @ other.rotation),
            self.rotation @ other.translation + self.translation,
        )

    def inverse(self) -> Pose:
        """The pose of the parent in the child."""
        return Pose(self.rotation.T, -self.rotation.T @ self.translation)

    def apply(self, points: Array) -> Array:
        """Points (n, 3) of the child frame, told in the parent."""
        moved: Array = points @ self.rotation.T + self.translation
        return moved

    def moved(self, step: Array) -> Pose:
        """Moved by a small step (6,), translation [m] then rotation vector [rad], in the parent.

        The rotation is about the child's origin.
        """
        turn = rotation_matrix(step[3:])
        return Pose(_orthonormal(turn @ self.rotation), self.translation + step[:3])

    def vector(self) -> Array:
        """(7,) x y z qx qy qz qw, with qw at least 0."""
        return np.concatenate([self.translation, quaternion(self.rotation)])

    def distance(self, other: Pose) -> tuple[float, float]:
        """How far apart two poses are: between their origins [m], and by rotation [rad]."""
        turn = rotation_vector(self.rotation.T @ other.rotation)
        shift = np.linalg.norm(self.translation - other.translation)
        return float(shift), float(np.linalg.norm(turn))


def rotation_matrix(vector: Array) -> Array:
    """The rotation (3, 3) about a vector (3,) by its length [rad] (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    K = cross_matrix(vector)
    if angle < _SMALL:
        return np.eye(3) + K
    sine, cosine = np.sin(angle) / angle, (1.0 - np.cos(angle)) / angle**2
    rotation: Array = np.eye(3) + sine * K + cosine * (K @ K)
    return rotation


def rotation_vector(rotation: Array) -> Array:
    """The inverse of ``rotation_matrix``: a vector (3,) of length 0 to π [rad]."""
    x, y, z, w = quaternion(rotation)
    sine = float(np.sqrt(x * x + y * y + z * z))
    if sine < _SMALL:
        return 2.0 * np.array([x, y, z])
    vector: Array = np.array([x, y, z]) * (2.0 * np.arctan2(sine, w) / sine)
    return vector


def quaternion(rotation: Array) -> Array:
    """(4,) qx qy qz qw of a rotation (3, 3), with qw at least 0 (Shepperd)."""
    R = rotation
    trace = R[0, 0] + R[1, 1] + R[2, 2]
    k = int(np.argmax([R[0, 0], R[1, 1], R[2, 2], trace]))
    q = np.empty(4)
    if k == 3:
        q[:] = R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1], 1.0 + trace
    else:
        i, j = (k + 1) % 3, (k + 2) % 3
        q[k] = 1.0 + 2.0 * R[k, k] - trace
        q[i] = R[i, k] + R[k, i]
        q[j] = R[j, k] + R[k, j]
        q[3] = R[j, i] - R[i, j]
    q /= np.linalg.norm(q)
    positive: Array = -q if q[3] < 0.0 else q
    return positive


def cross_matrix(vector: Array) -> Array:
    """(3, 3) with ``cross_matrix(a) @ b = a × b``."""
    x, y, z = vector
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def mean_pose(poses: Sequence[Pose]) -> Pose:
    """The pose that the others lie around: mean place, and the mean of rotations (chordal)."""
    if not poses:
        raise PerceptionError("the mean of no poses is asked for; give at least one")
    total = np.sum([pose.rotation for pose in poses], axis=0)
    place = np.mean([pose.translation for pose in poses], axis=0)
    return Pose(_nearest_rotation(total), place)


def _orthonormal(rotation: Array) -> Array:
    """Without what rounding has gathered: one step of Newton towards the nearest rotation."""
    corrected: Array = 1.5 * rotation - 0.5 * rotation @ rotation.T @ rotation
    return corrected


def _nearest_rotation(matrix: Array) -> Array:
    U, _, Vt = np.linalg.svd(matrix)
    sign = np.array([1.0, 1.0, np.linalg.det(U @ Vt)])
    nearest: Array = (U * sign) @ Vt
    return nearest
