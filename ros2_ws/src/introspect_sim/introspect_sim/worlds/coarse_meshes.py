"""Round shapes of few faces, for pictures too small to show more."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

_SIDES = 8


def surface_of_revolution(profile: list[tuple[float, float]]) -> str:
    """A surface of revolution about z with few flat faces, as an OBJ file.

    Args:
        profile: (radius, height) from bottom to top.
    """
    angles = np.arange(_SIDES) * 2.0 * np.pi / _SIDES
    rings = [np.c_[r * np.cos(angles), r * np.sin(angles), 0.0 * angles + z] for r, z in profile]
    corners: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    faces: list[int] = []
    for below, above in itertools.pairwise(rings):
        for k in range(_SIDES):
            after = (k + 1) % _SIDES
            square = [below[k], below[after], above[after], above[k]]
            normal = np.cross(square[2] - square[0], square[3] - square[1])
            normal /= np.linalg.norm(normal)
            for triangle in ((0, 1, 2), (0, 2, 3)):
                a, b, c = (square[i] for i in triangle)
                if np.linalg.norm(np.cross(b - a, c - a)) < 1e-9:
                    continue  # at a pole
                faces.append(len(corners))
                corners += [(a, normal), (b, normal), (c, normal)]
    lines = [f"v {x} {y} {z}" for (x, y, z), _ in corners]
    lines += [f"vn {x} {y} {z}" for _, (x, y, z) in corners]
    lines += [f"f {i}//{i} {i + 1}//{i + 1} {i + 2}//{i + 2}" for i in (k + 1 for k in faces)]
    return "\n".join(lines) + "\n"


COARSE_MESHES = {
    "cylinder": surface_of_revolution([(0.0, -0.5), (0.5, -0.5), (0.5, 0.5), (0.0, 0.5)]),
    "sphere": surface_of_revolution(
        [(0.5 * np.sin(angle), -0.5 * np.cos(angle)) for angle in np.linspace(0.0, np.pi, 4)]
    ),
}
"""OBJ files of shapes with a diameter and a height of 1."""
