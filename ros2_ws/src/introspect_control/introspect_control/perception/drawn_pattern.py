"""A tag's pattern as a camera would show it, and how that changes with place and blur."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.camera import CameraModel

Array = NDArray[np.float64]

_PARTS = 2  # of a pixel along its edge that are drawn apart
_RIM = 2  # of white around the pattern [modules]
_ENOUGH = 4.0  # width of a module in a patch; in finer ones, pixels are taken together [px]


class Patch(NamedTuple):
    """Part of a picture, in pixels that may be made of several."""

    grey: Array  # (rows, columns)
    u: Array  # (columns,) where they are, from the patch's middle [px]
    v: Array  # (rows,)
    places: Array  # (3, rows · columns) the same without distortion, homogeneous [px]
    parts: Array  # (3, 2 rows · 2 columns) of their parts
    edge: int  # of its pixels, in the picture's [px]


class Drawing(NamedTuple):
    """What a patch would show; all (rows · columns,), with 0 for black and 1 for white."""

    brightness: Array
    by_u: Array  # slope [1/px]
    by_v: Array  # slope [1/px]
    by_blur: Array  # slope with the standard deviation of the blur [1/px]


def cut_patch(
    picture: NDArray[np.uint8], camera: CameraModel, corners: Array, module: float
) -> Patch:
    """Cut out what is to be compared with a tag.

    Args:
        picture: (height, width) grey.
        camera: that it comes from.
        corners: (4, 2) of the tag, without distortion [px]; their mean becomes the patch's middle.
        module: edge of the tag's modules, about [px].
    """
    edge = max(1, round(module / _ENOUGH))
    rim = camera.distort(corners)
    low = np.maximum(np.floor(rim.min(axis=0) - 2.0 * module), 0).astype(int)
    high = np.minimum(np.ceil(rim.max(axis=0) + 2.0 * module) + 1, picture.shape[::-1]).astype(int)
    columns, rows = np.maximum((high - low) // edge, 0)
    left, top = low
    cut = picture[top : top + rows * edge, left : left + columns * edge].astype(np.float64)
    grey = cut.reshape(rows, edge, columns, edge).mean(axis=(1, 3))
    middle = corners.mean(axis=0)
    u, v = (
        start + edge * np.arange(count) + 0.5 * (edge - 1)
        for start, count in ((left, columns), (top, rows))
    )
    grid = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)
    ideal = (camera.undistort(grid) - middle).reshape(rows, columns, 2)
    across, down = _between(columns), _between(rows)
    parts = (
        [down @ ideal[..., k] @ across.T for k in range(2)] if ideal.size else [ideal[..., 0]] * 2
    )
    return Patch(
        grey=grey,
        u=u - middle[0],
        v=v - middle[1],
        places=_homogeneous(ideal[..., 0], ideal[..., 1]),
        parts=_homogeneous(parts[0], parts[1]),
        edge=edge,
    )


class PatternDrawer:
    """Draws a pattern of black and white modules.

    Each part of a pixel is as white as the pattern is over its area; then the drawing is blurred by
    a Gaussian in the picture, where blur is round however oblique the tag is.

    Args:
        pattern: (n, n) True where a module is white.
    """

    def __init__(self, pattern: NDArray[np.bool_]) -> None:
        self._white = np.pad(pattern.astype(np.float64), _RIM, constant_values=1.0)

    def draw(self, patch: Patch, G: Array, blur: float) -> Drawing:
        """Draw what a patch would show.

        Args:
            patch: where.
            G: (3, 3) homography from pixels to modules, from the pattern's middle; y runs down.
            blur: standard deviation, that of the pixels' own area among it [px].
        """
        sharp = self._sharp(patch, G)
        size = patch.edge / _PARTS
        u, v = (_parts(values, patch.edge) for values in (patch.u, patch.v))
        across, across_1, across_2 = _gaussian(patch.u, u, blur, size)
        down, down_1, down_2 = _gaussian(patch.v, v, blur, size)
        drawn = sharp @ across.T
        bent = down @ (sharp @ across_2.T) + down_2 @ drawn  # heat: ∂M/∂(σ²/2) = ∇²M
        return Drawing(
            brightness=(down @ drawn).ravel(),
            by_u=(down @ (sharp @ across_1.T)).ravel(),
            by_v=(down_1 @ drawn).ravel(),
            by_blur=blur * bent.ravel(),
        )

    def _sharp(self, patch: Patch, G: Array) -> Array:
        """How white each part of a pixel is (2 rows, 2 columns)."""
        x, y, w = G @ patch.parts
        with np.errstate(all="ignore"):
            x, y = x / w, y / w
        slope = G[:2, :2] - np.outer(G[:2, 2], G[2, :2])  # modules a pixel, in the middle
        widths = np.maximum(np.abs(slope).sum(axis=1) * patch.edge / _PARTS, 1e-6)
        last = len(self._white) - 1
        steps = []
        for place, width in ((x, widths[0]), (y, widths[1])):
            centre = np.nan_to_num(np.clip(place + 0.5 * (last), 0.0, last - 1e-6))
            whole = centre.astype(int)
            steps.append((whole, np.clip((centre - whole - 0.5) / width + 0.5, 0.0, 1.0)))
        (j, right), (i, below) = steps
        flat, size = self._white.ravel(), last + 1
        at = i * size + j
        upper = flat[at] + right * (flat[at + 1] - flat[at])
        lower = flat[at + size] + right * (flat[at + size + 1] - flat[at + size])
        drawn: Array = upper + below * (lower - upper)
        return drawn.reshape(_PARTS * len(patch.v), _PARTS * len(patch.u))


def _gaussian(places: Array, parts: Array, sigma: float, size: float) -> tuple[Array, Array, Array]:
    """(n, m) weights of parts in pixels, and their first and second slopes with the place."""
    off = (places[:, None] - parts[None, :]) / sigma
    weight = np.exp(-0.5 * off * off) * (size / (sigma * np.sqrt(2.0 * np.pi)))
    weight /= weight.sum(axis=1, keepdims=True)  # at the patch's rim, where parts are missing
    return weight, -off / sigma * weight, (off * off - 1.0) / sigma**2 * weight


def _parts(places: Array, edge: int) -> Array:
    """Middles of the parts of pixels (n,) of so large an edge [px]."""
    within = ((np.arange(_PARTS) + 0.5) / _PARTS - 0.5) * edge
    parts: Array = (places[:, None] + within).ravel()
    return parts


def _between(count: int) -> Array:
    """(2 count, count) that interpolates from pixels to their parts, and beyond at the rim."""
    at = _parts(np.arange(count, dtype=np.float64), 1)
    lower = np.clip(np.floor(at), 0, max(0, count - 2)).astype(int)
    matrix = np.zeros((len(at), count))
    rows = np.arange(len(at))
    matrix[rows, lower] = 1.0 - (at - lower)
    if count > 1:
        matrix[rows, lower + 1] = at - lower
    return matrix


def _homogeneous(x: Array, y: Array) -> Array:
    return np.stack([x.ravel(), y.ravel(), np.ones(x.size)])
