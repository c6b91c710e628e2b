"""Pictures of tags as a camera would take them: for tests, and to try things without a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.camera import CameraModel
from introspect_control.perception.families import TagFamily
from introspect_control.perception.opencv import load_opencv
from introspect_control.perception.pose import Pose
from introspect_control.perception.tagged_object import TaggedObject

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

_MARGIN = 1  # white squares around a tag
_COARSER = 8  # the background than the picture


@dataclass(frozen=True)
class PictureConfig:
    """What a camera and the light do to a picture."""

    samples: int = 4  # along the edge of a pixel, over whose area a pixel is the mean
    blur: float = 0.6  # standard deviation of the lens' blur [px]
    noise: float = 4.0  # standard deviation of every pixel [grey levels of 255]
    black: float = 35.0  # of the print [grey levels]
    white: float = 215.0  # of the paper, lit from the front [grey levels]
    shade: float = 0.5  # share of its light that a face keeps which looks away from the lamp
    background: float = 110.0  # mean of what is behind [grey levels]
    texture: float = 25.0  # standard deviation of what is behind [grey levels]

    def __post_init__(self) -> None:
        """Refuse what no camera does."""
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, got {self.samples}")
        for name in ("blur", "noise", "texture"):
            if getattr(self, name) < 0.0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


class TagPainter:
    """Paints tagged objects that stand in front of a camera.

    Every pixel is the mean over its area of what its rays meet; then come blur and noise.

    Args:
        camera: that takes the pictures.
        family: of the tags.
        config: light and camera.
        lamp: (3,) direction towards the light, in the camera's frame.
    """

    def __init__(
        self,
        camera: CameraModel,
        family: TagFamily,
        config: PictureConfig | None = None,
        lamp: Sequence[float] = (0.3, -0.8, -0.5),
    ) -> None:
        self._camera, self._family = camera, family
        self._config = config or PictureConfig()
        self._lamp = np.array(lamp) / np.linalg.norm(lamp)
        self._patterns: dict[int, NDArray[np.bool_]] = {}

    def paint(
        self, scene: Sequence[tuple[TaggedObject, Pose]], rng: np.random.Generator
    ) -> Picture:
        """(height, width) picture of objects, far ones first.

        Args:
            scene: objects with their poses in the camera's optical frame.
            rng: of background and noise.
        """
        config, camera = self._config, self._camera
        picture = _background(camera.height, camera.width, config, rng)
        placed = [
            (T_camera_object @ tag.T_object_tag, tag.id, tag.size)
            for thing, T_camera_object in scene
            for tag in thing.tags
        ]
        for T_camera_tag, tag, size in sorted(placed, key=lambda item: -item[0].translation[2]):
            self._paint_tag(picture, T_camera_tag, tag, size)
        picture = _blurred(picture, config.blur)
        picture += rng.normal(0.0, 1.0, picture.shape) * config.noise
        return np.clip(np.round(picture), 0, 255).astype(np.uint8)

    def _paint_tag(self, picture: Array, T_camera_tag: Pose, tag: int, size: float) -> None:
        camera, config = self._camera, self._config
        normal = T_camera_tag.rotation[:, 2]
        if normal @ T_camera_tag.translation >= 0.0:
            return  # seen from behind
        modules = self._family.modules
        half = 0.5 * size * (modules + 2 * _MARGIN) / modules
        edge = np.linspace(-half, half, 9)
        rim = np.concatenate([[(x, y, 0.0) for x in edge] for y in (-half, half)])
        rim = np.concatenate([rim, rim[:, [1, 0, 2]]])
        seen = T_camera_tag.apply(rim)
        if (seen[:, 2] <= 1e-3).any():
            return  # behind the camera
        pixels = camera.project(seen)
        low = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 1, 0)
        high = np.minimum(
            np.ceil(pixels.max(axis=0)).astype(int) + 2, [camera.width, camera.height]
        )
        if (low >= high).any():
            return  # outside the picture
        k = config.samples
        within = (np.arange(k) + 0.5) / k - 0.5
        u = (np.arange(low[0], high[0])[:, None] + within).ravel()
        v = (np.arange(low[1], high[1])[:, None] + within).ravel()
        grid = np.stack(np.meshgrid(u, v), axis=-1)  # (rows·k, columns·k, 2)
        ideal = camera.undistort(grid.reshape(-1, 2))
        rays = (
            np.c_[(ideal - camera.K[:2, 2]) / np.diag(camera.K)[:2], np.ones(len(ideal))]
            @ T_camera_tag.rotation
        )
        eye = -T_camera_tag.rotation.T @ T_camera_tag.translation  # the camera, seen from the tag
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = -eye[2] / rays[:, 2]
            xy = eye[:2] + reach[:, None] * rays[:, :2]
        hit = (reach > 0.0) & (np.abs(xy) < half).all(axis=1)
        share = config.shade + (1.0 - config.shade) * max(0.0, float(normal @ self._lamp))
        grey = np.where(self._white(tag, xy, hit, size), config.white, config.black) * share
        shape = (len(v) // k, k, len(u) // k, k)
        covered = hit.reshape(shape).mean(axis=(1, 3))
        colour = (grey * hit).reshape(shape).mean(axis=(1, 3))
        part = picture[low[1] : high[1], low[0] : high[0]]
        part[:] = part * (1.0 - covered) + colour

    def _white(self, tag: int, xy: Array, hit: NDArray[np.bool_], size: float) -> NDArray[np.bool_]:
        """Whether the tag is white at places (n, 2) of its plane [m]."""
        if tag not in self._patterns:
            self._patterns[tag] = np.pad(self._family.pattern(tag), _MARGIN, constant_values=True)
        pattern = self._patterns[tag]
        n = len(pattern)
        column = xy[:, 0] / size * self._family.modules + 0.5 * n
        row = -xy[:, 1] / size * self._family.modules + 0.5 * n
        white = np.zeros(len(xy), dtype=bool)
        at = [np.clip(values[hit].astype(int), 0, n - 1) for values in (row, column)]
        white[hit] = pattern[at[0], at[1]]
        return white


def _background(height: int, width: int, config: PictureConfig, rng: np.random.Generator) -> Array:
    """Something with light, shadow and edges in it, as tables have."""
    coarse = (height // _COARSER + 1, width // _COARSER + 1)
    v, u = np.indices(coarse) / max(coarse)
    light = np.zeros(coarse)
    for _ in range(6):
        a, b, phase = rng.normal(0.0, 12.0), rng.normal(0.0, 12.0), rng.uniform(0.0, 2.0 * np.pi)
        wave = np.sin(a * u + b * v + phase)
        light += np.sign(wave) if rng.random() < 0.3 else wave
    fine = np.kron(light, np.ones((_COARSER, _COARSER)))[:height, :width]
    return np.asarray(config.background + 0.4 * config.texture * fine, dtype=np.float64)


def _blurred(picture: Array, sigma: float) -> Array:
    if sigma == 0.0:
        return picture
    blurred: Array = load_opencv().GaussianBlur(picture, (0, 0), sigma)
    return blurred
