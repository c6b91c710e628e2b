"""How near the arm is to touching something, in microseconds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from introspect_control.collision.errors import CollisionError
from introspect_control.collision.obstacles import Obstacle
from introspect_control.collision.pairs import choose_pairs
from introspect_control.collision.shapes import build_shapes, load_mujoco

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]


class Nearest(NamedTuple):
    """The two links that are nearest to one another."""

    distance: float  # negative where they overlap, by how deep; at most the model's reach [m]
    first: str  # "" where nothing is within reach
    second: str


class Gap(NamedTuple):
    """Two links within reach of one another."""

    distance: float  # negative where they overlap, by how deep [m]
    first: str
    second: str
    joints: tuple[int, int]  # that move them against one another: from the one, before the other


class CollisionModel:
    """Distances between the arm's links, and to what stands around it.

    MuJoCo's kinematics and colliders on the shapes of the arm's URDF; nothing is simulated. Links
    that a joint connects, the two fingers, and links that touch at home may touch: ``excluded``
    tells them all. The table reaches down and outwards without end. The fingers, which pick things
    up from it, see it ``finger_depth`` lower: with a margin of 10 mm they may go 4 mm into it,
    where everything else stays 10 mm above.

    Not for two threads at once.

    Args:
        arm: whose URDF is read.
        obstacles: beside the table.
        reach: up to which distances are told [m]; a longer one takes more time.
        finger_depth: of the table below its top for the fingers [m].

    Attributes:
        arm: the arm.
        obstacles: beside the table.
        reach: up to which distances are told [m].
        finger_depth: of the table for the fingers [m].
        watched: pairs of links between which distances are measured.
        excluded: pairs of links that may touch, with the reason.
        levers: (7,) farthest that a point which a joint moves can be from the joint's axis [m].

    Raises:
        CollisionError: MuJoCo is missing, a number is not positive, or a name is used twice.
    """

    def __init__(
        self,
        arm: ArmDescription,
        obstacles: Sequence[Obstacle] = (),
        reach: float = 0.03,
        finger_depth: float = 0.014,
    ) -> None:
        for name, value in (("reach", reach), ("finger_depth", finger_depth)):
            if not 0.0 < value < 1.0:
                raise CollisionError(f"{name} must be in (0, 1) m, got {value}")
        self.arm = arm
        self.obstacles = tuple(obstacles)
        self.reach = reach
        self.finger_depth = finger_depth
        self._mujoco = load_mujoco()
        self._build(touching=())
        touching = self._touching(arm.home)
        if touching:
            self._build(touching)
        self.levers = self._measure_levers()

    def with_obstacles(self, *obstacles: Obstacle) -> CollisionModel:
        """A model with more around the arm."""
        everything = (*self.obstacles, *obstacles)
        return CollisionModel(self.arm, everything, self.reach, self.finger_depth)

    def nearest(self, joint_position: ArrayLike, gripper_width: float | None = None) -> Nearest:
        """The two links that are nearest to one another.

        Args:
            joint_position: (7,) [rad], finite.
            gripper_width: distance between the fingers [m]; None: wide open.
        """
        self._place(joint_position, gripper_width)
        data = self._data
        if not data.ncon:
            return self._nothing
        contact = data.contact
        distances = contact.dist
        k = int(distances.argmin())
        first, second = contact.geom[k].tolist()
        return Nearest(float(distances[k]), self._links[first], self._links[second])

    def gaps(self, joint_position: ArrayLike, gripper_width: float | None = None) -> list[Gap]:
        """Between all links that are within reach of one another, some pairs more than once.

        Args:
            joint_position: (7,) [rad], finite.
            gripper_width: distance between the fingers [m]; None: wide open.
        """
        self._place(joint_position, gripper_width)
        if not self._data.ncon:
            return []
        contact, links, beyond = self._data.contact, self._links, self._beyond
        gaps = []
        for distance, (first, second) in zip(
            contact.dist.tolist(), contact.geom.tolist(), strict=True
        ):
            a, b = beyond[first], beyond[second]
            joints = (a, b) if a < b else (b, a)
            gaps.append(Gap(distance, links[first], links[second], joints))
        return gaps

    def collides(
        self,
        joint_position: ArrayLike,
        margin: float = 0.0,
        gripper_width: float | None = None,
    ) -> Nearest | None:
        """The nearest two links, if they are nearer than a margin.

        Args:
            joint_position: (7,) [rad], finite.
            margin: that should be left between any two links [m]; at most the reach.
            gripper_width: distance between the fingers [m]; None: wide open.

        Raises:
            CollisionError: A margin beyond the reach.
        """
        if margin > self.reach:
            raise CollisionError(
                f"margin must be at most the model's reach ({self.reach} m), got {margin} m"
            )
        nearest = self.nearest(joint_position, gripper_width)
        return nearest if nearest.distance < margin else None

    def _build(self, touching: Collection[tuple[str, str]]) -> None:
        shapes = build_shapes(self.arm, self.obstacles, self.finger_depth)
        pairs, excluded = choose_pairs(
            shapes.tree, list(shapes.geoms), shapes.surroundings, shapes.fingers, touching
        )
        spec = shapes.spec
        for pair in pairs:
            for first, second in shapes.between(*pair):
                spec.add_pair(geomname1=first, geomname2=second, margin=self.reach, condim=1)
        spec.compiler.fusestatic = True
        spec.memory = 1 << 20  # bytes, for contacts: some hundred at most
        self.watched, self.excluded = tuple(pairs), tuple(excluded)
        self._surroundings = shapes.surroundings
        self._model = model = spec.compile()
        self._data = data = self._mujoco.MjData(model)
        self._links = [model.geom(k).name.rpartition("/")[0] for k in range(model.ngeom)]
        self._beyond = self._joints_before()
        self._nothing = Nearest(self.reach, "", "")
        self._qpos = data.qpos
        joints = [int(model.joint(name).qposadr[0]) for name in self.arm.joint_names]
        if joints != list(range(joints[0], joints[-1] + 1)):
            raise CollisionError(f"MuJoCo has not kept the order of the joints: {joints}")
        self._joints = slice(joints[0], joints[-1] + 1)  # several times faster than a list
        self._fingers = [model.joint(n).qposadr[0] for n in self.arm.gripper.joint_names]
        self._width = -1.0
        self._open = self.arm.gripper.width_max

    def _place(self, joint_position: ArrayLike, gripper_width: float | None) -> None:
        width = self._open if gripper_width is None else gripper_width
        if width != self._width:
            self._qpos[self._fingers] = 0.5 * width
            self._width = width
        self._qpos[self._joints] = joint_position
        self._mujoco.mj_kinematics(self._model, self._data)
        self._mujoco.mj_collision(self._model, self._data)

    def _touching(self, joint_position: Array) -> set[tuple[str, str]]:
        """Pairs of the arm's own links that touch; what stands around it is always watched."""
        self._place(joint_position, None)
        contact = self._data.contact
        pairs = {
            (self._links[first], self._links[second])
            for (first, second), distance in zip(contact.geom, contact.dist, strict=True)
            if distance <= 0.0
        }
        return {pair for pair in pairs if not self._surroundings & set(pair)}

    def _joints_before(self) -> list[int]:
        """How many of the arm's joints move each shape."""
        model = self._model
        moving = {int(model.joint(name).bodyid[0]) for name in self.arm.joint_names}
        count = [0] * model.nbody
        for body in range(1, model.nbody):
            count[body] = count[model.body_parentid[body]] + (body in moving)
        return [count[body] for body in model.geom_bodyid]

    def _measure_levers(self) -> Array:
        """Longest path along the links: no shorter than the way from an axis to a point."""
        model = self._model
        outer = np.zeros(model.nbody)  # longest path from a body's frame to one of its points
        for k, body in enumerate(model.geom_bodyid):
            path = np.linalg.norm(model.geom_pos[k]) + model.geom_rbound[k]
            outer[body] = max(outer[body], path)
        for body in range(model.nbody - 1, 0, -1):
            length = np.linalg.norm(model.body_pos[body])
            if model.jnt_type[model.body_jntadr[body]] == self._mujoco.mjtJoint.mjJNT_SLIDE:
                length += self._open
            parent = model.body_parentid[body]
            outer[parent] = max(outer[parent], outer[body] + length)
        levers: Array = outer[[model.joint(name).bodyid[0] for name in self.arm.joint_names]]
        levers.flags.writeable = False
        return levers
