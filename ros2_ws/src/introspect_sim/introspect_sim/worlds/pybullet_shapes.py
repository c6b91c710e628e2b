"""What a PyBullet scene looks like: collision shapes, with few faces where that is enough."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from introspect_sim.worlds.coarse_meshes import COARSE_MESHES


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


def fixed_links(robot: ElementTree.Element) -> set[str]:
    """Names of a URDF's links that cannot move: no joint but fixed ones leads to them."""
    joints = {
        joint.find("child").get("link"): joint  # type: ignore[union-attr]
        for joint in robot.findall("joint")
    }

    def fixed(link: str) -> bool:
        joint = joints.get(link)
        if joint is None:
            return True
        parent = joint.find("parent").get("link")  # type: ignore[union-attr]
        return joint.get("type") == "fixed" and fixed(str(parent))

    return {name for link in robot.findall("link") if fixed(name := str(link.get("name")))}


def keep_visuals(robot: ElementTree.Element, links: set[str]) -> None:
    """Take the visuals of all other links out of a URDF."""
    for link in robot.findall("link"):
        if link.get("name") not in links:
            for visual in link.findall("visual"):
                link.remove(visual)


def flatten(robot: ElementTree.Element, folder: Path) -> None:
    """Give a URDF meshes of few faces for what is round to look at.

    Bullet draws a cylinder with five times as many, whatever the size of the picture.

    Args:
        robot: the URDF, changed.
        folder: takes the meshes, and must be there when the URDF is read.
    """
    for name, mesh in COARSE_MESHES.items():
        (folder / f"{name}.obj").write_text(mesh, encoding="utf-8")
    for geometry in robot.findall("link/visual/geometry"):
        for name in COARSE_MESHES:
            shape = geometry.find(name)
            if shape is None:
                continue
            width = 2.0 * float(shape.get("radius", 0.0))
            height = float(shape.get("length", width))
            geometry.remove(shape)
            scale = f"{width} {width} {height}"
            file = {"filename": str(folder / f"{name}.obj"), "scale": scale}
            ElementTree.SubElement(geometry, "mesh", file)
