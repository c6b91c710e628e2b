"""What PyBullet's pictures are made of."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from introspect_description import ArmDescription
from introspect_sim.worlds.pybullet_shapes import (
    fixed_links,
    flatten,
    keep_visuals,
    show_collision_shapes,
)


def test_what_is_round_becomes_a_mesh_of_its_size(tmp_path: Path) -> None:
    robot = ElementTree.fromstring(
        "<robot><link><visual><geometry><cylinder radius='0.1' length='0.3'/></geometry></visual>"
        "<visual><geometry><sphere radius='0.2'/></geometry></visual>"
        "<visual><geometry><box size='1 1 1'/></geometry></visual></link></robot>"
    )
    flatten(robot, tmp_path)
    meshes = robot.findall("link/visual/geometry/mesh")
    assert [mesh.get("scale") for mesh in meshes] == ["0.2 0.2 0.3", "0.4 0.4 0.4"]
    assert all(Path(mesh.get("filename", "")).is_file() for mesh in meshes)
    assert robot.find("link/visual/geometry/box") is not None


def test_collision_shapes_take_the_colours_of_the_visuals() -> None:
    robot = ElementTree.fromstring(
        "<robot><link><visual><geometry><sphere radius='1'/></geometry><material name='red'/>"
        "</visual><visual><geometry><sphere radius='2'/></geometry></visual>"
        "<collision><geometry><box size='1 1 1'/></geometry></collision></link></robot>"
    )
    show_collision_shapes(robot)
    assert robot.find("link/collision") is None
    (visual,) = robot.findall("link/visual")
    assert visual.find("geometry/box") is not None
    assert visual.find("material").get("name") == "red"  # type: ignore[union-attr]


def test_what_stands_still_and_what_moves_make_up_the_whole() -> None:
    urdf = ArmDescription.load("panda").urdf()
    still = fixed_links(ElementTree.fromstring(urdf))
    assert {"table", "panda_link0"} <= still
    assert not {"panda_link1", "panda_hand", "panda_leftfinger"} & still

    robot = ElementTree.fromstring(urdf)
    keep_visuals(robot, still)
    shown = {link.get("name") for link in robot.findall("link") if link.findall("visual")}

    assert {"table", "panda_link0"} <= shown <= still
