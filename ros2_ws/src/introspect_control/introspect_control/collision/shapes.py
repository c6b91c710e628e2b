"""The arm's collision shapes as a MuJoCo specification, to which pairs are then added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from introspect_control.collision.errors import CollisionError
from introspect_control.collision.obstacles import Box, Obstacle
from introspect_control.collision.pairs import LinkTree
from introspect_control.extras import PLANNING

if TYPE_CHECKING:
    from introspect_description import ArmDescription

TABLE = "table"
_FINGER_TABLE = "table/fingers"
_COLLISION = 0  # group that MuJoCo's reader of URDF puts collision shapes into
_CORNERS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)


def load_mujoco() -> ModuleType:
    """The module ``mujoco``.

    Raises:
        CollisionError: It is not installed.
    """
    try:
        import mujoco
    except ImportError as error:
        raise CollisionError(
            f"collisions are found with MuJoCo, which cannot be imported ({error}); run: {PLANNING}"
        ) from error
    module: ModuleType = mujoco
    return module


@dataclass(frozen=True)
class Shapes:
    """What may touch, by link."""

    spec: Any  # mujoco.MjSpec
    tree: LinkTree
    geoms: dict[str, tuple[str, ...]]  # names of the shapes of each link
    fingers: frozenset[str]  # links
    surroundings: frozenset[str]  # the table and the obstacles

    def between(self, first: str, second: str) -> list[tuple[str, str]]:
        """Names of the shapes to be watched against one another for two links."""
        a, b = self.geoms[first], self.geoms[second]
        if first == TABLE and second in self.fingers:
            a = (_FINGER_TABLE,)
        if second == TABLE and first in self.fingers:
            b = (_FINGER_TABLE,)
        return [(x, y) for x in a for y in b]


def build_shapes(arm: ArmDescription, obstacles: Sequence[Obstacle], finger_depth: float) -> Shapes:
    """Read the arm's URDF and put obstacles around it.

    The table is all that lies below the plane of its top: nothing of the arm belongs there, and it
    is quicker to see. The fingers see a plane of their own, somewhat lower. Boxes that move become
    meshes of eight corners, because MuJoCo's own collider of two boxes misses gaps by centimetres.

    Args:
        arm: whose URDF is read.
        obstacles: beside the table.
        finger_depth: of the fingers' table below the other one [m].

    Raises:
        CollisionError: MuJoCo is missing, or two obstacles or links have the same name.
    """
    mujoco = load_mujoco()
    spec = mujoco.MjSpec.from_string(arm.urdf())
    for unused in (*(geom for geom in spec.geoms if geom.group != _COLLISION), *spec.equalities):
        spec.delete(unused)
    root = spec.worldbody.name
    parents = {
        body.name: (body.parent.name, bool(body.joints))
        for body in spec.bodies
        if body.name != root
    }
    for obstacle in obstacles:
        if obstacle.name in {root, *parents}:
            raise CollisionError(f"there is already a link or an obstacle '{obstacle.name}'")
        parents[obstacle.name] = (root, False)
    tree = LinkTree(parents)
    geoms: dict[str, tuple[str, ...]] = {}
    for body in spec.bodies:
        moves = tree.body(body.name) != root
        for k, geom in enumerate(body.geoms):
            geom.name = f"{body.name}/{k}"
            geoms[body.name] = (*geoms.get(body.name, ()), geom.name)
            if moves and geom.type == mujoco.mjtGeom.mjGEOM_BOX:
                _make_mesh(spec, geom, mujoco)
    _make_plane(spec, finger_depth, mujoco)
    for obstacle in obstacles:
        geoms[obstacle.name] = (_add(spec, obstacle, mujoco),)
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0  # pairs are named one by one
    return Shapes(
        spec,
        tree,
        geoms,
        fingers=frozenset(spec.joint(name).parent.name for name in arm.gripper.joint_names),
        surroundings=frozenset([TABLE, *(obstacle.name for obstacle in obstacles)]),
    )


def _make_mesh(spec: Any, geom: Any, mujoco: ModuleType) -> None:
    mesh = spec.add_mesh(name=geom.name)
    mesh.uservert = (_CORNERS * geom.size).ravel()
    geom.type, geom.meshname = mujoco.mjtGeom.mjGEOM_MESH, mesh.name


def _make_plane(spec: Any, finger_depth: float, mujoco: ModuleType) -> None:
    (box,) = spec.body(TABLE).geoms
    top = [box.pos[0], box.pos[1], box.pos[2] + box.size[2]]
    box.type, box.pos, box.size = mujoco.mjtGeom.mjGEOM_PLANE, top, [0.0, 0.0, 1.0]
    spec.body(TABLE).add_geom(
        name=_FINGER_TABLE,
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        pos=[top[0], top[1], top[2] - finger_depth],
        size=[0.0, 0.0, 1.0],
    )


def _add(spec: Any, obstacle: Obstacle, mujoco: ModuleType) -> str:
    name = f"{obstacle.name}/0"
    if isinstance(obstacle, Box):
        x, y, z, w = obstacle.orientation
        spec.worldbody.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_BOX,
            pos=obstacle.position,
            size=0.5 * np.array(obstacle.size),
            quat=[w, x, y, z],
        )
    else:
        spec.worldbody.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_SPHERE,
            pos=obstacle.position,
            size=[obstacle.radius, 0.0, 0.0],
        )
    return name
