"""What a camera sees of a tag while the arm moves: the equation of hand-eye calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.camera import CameraModel
from introspect_control.perception.least_squares import Fit, minimise
from introspect_control.perception.pose import Pose, mean_pose, rotation_vector
from introspect_control.perception.tag_pose import ideal_pixels, pixel_slopes
from introspect_control.perception.tagged_object import tag_corners

Array = NDArray[np.float64]

_PARAMETERS = 12  # of camera and tag; the tag's size is one more


class HandEyeState(NamedTuple):
    """What is sought: ``A_i · Y = X · B_i`` for every sample i."""

    X: Pose  # of the camera, in the base frame (fixed) or in the tool frame
    Y: Pose  # of the tag, in the tool frame (camera fixed) or in the base frame
    scale: float = 1.0  # of the tag's true size to the size told

    def moved(self, step: Array) -> HandEyeState:
        """Moved by a step: six numbers for X, six for Y, and one for the scale if there is one."""
        scale = self.scale + (float(step[12]) if len(step) > _PARAMETERS else 0.0)
        return HandEyeState(self.X.moved(step[:6]), self.Y.moved(step[6:12]), scale)


@dataclass(frozen=True, eq=False)
class HandEyeModel:
    """Corners of one tag, seen at many poses of the arm."""

    camera: CameraModel
    size: float  # edge of the tag, as told [m]
    arms: tuple[Pose, ...]  # A_i: of the tool in the base frame (camera fixed), or its inverse
    pixels: Array  # (n, 4, 2) of the corners, without distortion [px]

    def only(self, keep: Sequence[int]) -> HandEyeModel:
        """The same with some of the samples."""
        arms = tuple(self.arms[i] for i in keep)
        return HandEyeModel(self.camera, self.size, arms, self.pixels[list(keep)])

    def refine(self, start: HandEyeState, with_scale: bool = False) -> Fit[HandEyeState]:
        """The state with the least sum of squared distances of corners, seen and projected."""

        def residuals(state: HandEyeState) -> tuple[Array, Array]:
            missed, J = self.missed(state)
            columns = _PARAMETERS + with_scale
            return missed.ravel(), J.reshape(-1, J.shape[-1])[:, :columns]

        return minimise(start, residuals, HandEyeState.moved, iterations=60, tolerance=1e-9)

    def errors(self, state: HandEyeState) -> Array:
        """(n,) root mean square of each sample's distances [px]; infinite behind the camera."""
        seen = self._seen(state)[-1]
        missed = ideal_pixels(self.camera, seen.reshape(-1, 3)).reshape(self.pixels.shape)
        errors = np.sqrt(((missed - self.pixels) ** 2).sum(axis=2).mean(axis=1))
        return np.where(np.isfinite(errors), errors, np.inf)

    def missed(self, state: HandEyeState) -> tuple[Array, Array]:
        """Distances (n, 4, 2) [px], and how they move (n, 4, 2, 13) with a step."""
        A, arms, rays, seen = self._seen(state)
        n, flat = len(A), seen.reshape(-1, 3)
        missed = ideal_pixels(self.camera, flat).reshape(n, 4, 2) - self.pixels
        slopes = pixel_slopes(self.camera, flat).reshape(n, 4, 2, 3)
        to_camera = state.X.rotation.T
        through_arm = to_camera @ A  # (n, 3, 3)
        moves = np.empty((n, 4, 3, _PARAMETERS + 1))
        moves[..., 0:3] = -to_camera
        moves[..., 3:6] = to_camera @ _crosses(rays)
        moves[..., 6:9] = through_arm[:, None]
        moves[..., 9:12] = -through_arm[:, None] @ _crosses(arms)
        moves[..., 12] = (arms / state.scale) @ through_arm.transpose(0, 2, 1)
        return missed, slopes @ moves

    def _seen(self, state: HandEyeState) -> tuple[Array, Array, Array, Array]:
        """The corners on their way to the camera.

        Returns:
            Rotations of the arm (n, 3, 3); corners from the tag's middle (4, 3), after Y, and from
            the camera (n, 4, 3), after the arm; and these in the camera's frame, NaN behind it.
        """
        X, Y, scale = state
        A = np.stack([arm.rotation for arm in self.arms])
        shift = np.stack([arm.translation for arm in self.arms])
        arms = scale * tag_corners(self.size) @ Y.rotation.T
        rays = (arms + Y.translation) @ A.transpose(0, 2, 1) + shift[:, None] - X.translation
        seen = rays @ X.rotation
        return A, arms, rays, np.where(seen[..., 2:] > 1e-6, seen, np.nan)


def closed_form(arms: Sequence[Pose], tags: Sequence[Pose]) -> HandEyeState:
    """A first guess, from the poses of the tag in the camera's frame.

    With ``A_j⁻¹ A_i · Y = Y · B_j⁻¹ B_i`` for all pairs: Y turns the axes of the camera's motions
    onto those of the arm's (Kabsch), then its place follows from linear least squares, and X is the
    mean of ``A_i Y B_i⁻¹``.

    Args:
        arms: A_i.
        tags: B_i.

    Source: Park and Martin, Robot sensor calibration: solving AX = XB on the Euclidean group, 1994.
    """
    pairs = [(i, j) for i in range(len(arms)) for j in range(i)]
    by_arm = [arms[j].inverse() @ arms[i] for i, j in pairs]
    by_tag = [tags[j].inverse() @ tags[i] for i, j in pairs]
    alpha = np.array([rotation_vector(motion.rotation) for motion in by_arm])
    beta = np.array([rotation_vector(motion.rotation) for motion in by_tag])
    U, _, Vt = np.linalg.svd(alpha.T @ beta)
    R = (U * [1.0, 1.0, np.linalg.det(U @ Vt)]) @ Vt
    left = np.concatenate([motion.rotation - np.eye(3) for motion in by_arm])
    right = np.concatenate(
        [R @ b.translation - a.translation for a, b in zip(by_arm, by_tag, strict=True)]
    )
    Y = Pose(R, np.linalg.lstsq(left, right, rcond=None)[0])
    X = mean_pose([A @ Y @ B.inverse() for A, B in zip(arms, tags, strict=True)])
    return HandEyeState(X, Y)


def _crosses(vectors: Array) -> Array:
    """(..., 3, 3) cross matrices of vectors (..., 3)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = ([zero, -z, y], [z, zero, -x], [-y, x, zero])
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
