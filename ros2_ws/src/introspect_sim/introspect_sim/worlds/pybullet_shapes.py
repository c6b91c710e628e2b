"""What a PyBullet scene looks like: collision shapes, with few faces where that is enough."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SIDES = 8  # of a round shape


def show_collision_shapes(robot: ElementTree.Element) -> None:
    """Let a URDF look as MuJoCo's cameras see it: its collision shapes, in the visuals' colours.

    They are half as many as the visuals, and differ from them by ornaments.
    """
    for link in robot.findall("link"):
        visuals, collisions = link.findall("visual"), link.findall("collision")
        if not collisions:
            continue
        for visual in visuals:
            link.remove(visual)
        for collision, visual in zip(collisions, visuals, strict=False):
            collision.tag = "visual"
            collision.extend(visual.findall("material"))


def flatten(robot: ElementTree.Element, folder: Path) -> None:
    """Give a URDF meshes of few faces for what is round to look at.

    Bullet draws a cylinder with five times as many, whatever the size of the picture.

    Args:
        robot: the URDF, changed.
        folder: takes the meshes, and must be there when the URDF is read.
    """
    profiles = {
        "cylinder": [(0.0, -0.5), (0.5, -0.5), (0.5, 0.5), (0.0, 0.5)],
        "sphere": [(0.5 * np.sin(a), -0.5 * np.cos(a)) for a in np.linspace(0.0, np.pi, 5)],
    }
    for name, profile in profiles.items():
        (folder / f"{name}.obj").write_text(surface_of_revolution(profile), encoding="utf-8")
    for geometry in robot.findall("link/visual/geometry"):
        for name in profiles:
            shape = geometry.find(name)
            if shape is None:
                continue
            width = 2.0 * float(shape.get("radius", 0.0))
            height = float(shape.get("length", width))
            geometry.remove(shape)
            scale = f"{width} {width} {height}"
            mesh = {"filename": str(folder / f"{name}.obj"), "scale": scale}
            ElementTree.SubElement(geometry, "mesh", mesh)


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
