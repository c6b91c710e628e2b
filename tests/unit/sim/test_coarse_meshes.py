"""Round shapes of few faces are closed, of the right size, and face outwards."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from introspect_sim.worlds.coarse_meshes import surface_of_revolution

CYLINDER = [(0.0, -0.5), (0.5, -0.5), (0.5, 0.5), (0.0, 0.5)]


def triangles(text: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners (n, 3, 3) and normals (n, 3) of an OBJ file's faces."""
    lines = [line.split() for line in text.splitlines()]
    corners = np.array([line[1:] for line in lines if line[0] == "v"], dtype=float)
    normals = np.array([line[1:] for line in lines if line[0] == "vn"], dtype=float)
    faces = [
        [int(word.partition("/")[0]) - 1 for word in line[1:]] for line in lines if line[0] == "f"
    ]
    return corners[faces], normals[[face[0] for face in faces]]


def test_a_turned_profile_is_closed_and_faces_outwards() -> None:
    corners, normals = triangles(surface_of_revolution(CYLINDER))
    a, b, c = corners.transpose(1, 0, 2)
    outward = np.cross(b - a, c - a)
    # The volume enclosed by outward faces is that of an octagonal prism.
    assert np.sum(a * outward) / 6.0 == pytest.approx(8 * 0.5**2 * np.sin(np.pi / 4) / 2)
    unit = outward / np.linalg.norm(outward, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, normals, atol=1e-9)
    np.testing.assert_allclose(corners.min(axis=(0, 1)), -0.5, atol=1e-9)
    np.testing.assert_allclose(corners.max(axis=(0, 1)), 0.5, atol=1e-9)
