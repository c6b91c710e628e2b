"""The scene in PyBullet: a second opinion on everything that MuJoCo says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_sim.worlds.pybullet_scene import BulletConfig, BulletScene
from introspect_sim.worlds.pybullet_studio import BulletStudio
from introspect_sim.worlds.pybullet_urdf import split_urdf
from introspect_sim.worlds.world import (
    OBJECT_EDGE,
    TIMESTEP,
    Array,
    Rows,
    WorldError,
    given,
    substeps,
)

if TYPE_CHECKING:
    from introspect_description import ArmDescription

_ARM = 7  # joints before the fingers in a scene's arrays


class PyBulletWorld:
    """n copies of the scene, one physics client each, stepped one after the other.

    The same calls give bit-identical states, and a row that was reset does not remember what was
    before.

    Args:
        arm: the arm in the scene.
        n: copies.
        timestep: of the physics [s].
        config: numbers of the engine; the defaults hold a gripped cube.

    Raises:
        WorldError: n below 1, or more copies than PyBullet has clients for.
    """

    def __init__(
        self,
        arm: ArmDescription,
        n: int = 1,
        timestep: float = TIMESTEP,
        config: BulletConfig | None = None,
    ) -> None:
        if n < 1:
            raise WorldError(f"n must be at least 1, got {n}")
        self.arm = arm
        self.n = n
        self.timestep = timestep
        self._joints = np.zeros((n, _ARM + 2))
        self._velocities = np.zeros((n, _ARM + 2))
        self._object = np.zeros((n, 7))
        self._scenes: list[BulletScene] = []
        self._studio: BulletStudio | None = None  # the only copy with shapes to look at
        urdf = split_urdf(arm)
        config = config or BulletConfig()
        try:
            for _ in range(n):
                self._scenes.append(BulletScene(arm, urdf, timestep, config))
        except WorldError:
            self.close()
            raise
        start = np.tile([0.5, 0.0, 0.5 * OBJECT_EDGE, 0.0, 0.0, 0.0, 1.0], (n, 1))
        self.reset(np.arange(n), np.tile(arm.home, (n, 1)), start)

    def reset(self, rows: Rows, joint_position: Array, object_pose: Array) -> None:
        """Put k copies at rest: arm (k, 7) [rad], gripper open, object (k, 7)."""
        joint_position = self._given("joint_position", joint_position, (len(rows), _ARM))
        object_pose = self._given("object_pose", object_pose, (len(rows), 7))
        fingers = [0.5 * self.arm.gripper.width_max] * 2
        for row, arm, pose in zip(rows, joint_position, object_pose, strict=True):
            self._scenes[row].reset([*arm.tolist(), *fingers], pose.tolist())
            self._read(row)

    def step(
        self, joint_position: Array, joint_velocity: Array, gripper_width: Array, period: float
    ) -> None:
        """Track targets, one a period (see ``World.step``)."""
        count, ticks = substeps(period, self.timestep), len(joint_position)
        shape = (ticks, self.n, _ARM)
        position = self._given("joint_position", joint_position, shape).tolist()
        velocity = self._given("joint_velocity", joint_velocity, shape).tolist()
        width = self._given("gripper_width", gripper_width, (self.n,)).tolist()
        for row, scene in enumerate(self._scenes):
            for tick in range(ticks):
                scene.track(position[tick][row], velocity[tick][row], width[row])
                scene.advance(count)
                self._read(row)

    @property
    def joint_position(self) -> Array:
        """(n, 7) [rad]."""
        return self._joints[:, :_ARM].copy()

    @property
    def joint_velocity(self) -> Array:
        """(n, 7) [rad/s]."""
        return self._velocities[:, :_ARM].copy()

    @property
    def gripper_width(self) -> Array:
        """(n,) [m]."""
        width: Array = self._joints[:, _ARM:].sum(axis=1)
        return width

    @property
    def object_pose(self) -> Array:
        """(n, 7)."""
        return self._object.copy()

    def set_object_pose(self, rows: Rows, pose: Array) -> None:
        """Move the object of k copies, at rest, to poses (k, 7)."""
        pose = self._given("pose", pose, (len(rows), 7))
        for row, one in zip(rows, pose, strict=True):
            self._scenes[row].set_object_pose(one.tolist())
            self._read(row)

    def set_object_velocity(self, rows: Rows, linear: Array, angular: Array) -> None:
        """Push the object of k copies: linear (k, 3) [m/s] and angular (k, 3) [rad/s]."""
        linear = self._given("linear", linear, (len(rows), 3))
        angular = self._given("angular", angular, (len(rows), 3))
        for row, v, w in zip(rows, linear, angular, strict=True):
            self._scenes[row].set_object_velocity(v.tolist(), w.tolist())

    def render(self, row: int = 0, width: int = 640, height: int = 480) -> NDArray[np.uint8]:
        """(height, width, 3) picture of one copy from the scene's camera; needs no GL."""
        if not 0 <= row < len(self._scenes):
            raise WorldError(f"row {row} does not exist; the world has rows 0 to {self.n - 1}")
        if self._studio is None or self._studio.size != (width, height):
            if self._studio is not None:
                self._studio.close()
            self._studio = BulletStudio(self.arm, width, height)
        return self._studio.picture(self._joints[row].tolist(), self._object[row].tolist())

    def close(self) -> None:
        """Disconnect from the engine; again is harmless."""
        for scene in (*self._scenes, self._studio):
            if scene is not None:
                scene.close()
        self._scenes, self._studio = [], None

    def _read(self, row: int) -> None:
        self._joints[row], self._velocities[row], self._object[row] = self._scenes[row].read()

    def _given(self, name: str, array: Array, shape: tuple[int, ...]) -> Array:
        if not self._scenes:
            raise WorldError("the world is closed; make a new one")
        return given(name, array, shape)
