"""Where pictures of a PyBullet world are taken: all shapes, no physics, no GL."""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_sim.worlds.bullet import pybullet
from introspect_sim.worlds.pybullet_shapes import (
    fixed_links,
    flatten,
    keep_visuals,
    show_collision_shapes,
)
from introspect_sim.worlds.world import OBJECT_EDGE, SMALL_PICTURE, WorldError

if TYPE_CHECKING:
    from introspect_description import ArmDescription

_OBJECT_COLOUR = (0.87, 0.25, 0.15, 1.0)
_NEAR, _FAR = 0.05, 5.0  # what the camera sees [m]
_LIGHT = (0.4, 0.6, 2.5)  # direction to it


class BulletStudio:
    """The scene with all its shapes, posed like one of a world's copies.

    What cannot move is drawn once and kept with its depth: the table's pixels alone would take as
    long as all the rest.

    Args:
        arm: in the scene.
        width: of the pictures [pixels].
        height: of the pictures [pixels].

    Raises:
        WorldError: PyBullet has no client left, or cannot read the URDF.
    """

    def __init__(self, arm: ArmDescription, width: int, height: int) -> None:
        self.size = width, height
        self._client = pybullet.connect(pybullet.DIRECT)
        if self._client < 0:
            raise WorldError("PyBullet has no physics client left: close a world or make n smaller")
        camera = arm.camera
        self._view = pybullet.computeViewMatrix(
            camera.position.tolist(), camera.target.tolist(), [0.0, 0.0, 1.0]
        )
        self._projection = pybullet.computeProjectionMatrixFOV(
            np.degrees(camera.vertical_fov), width / height, _NEAR, _FAR
        )
        coarse = min(width, height) <= SMALL_PICTURE
        try:
            with tempfile.TemporaryDirectory() as folder:  # Bullet reads files only
                still = self._load(Path(folder), arm.urdf(), coarse, moving=False)
                self._background, self._background_depth = self._draw()
                pybullet.removeBody(still, self._client)
                robot = self._load(Path(folder), arm.urdf(), coarse, moving=True)
        except pybullet.error as error:
            self.close()
            raise WorldError(f"PyBullet cannot read the arm's URDF: {error}") from error
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

    def picture(self, joints: list[float], object_pose: list[float]) -> NDArray[np.uint8]:
        """(height, width, 3) picture with arm and fingers (9,) and the object (7,) there."""
        pybullet.resetJointStatesMultiDof(
            self._robot, self._joints, [[q] for q in joints], physicsClientId=self._client
        )
        pybullet.resetBasePositionAndOrientation(
            self._object, object_pose[:3], object_pose[3:], self._client
        )
        moving, depth = self._draw()
        pixels = np.where(depth < self._background_depth, moving, self._background)
        height, width = pixels.shape
        return pixels.view(np.uint8).reshape(height, width, 4)[:, :, :3].copy()

    def _draw(self) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
        """RGBA pixels and depth, (height, width) each, of what is loaded, as it stands."""
        width, height = self.size
        picture, depth = pybullet.getCameraImage(
            width,
            height,
            viewMatrix=self._view,
            projectionMatrix=self._projection,
            shadow=False,
            lightDirection=_LIGHT,
            renderer=pybullet.ER_TINY_RENDERER,
            flags=pybullet.ER_NO_SEGMENTATION_MASK,
            physicsClientId=self._client,
        )[2:4]
        return (
            np.asarray(picture, dtype=np.uint8).view(np.uint32).reshape(height, width),
            np.asarray(depth, dtype=np.float32).reshape(height, width),
        )

    def close(self) -> None:
        """Disconnect from the engine."""
        pybullet.disconnect(self._client)

    def _load(self, folder: Path, urdf: str, coarse: bool, moving: bool) -> int:
        robot = ElementTree.fromstring(urdf)
        show_collision_shapes(robot)
        still = fixed_links(robot)
        links = {str(link.get("name")) for link in robot.findall("link")}
        keep_visuals(robot, links - still if moving else still)
        if coarse:
            flatten(robot, folder)
        path = folder / f"moving_{moving}.urdf"  # Bullet reads a file of a name only once
        path.write_text(ElementTree.tostring(robot, encoding="unicode"), encoding="utf-8")
        return int(pybullet.loadURDF(str(path), useFixedBase=True, physicsClientId=self._client))
