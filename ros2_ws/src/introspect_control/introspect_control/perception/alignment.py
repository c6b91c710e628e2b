"""The corners of a tag to a few hundredths of a pixel: its whole pattern laid over the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.camera import CameraModel
from introspect_control.perception.drawn_pattern import Patch, PatternDrawer, cut_patch

Array = NDArray[np.float64]

_BLURS = (0.3, 3.0)  # that a picture may have, as a standard deviation [px]
_RIM = 0.5  # of the white around a tag that is compared [modules]
_FEWEST = 60  # pixels that a comparison needs
_REST = 0.01  # step of the corners that is none [px]
_UNKNOWNS = 11  # eight of the homography, blur, gain and offset


class NotAligned(Exception):
    """A pattern does not lie where it was looked for."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Where a pattern lies in a picture."""

    corners: Array  # (4, 2) without distortion [px]: upper left, upper right, lower right, left
    covariance: Array  # (8, 8) of u and v of the corners, corner by corner, from what is left over
    correlation: float  # of pattern and picture; 1 where nothing but light and noise differ
    contrast: float  # from black to white [grey levels]
    wrong_modules: int  # that are more black than white where they should be white, or the reverse


class PatternAligner:
    """Lays a pattern of black and white modules over a picture.

    Least squares of ``I(u) - gain · M(π(G u); blur) - offset`` over the homography G from pixels to
    modules, blur, gain and offset: every edge within the tag has its say, not only the outer four.
    A wrong blur would shift the edges of narrow modules; ``∂M/∂blur = blur · ∇²M``.

    Args:
        pattern: (n, n) True where a module is white; the border among them.
        camera: that the pictures come from; pixels are compared where they would be without
            distortion.
        blur: of the pictures, about, as a standard deviation [px].

    Source: Lucas and Kanade, An iterative image registration technique, 1981; Baker and Matthews,
    Lucas-Kanade 20 years on, 2004.
    """

    def __init__(self, pattern: NDArray[np.bool_], camera: CameraModel, blur: float = 0.7) -> None:
        self._camera, self._blur = camera, blur
        self._modules = len(pattern)
        self._drawer = PatternDrawer(pattern)
        h = 0.5 * self._modules
        self._square = np.array([[-h, -h], [h, -h], [h, h], [-h, h]])

    def align(self, picture: NDArray[np.uint8], corners: Array, iterations: int = 12) -> Alignment:
        """Find where the pattern lies exactly.

        Args:
            picture: (height, width) grey.
            corners: (4, 2) about where its corners are, without distortion [px]: within less than
                half a module.
            iterations: at most.

        Raises:
            NotAligned: It does not lie there.
        """
        try:
            return self._align(picture, corners, iterations)
        except np.linalg.LinAlgError as error:
            raise NotAligned("it degenerates") from error

    def _align(self, picture: NDArray[np.uint8], corners: Array, iterations: int) -> Alignment:
        middle = corners.mean(axis=0)
        G = homography(corners - middle, self._square)
        module = _edges(corners).mean() / self._modules  # [px]
        patch = cut_patch(picture, self._camera, corners, module)
        if patch.grey.size < _FEWEST:
            raise NotAligned(f"it has {patch.grey.size} pixels, fewer than {_FEWEST}")
        blur = np.hypot(self._blur, (patch.edge - 1) / np.sqrt(12.0))
        before = corners
        for _ in range(iterations):
            G, widened, fit = self._step(G, patch, float(blur))
            blur = np.clip(blur + widened, _BLURS[0] * patch.edge, _BLURS[1] * patch.edge)
            now = apply_homography(np.linalg.inv(G), self._square) + middle
            if not (np.abs(now - corners) < module).all():  # false for NaN
                raise NotAligned("it runs away")
            if np.abs(now - before).max() < _REST:
                break
            before = now
        else:
            raise NotAligned("it does not come to rest")
        return self._result(G, middle, fit)

    def _step(self, G: Array, patch: Patch, blur: float) -> tuple[Array, float, _Comparison]:
        x, y, w = G @ patch.places
        with np.errstate(all="ignore"):
            x, y = x / w, y / w
        reach = 0.5 * self._modules + _RIM
        used = (np.abs(x) < reach) & (np.abs(y) < reach) & (w > 0.1)
        if used.sum() < _FEWEST:
            raise NotAligned(f"it has {used.sum()} pixels, fewer than {_FEWEST}")
        x, y, w, seen = (values[used] for values in (x, y, w, patch.grey.ravel()))
        u, v, one = patch.places[:, used]
        M, by_u, by_v, wider = (values[used] for values in self._drawer.draw(patch, G, blur))
        gain, offset = _line(M, seen)
        left = seen - gain * M - offset
        # From slopes in the picture to slopes in the pattern: ∂M/∂x = (∂x/∂u)⁻ᵀ ∂M/∂u.
        xu, xv = (G[0, 0] - x * G[2, 0]) / w, (G[0, 1] - x * G[2, 1]) / w
        yu, yv = (G[1, 0] - y * G[2, 0]) / w, (G[1, 1] - y * G[2, 1]) / w
        across = gain / (w * (xu * yv - xv * yu))
        a, b = across * (yv * by_u - yu * by_v), across * (xu * by_v - xv * by_u)
        c = -(a * x + b * y)
        columns = (a * u, a * v, a, b * u, b * v, b, c * u, c * v, gain * wider, M, one)
        J = np.stack(columns, axis=1)
        scale = np.sqrt((J * J).sum(axis=0)) + 1e-12
        J /= scale
        normal = J.T @ J + 1e-9 * np.eye(_UNKNOWNS)
        step = np.linalg.solve(normal, J.T @ left) / scale
        moved = G + np.append(step[:8], 0.0).reshape(3, 3)
        inverse = np.linalg.inv(normal)[:8, :8]
        comparison = _Comparison(M, seen, gain, left, x, y, inverse, scale[:8])
        return moved, float(step[8]), comparison

    def _result(self, G: Array, middle: Array, fit: _Comparison) -> Alignment:
        spread = fit.seen.std() * fit.model.std()
        agreement = np.mean((fit.seen - fit.seen.mean()) * (fit.model - fit.model.mean()))
        noise = float(fit.left @ fit.left) / max(1, len(fit.left) - _UNKNOWNS)
        H = np.linalg.inv(G)
        corners = apply_homography(H, self._square)
        # How corners move with G: π(G u) = x stays, so ∂u = -(∂x/∂u)⁻¹ ∂x/∂G.
        move = np.zeros((8, 8))
        for k, (u, v) in enumerate(corners):
            w = G[2, 0] * u + G[2, 1] * v + 1.0
            x, y = self._square[k]
            by_pixel = (G[:2, :2] - np.outer([x, y], G[2, :2])) / w
            by_G = np.zeros((2, 8))
            by_G[0, :3] = by_G[1, 3:6] = np.array([u, v, 1.0]) / w
            by_G[:, 6:] = -np.outer([x, y], [u, v]) / w
            move[2 * k : 2 * k + 2] = -np.linalg.solve(by_pixel, by_G)
        of_G = noise * fit.inverse / np.outer(fit.scale, fit.scale)
        return Alignment(
            corners=corners + middle,
            covariance=move @ of_G @ move.T,
            correlation=float(agreement / spread) if spread > 0.0 else 0.0,
            contrast=fit.gain,
            wrong_modules=self._wrong_modules(fit),
        )

    def _wrong_modules(self, fit: _Comparison) -> int:
        """Count modules of which more than half of the contrast is left over, on average."""
        n = self._modules
        column, row = (np.floor(at + 0.5 * n).astype(int) for at in (fit.x, fit.y))
        inside = (column >= 0) & (column < n) & (row >= 0) & (row < n)
        module = (row * n + column)[inside]
        left = np.bincount(module, fit.left[inside], n * n)
        pixels = np.bincount(module, minlength=n * n)
        return int((np.abs(left) > 0.5 * abs(fit.gain) * np.maximum(pixels, 1)).sum())


@dataclass(frozen=True, eq=False)
class _Comparison:
    model: Array  # (m,) the pattern at the pixels compared, 0 to 1
    seen: Array  # (m,) the picture there
    gain: float
    left: Array  # (m,) what light and pattern do not explain
    x: Array  # (m,) where in the pattern, from its middle [modules]
    y: Array  # (m,)
    inverse: Array  # (8, 8) of the scaled normal matrix
    scale: Array  # (8,)


def homography(source: Array, target: Array) -> Array:
    """(3, 3) that takes four points (4, 2) to four others, its last number 1.

    Raises:
        numpy.linalg.LinAlgError: Three of the points lie on a line.
    """
    rows, values = [], []
    for (x, y), (X, Y) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -X * x, -X * y], [0, 0, 0, x, y, 1, -Y * x, -Y * y]]
        values += [X, Y]
    H = np.linalg.solve(np.array(rows, dtype=np.float64), np.array(values))
    return np.append(H, 1.0).reshape(3, 3)


def apply_homography(H: NDArray[np.floating[Any]], points: Array) -> Array:
    """Points (n, 2) after a homography."""
    moved = np.c_[points, np.ones(len(points))] @ H.T
    mapped: Array = moved[:, :2] / moved[:, 2:]
    return mapped


def _edges(corners: Array) -> Array:
    """(4,) lengths of a quadrangle's edges."""
    lengths: Array = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    return lengths


def _line(x: Array, y: Array) -> tuple[float, float]:
    """Gain and offset of ``y ≈ gain · x + offset``."""
    dx = x - x.mean()
    gain = float(dx @ y) / max(float(dx @ dx), 1e-12)
    return gain, float(y.mean() - gain * x.mean())
