"""How a camera maps places to pixels: the pinhole model with lens distortion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.errors import PerceptionError

Array = NDArray[np.float64]

MODELS = {"": (0,), "plumb_bob": (0, 4, 5), "rational_polynomial": (8,)}
"""Distortion models by name as ROS has them, and how many coefficients each may come with."""

_LARGEST = 20_000  # edge of a picture [px]
_INVERSION = 0.05  # to which distortion must be invertible all over the picture [px]


@dataclass(frozen=True, eq=False)
class CameraModel:
    """Intrinsics of a camera; pixel centres are whole numbers. The arrays are read-only.

    ``u = fx·x'' + cx``, ``v = fy·y'' + cy``, where ``(x'', y'')`` is ``(X/Z, Y/Z)`` distorted:
    radially by ``(1 + k1 r² + k2 r⁴ + k3 r⁶) / (1 + k4 r² + k5 r⁴ + k6 r⁶)``, and tangentially by
    p1 and p2.

    Source: the image_pipeline's CameraInfo, and OpenCV's calibration module, which it is made by.

    Raises:
        PerceptionError: A size, matrix or distortion that no camera has, or one that cannot be
            undone somewhere in the picture.
    """

    width: int  # [px]
    height: int  # [px]
    K: Array  # (3, 3) [px]
    distortion: Array  # (n,) k1 k2 p1 p2 k3 k4 k5 k6, as many as the model has
    model: str = "plumb_bob"  # of MODELS

    def __post_init__(self) -> None:
        """Check everything and freeze the arrays."""
        for name in ("width", "height"):
            size = getattr(self, name)
            if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _LARGEST:
                raise PerceptionError(f"{name} must be 1 to {_LARGEST} px, got {size!r}")
        for name, shape in (("K", (3, 3)), ("distortion", (len(self.distortion),))):
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.shape != shape or not np.isfinite(array).all():
                raise PerceptionError(f"{name} must be {shape} and finite, got {array.tolist()}")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        K = self.K
        if not (K[0, 0] > 0.0 and K[1, 1] > 0.0):
            raise PerceptionError(
                f"K must have positive focal lengths, got {K[0, 0]:g} and {K[1, 1]:g} px; "
                "a camera that is not calibrated sends zeros"
            )
        expected = np.array([[K[0, 0], 0.0, K[0, 2]], [0.0, K[1, 1], K[1, 2]], [0.0, 0.0, 1.0]])
        if not np.array_equal(K, expected):
            raise PerceptionError(
                f"K must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], got {K.tolist()}"
            )
        if not (0.0 <= K[0, 2] <= self.width and 0.0 <= K[1, 2] <= self.height):
            raise PerceptionError(
                f"K has the middle at ({K[0, 2]:g}, {K[1, 2]:g}), outside the picture of "
                f"{self.width} × {self.height} px"
            )
        self._check_distortion()

    def _check_distortion(self) -> None:
        if self.model not in MODELS:
            known = ", ".join(name for name in MODELS if name)
            raise PerceptionError(
                f"distortion model {self.model!r} is not supported; supported are {known}: "
                "publish rectified images instead"
            )
        if len(self.distortion) not in MODELS[self.model]:
            allowed = " or ".join(str(n) for n in MODELS[self.model])
            raise PerceptionError(
                f"distortion model {self.model!r} has {allowed} coefficients, got "
                f"{len(self.distortion)}"
            )
        if not self.distortion.any():
            return
        u, v = np.meshgrid(np.linspace(0, self.width - 1, 9), np.linspace(0, self.height - 1, 9))
        pixels = np.stack([u.ravel(), v.ravel()], axis=1)
        ideal = self.undistort(pixels)
        rays = (ideal - self.K[:2, 2]) / np.diag(self.K)[:2]
        with np.errstate(all="ignore"):
            back = self.project(np.c_[rays, np.ones(len(rays))])
            missed = np.abs(back - pixels).max(axis=1)
        if not (missed < _INVERSION).all():
            worst = pixels[int(np.argmax(np.nan_to_num(missed, nan=np.inf)))]
            raise PerceptionError(
                f"distortion {self.distortion.tolist()} cannot be undone at pixel "
                f"({worst[0]:.0f}, {worst[1]:.0f}); calibrate with views up to the picture's edges"
            )

    @classmethod
    def pinhole(cls, width: int, height: int, vertical_fov: float) -> CameraModel:
        """A camera without distortion, its axis through the picture's middle.

        Args:
            width: [px].
            height: [px].
            vertical_fov: angle of view from the lower to the upper edge [rad].
        """
        focal = 0.5 * height / np.tan(0.5 * vertical_fov)
        x, y = 0.5 * (width - 1), 0.5 * (height - 1)
        return cls(width, height, np.array([[focal, 0, x], [0, focal, y], [0, 0, 1]]), np.zeros(0))

    @classmethod
    def from_arrays(
        cls,
        size: tuple[int, int],
        K: Sequence[float],
        D: Sequence[float],
        model: str,
        P: Sequence[float] = (),
        rectified: bool = False,
    ) -> CameraModel:
        """From the flat arrays of a sensor_msgs/CameraInfo.

        Args:
            size: width and height [px].
            K: nine numbers, row by row [px].
            D: the distortion's coefficients.
            model: the distortion's name.
            P: twelve numbers, row by row [px]; read where images are rectified.
            rectified: whether images have been rectified already: they have no distortion left,
                and P's intrinsics.

        Raises:
            PerceptionError: As the constructor, or another number of entries.
        """
        wanted, count, name = (P, 12, "P") if rectified else (K, 9, "K")
        if len(wanted) != count:
            raise PerceptionError(f"{name} must have {count} numbers, got {len(wanted)}")
        matrix = np.array(wanted, dtype=np.float64).reshape(3, -1)[:, :3]
        if rectified:
            return cls(*size, matrix, np.zeros(0), "")
        return cls(*size, matrix, np.array(D, dtype=np.float64), model)

    def project(self, points: Array) -> Array:
        """Pixels (n, 2) at which points (n, 3) of the camera's optical frame appear [px].

        Points must be in front of the camera: z > 0.
        """
        xy = self._distort(points[:, :2] / points[:, 2:])
        pixels: Array = xy * np.diag(self.K)[:2] + self.K[:2, 2]
        return pixels

    def distort(self, pixels: Array) -> Array:
        """Where the picture shows what would be at pixels (n, 2) without distortion [px]."""
        focal, middle = np.diag(self.K)[:2], self.K[:2, 2]
        seen: Array = self._distort((pixels - middle) / focal) * focal + middle
        return seen

    def undistort(self, pixels: Array) -> Array:
        """Where pixels (n, 2) would be without distortion: pinhole pixels of the same K [px]."""
        if not self.distortion.any():
            return np.array(pixels, dtype=np.float64)
        focal, middle = np.diag(self.K)[:2], self.K[:2, 2]
        seen = (np.asarray(pixels, dtype=np.float64) - middle) / focal
        xy = seen.copy()
        with np.errstate(all="ignore"):  # what does not converge is found out by its caller
            for _ in range(100):  # fixed point: what remains shrinks by the distortion's slope
                step = seen - self._distort(xy)
                xy += step
                if np.abs(step).max(initial=0.0) < 1e-10:
                    break
        ideal: Array = xy * focal + middle
        return ideal

    def _distort(self, xy: Array) -> Array:
        if not self.distortion.any():
            return xy
        k1, k2, p1, p2, k3, k4, k5, k6 = np.pad(self.distortion, (0, 8 - len(self.distortion)))
        x, y = xy[:, 0], xy[:, 1]
        r2 = x * x + y * y
        radial = (1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1.0 + r2 * (k4 + r2 * (k5 + r2 * k6)))
        return np.stack(
            [
                x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
                y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
            ],
            axis=1,
        )
