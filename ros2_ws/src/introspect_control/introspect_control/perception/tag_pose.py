"""The pose of corners in front of a camera, from where they are seen: perspective-n-point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.camera import CameraModel
from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.least_squares import minimise
from introspect_control.perception.opencv import load_opencv
from introspect_control.perception.pose import Pose
from introspect_control.perception.tagged_object import tag_corners

Array = NDArray[np.float64]

_SAME = 0.02  # two poses that differ by no more than this are one [rad]


@dataclass(frozen=True, eq=False)
class Corners:
    """Corners of one tag: where they are on a body, and where they are seen."""

    places: Array  # (4, 3) in the body's frame [m]
    pixels: Array  # (4, 2) without distortion [px]
    whitening: Array  # (8, 8) W with Wᵀ W the inverse of the pixels' covariance [1/px]


@dataclass(frozen=True, eq=False)
class PoseFit:
    """A pose at which corners would be seen as they are, nearly."""

    pose: Pose  # of the body in the camera's optical frame
    error: float  # root mean square of the distances of corners, seen and projected [px]
    chi_squared: float  # sum of squares of the same, in standard deviations
    freedom: int  # numbers seen beyond the six of the pose
    covariance: NDArray[
        np.floating[Any]
    ]  # (6, 6) of place [m] and rotation [rad], in the camera's frame

    @property
    def position_std(self) -> float:
        """Standard deviation of the place along its worst direction [m]."""
        return float(np.sqrt(np.linalg.eigvalsh(self.covariance[:3, :3])[-1]))

    @property
    def rotation_std(self) -> float:
        """Standard deviation of the rotation about its worst axis [rad]."""
        return float(np.sqrt(np.linalg.eigvalsh(self.covariance[3:, 3:])[-1]))


def fit_pose(corners: Sequence[Corners], camera: CameraModel, start: Pose) -> PoseFit | None:
    """The pose that explains all corners best, near a first guess.

    Args:
        corners: of tags on the same body.
        camera: that sees them.
        start: of the body in the camera's optical frame.

    Returns:
        The fit; None where it leads behind the camera.
    """
    places = np.concatenate([tag.places for tag in corners])
    pixels = np.concatenate([tag.pixels for tag in corners])
    whitening = np.stack([tag.whitening for tag in corners])  # (tags, 8, 8)
    tags = len(corners)

    def residuals(pose: Pose) -> tuple[Array, Array]:
        arms = places @ pose.rotation.T
        seen, J = _projected(camera, arms + pose.translation, arms)
        r = whitening @ (seen - pixels).reshape(tags, 8, 1)
        return r.ravel(), (whitening @ J.reshape(tags, 8, 6)).reshape(-1, 6)

    fit = minimise(start, residuals, Pose.moved)
    seen = fit.state.apply(places)
    if not np.isfinite(fit.cost) or (seen[:, 2] <= 0.0).any():
        return None
    missed = ideal_pixels(camera, seen) - pixels
    normal = fit.jacobian.T @ fit.jacobian
    return PoseFit(
        pose=fit.state,
        error=float(np.sqrt((missed**2).sum(axis=1).mean())),
        chi_squared=fit.cost,
        freedom=2 * len(places) - 6,
        covariance=np.linalg.pinv(normal, hermitian=True),
    )


def fit_tag(corners: Corners, size: float, camera: CameraModel) -> list[PoseFit]:
    """Both poses that a square may have for how it is seen, the likelier one first.

    A square seen from far enough away looks nearly alike when it is tipped towards the camera and
    away from it. There is one pose alone where both come to the same.

    Args:
        corners: of the tag, in its own frame.
        size: edge of the tag [m].
        camera: that sees it.

    Source: Collins and Bartoli, Infinitesimal plane-based pose estimation, 2014.
    """
    cv2 = load_opencv()
    found, turns, shifts, _ = cv2.solvePnPGeneric(
        tag_corners(size),
        corners.pixels.reshape(4, 1, 2),
        camera.K,
        None,
        flags=cv2.SOLVEPNP_IPPE_SQUARE,
    )
    fits: list[PoseFit] = []
    for turn, shift in zip(turns, shifts, strict=True) if found else ():
        try:
            start = Pose(cv2.Rodrigues(turn)[0], shift.ravel())
        except PerceptionError:
            continue  # not finite
        fit = fit_pose([corners], camera, start)
        if fit is not None and _faces_camera(fit.pose):
            fits.append(fit)
    fits.sort(key=lambda fit: fit.chi_squared)
    if len(fits) == 2 and fits[0].pose.distance(fits[1].pose)[1] < _SAME:
        del fits[1]
    return fits


def likely(fits: Sequence[PoseFit], clear: float) -> list[PoseFit]:
    """The fits that are nearly as likely as the best one.

    ``(χ² - χ²_best) / max(1, χ²_best / freedom) < clear``: where even the best one fits worse than
    it should, as after a poor calibration, another must be the more worse.

    Args:
        fits: the likeliest first.
        clear: difference from which on a pose is ruled out.
    """
    if not fits:
        return []
    best = fits[0]
    unit = max(1.0, best.chi_squared / best.freedom)
    return [fit for fit in fits if fit.chi_squared - best.chi_squared < clear * unit]


def ideal_pixels(camera: CameraModel, points: Array) -> Array:
    """Pixels (n, 2) of points (n, 3) in front of the camera, without distortion [px]."""
    focal, middle = np.diag(camera.K)[:2], camera.K[:2, 2]
    pixels: Array = points[:, :2] / points[:, 2:] * focal + middle
    return pixels


def pixel_slopes(camera: CameraModel, points: Array) -> Array:
    """(n, 2, 3) how ``ideal_pixels`` move with the points [px/m]."""
    fx, fy = np.diag(camera.K)[:2]
    x, y, z = points.T
    zero = np.zeros_like(z)
    slopes: Array = np.stack(
        [
            np.stack([fx / z, zero, -fx * x / z**2], axis=1),
            np.stack([zero, fy / z, -fy * y / z**2], axis=1),
        ],
        axis=1,
    )
    return slopes


def _projected(camera: CameraModel, points: Array, arms: Array) -> tuple[Array, Array]:
    """Pixels (n, 2), and how they move (n, 2, 6) with a step of ``Pose.moved``.

    A slope s of a pixel with its point is one of ``arm × s`` with the rotation vector.
    """
    n = len(points)
    J = np.zeros((n, 2, 6))
    x, y, z = points.T
    if (z <= 1e-6).any():
        return np.full((n, 2), np.nan), np.full((n, 2, 6), np.nan)
    (fx, cx), (fy, cy) = camera.K[0, [0, 2]], camera.K[1, [1, 2]]
    near = 1.0 / z
    u, v = x * near, y * near
    ux, uz = fx * near, -fx * u * near
    vy, vz = fy * near, -fy * v * near
    a, b, c = arms.T
    J[:, 0, 0], J[:, 0, 2] = ux, uz
    J[:, 0, 3], J[:, 0, 4], J[:, 0, 5] = b * uz, c * ux - a * uz, -b * ux
    J[:, 1, 1], J[:, 1, 2] = vy, vz
    J[:, 1, 3], J[:, 1, 4], J[:, 1, 5] = b * vz - c * vy, -a * vz, a * vy
    return np.stack([fx * u + cx, fy * v + cy], axis=1), J


def _faces_camera(pose: Pose) -> bool:
    return float(pose.rotation[:, 2] @ pose.translation) < 0.0
