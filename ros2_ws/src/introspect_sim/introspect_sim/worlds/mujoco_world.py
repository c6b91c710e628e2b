"""The scene in MuJoCo: many copies stepped in process, on any number of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from introspect_sim.worlds.scene import CAMERA, GRIPPER, OBJECT, SceneConfig, build_scene
from introspect_sim.worlds.world import TIMESTEP, Array, Rows, WorldError, substeps

if TYPE_CHECKING:
    from introspect_description import ArmDescription

_WXYZ = np.array([3, 4, 5, 6])  # MuJoCo's order of quaternion components within a free joint
_XYZW = [4, 5, 6, 3]


class MuJoCoWorld:
    """n copies of the scene on ``mujoco.batch``, bit-identical at any number of threads.

    Args:
        arm: the arm in the scene.
        n: copies.
        timestep: of the physics [s].
        threads: that share the copies.

    Raises:
        WorldError: n or threads below 1.
    """

    def __init__(
        self, arm: ArmDescription, n: int = 1, timestep: float = TIMESTEP, threads: int = 1
    ) -> None:
        if n < 1 or threads < 1:
            raise WorldError(f"n and threads must be at least 1, got n={n}, threads={threads}")
        self.arm = arm
        self.n = n
        self.timestep = timestep
        self.model = build_scene(arm, SceneConfig(timestep=timestep)).compile()
        self._batch = Batch(self.model, n, min(threads, n))
        self._qpos: Array = self._batch.bind("qpos")
        self._qvel: Array = self._batch.bind("qvel")
        self._ctrl: Array = self._batch.bind("ctrl")
        model = self.model
        names = arm.joint_names
        self._q = np.array([model.joint(name).qposadr[0] for name in names])
        self._v = np.array([model.joint(name).dofadr[0] for name in names])
        self._fingers = np.array([model.joint(f).qposadr[0] for f in arm.gripper.joint_names])
        self._object_q = int(model.joint(OBJECT).qposadr[0])
        self._object_v = int(model.joint(OBJECT).dofadr[0])
        self._servo = np.array([model.actuator(name).id for name in names])
        self._gripper = model.actuator(GRIPPER).id
        servo = self._servo
        self._damping_time = -model.actuator_biasprm[servo, 2] / model.actuator_gainprm[servo, 0]
        self._width = np.full(n, arm.gripper.width_max)  # that the fingers are driven to now
        self._renderer: mujoco.Renderer | None = None
        everything = np.arange(n)
        start = np.tile([0.5, 0.0, 0.02, 0.0, 0.0, 0.0, 1.0], (n, 1))
        self.reset(everything, np.tile(arm.home, (n, 1)), start)

    def reset(self, rows: Rows, joint_position: Array, object_pose: Array) -> None:
        """Put k copies at rest: arm (k, 7) [rad], gripper open, object (k, 7)."""
        rows = np.asarray(rows, dtype=np.int64)
        if not len(rows):
            return
        self._batch.reset(rows, stage=mujoco.mjtStage.mjSTAGE_NONE)
        width = self.arm.gripper.width_max
        self._qpos[np.ix_(rows, self._q)] = joint_position
        self._qpos[np.ix_(rows, self._fingers)] = 0.5 * width
        self._ctrl[np.ix_(rows, self._servo)] = joint_position
        self._width[rows] = width
        self._write_object(rows, object_pose)
        self._qvel[rows] = 0.0

    def step(
        self, joint_position: Array, joint_velocity: Array, gripper_width: Array, duration: float
    ) -> None:
        """Track targets for ``duration`` seconds (see ``World.step``)."""
        count = substeps(duration, self.timestep)
        # The servo damps absolute velocity; moving its target ahead feeds the velocity forward.
        self._ctrl[:, self._servo] = joint_position + self._damping_time * joint_velocity
        reach = self.arm.gripper.speed * duration
        self._width += np.clip(gripper_width - self._width, -reach, reach)
        self._ctrl[:, self._gripper] = 0.5 * self._width
        self._batch.step(nstep=count)

    @property
    def joint_position(self) -> Array:
        """(n, 7) [rad]."""
        return self._qpos[:, self._q]

    @property
    def joint_velocity(self) -> Array:
        """(n, 7) [rad/s]."""
        return self._qvel[:, self._v]

    @property
    def gripper_width(self) -> Array:
        """(n,) [m]."""
        width: Array = self._qpos[:, self._fingers].sum(axis=1)
        return width

    @property
    def object_pose(self) -> Array:
        """(n, 7)."""
        pose = self._qpos[:, self._object_q : self._object_q + 7]
        return pose[:, [0, 1, 2, *_XYZW]]

    def set_object_pose(self, rows: Rows, pose: Array) -> None:
        """Move the object of k copies, at rest, to poses (k, 7)."""
        self._write_object(np.asarray(rows, dtype=np.int64), pose)

    def set_object_velocity(self, rows: Rows, linear: Array, angular: Array) -> None:
        """Push the object of k copies: linear (k, 3) [m/s] and angular (k, 3) [rad/s]."""
        v = self._object_v
        self._qvel[rows, v : v + 3] = linear
        self._qvel[rows, v + 3 : v + 6] = angular

    def render(self, row: int = 0, width: int = 640, height: int = 480) -> NDArray[np.uint8]:
        """(height, width, 3) picture of one copy from the scene's camera."""
        if not 0 <= row < self.n:
            raise WorldError(f"row {row} does not exist; the world has rows 0 to {self.n - 1}")
        renderer = self._renderer
        if renderer is None or (renderer.width, renderer.height) != (width, height):
            if renderer is not None:
                renderer.close()
            renderer = self._renderer = _make_renderer(self.model, width, height)
        renderer.update_scene(self._batch.get_data(row), CAMERA)
        picture: NDArray[np.uint8] = renderer.render().copy()
        return picture

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _write_object(self, rows: Rows, pose: Array) -> None:
        q, v = self._object_q, self._object_v
        self._qpos[rows, q : q + 3] = pose[:, :3]
        self._qpos[np.ix_(rows, q + _WXYZ)] = pose[:, [6, 3, 4, 5]]
        self._qvel[rows, v : v + 6] = 0.0


def _make_renderer(model: mujoco.MjModel, width: int, height: int) -> mujoco.Renderer:
    try:
        return mujoco.Renderer(model, height, width)
    except Exception as error:
        raise WorldError(
            "the camera needs off-screen GL, which failed "
            f"({error}); install it with: apt-get install libosmesa6 "
            "and set MUJOCO_GL=osmesa"
        ) from error
