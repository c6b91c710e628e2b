"""Where pictures of a PyBullet world are taken: all shapes, no physics, no GL."""

from __future__ import annotations

import itertools
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_sim.worlds.bullet import pybullet
from introspect_sim.worlds.world import OBJECT_EDGE, SMALL_PICTURE, WorldError

if TYPE_CHECKING:
    from introspect_description import ArmDescription

_OBJECT_COLOUR = (0.87, 0.25, 0.15, 1.0)
_SIDES = 8  # of a round shape in a small picture
_NEAR, _FAR = 0.05, 5.0  # what the camera sees [m]
_LIGHT = (0.4, 0.6, 2.5)  # direction to it


class BulletStudio:
    """The scene with all its shapes, posed like one of a world's copies.

    Args:
        arm: in the scene.
        width: of the pictures [pixels].
        height: of the pictures [pixels].

    Raises:
        WorldError: PyBullet has no client left.
    """

    def __init__(self, arm: ArmDescription, width: int, height: int) -> None:
        self.size = width, height
        self._client = pybullet.connect(pybullet.DIRECT)
        if self._client < 0:
            raise WorldError("PyBullet has no physics client left: close a world or make n smaller")
        coarse = min(width, height) <= SMALL_PICTURE
        with tempfile.TemporaryDirectory() as folder:  # Bullet reads files only
            robot = self._load(Path(folder), arm.urdf(), coarse)
        names = [*arm.joint_names, *arm.gripper.joint_names]
        index = {
            pybullet.getJointInfo(robot, i, self._client)[1].decode(): i
            for i in range(pybullet.getNumJoints(robot, self._client))
        }
        self._robot, self._joints = robot, [index[name] for name in names]
        shape = pybullet.createVisualShape(
            pybullet.GEOM_BOX,
            halfExtents=[0.5 * OBJECT_EDGE] * 3,
            rgbaColor=_OBJECT_COLOUR,
            physicsClientId=self._client,
        )
        self._object = pybullet.createMultiBody(0.0, -1, shape, physicsClientId=self._client)
        camera = arm.camera
        self._view = pybullet.computeViewMatrix(
            camera.position.tolist(), camera.target.tolist(), [0.0, 0.0, 1.0]
        )
        self._projection = pybullet.computeProjectionMatrixFOV(
            np.degrees(camera.vertical_fov), width / height, _NEAR, _FAR
        )

    def picture(self, joints: list[float], object_pose: list[float]) -> NDArray[np.uint8]:
        """(height, width, 3) picture with arm and fingers (9,) and the object (7,) there."""
        for joint, position in zip(self._joints, joints, strict=True):
            pybullet.resetJointState(self._robot, joint, position, 0.0, self._client)
        pybullet.resetBasePositionAndOrientation(
            self._object, object_pose[:3], object_pose[3:], self._client
        )
        width, height = self.size
        image = pybullet.getCameraImage(
            width,
            height,
            viewMatrix=self._view,
            projectionMatrix=self._projection,
            shadow=False,
            lightDirection=_LIGHT,
            renderer=pybullet.ER_TINY_RENDERER,
            flags=pybullet.ER_NO_SEGMENTATION_MASK,
            physicsClientId=self._client,
        )[2]
        return np.asarray(image, dtype=np.uint8).reshape(height, width, 4)[:, :, :3].copy()

    def close(self) -> None:
        """Disconnect from the engine."""
        pybullet.disconnect(self._client)

    def _load(self, folder: Path, urdf: str, coarse: bool) -> int:
        robot = ElementTree.fromstring(urdf)
        show_collision_shapes(robot)
        if coarse:
            flatten(robot, folder)
        path = folder / "scene.urdf"
        path.write_text(ElementTree.tostring(robot, encoding="unicode"), encoding="utf-8")
        return int(pybullet.loadURDF(str(path), useFixedBase=True, physicsClientId=self._client))


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
        (folder / f"{name}.obj").write_text(turned(profile), encoding="utf-8")
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


def turned(profile: list[tuple[float, float]]) -> str:
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
