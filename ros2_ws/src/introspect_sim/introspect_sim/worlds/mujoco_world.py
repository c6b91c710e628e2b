"""The scene in MuJoCo: many copies stepped in process, on any number of threads."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import NDArray

from introspect_sim.worlds.mujoco_studio import MuJoCoStudio
from introspect_sim.worlds.scene import GRIPPER, OBJECT, SceneConfig, build_scene
from introspect_sim.worlds.world import TIMESTEP, Array, Rows, WorldError, given, substeps

if TYPE_CHECKING:
    from introspect_description import ArmDescription


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
        self._config = SceneConfig(timestep=timestep)
        self.model = build_scene(arm, self._config).compile()
        _stop_profiler()
        self.batch = Batch(self.model, n, min(threads, n), persistent=True)  # the engine's own face
        self._qpos: Array = self.batch.bind("qpos")
        self._qvel: Array = self.batch.bind("qvel")
        model = self.model
        names = arm.joint_names
        self._q = _slice([model.joint(name).qposadr[0] for name in names])
        self._v = _slice([model.joint(name).dofadr[0] for name in names])
        self._fingers = _slice([model.joint(f).qposadr[0] for f in arm.gripper.joint_names])
        self._object_q = int(model.joint(OBJECT).qposadr[0])
        self._object_v = int(model.joint(OBJECT).dofadr[0])
        self._servo = _slice([model.actuator(name).id for name in names])
        self._gripper = model.actuator(GRIPPER).id
        servo = self._servo
        self._damping_time = -model.actuator_biasprm[servo, 2] / model.actuator_gainprm[servo, 0]
        self._width = np.full(n, arm.gripper.width_max)  # that the fingers are driven to now
        self._studio: MuJoCoStudio | None = None
        everything = np.arange(n)
        start = np.tile([0.5, 0.0, 0.02, 0.0, 0.0, 0.0, 1.0], (n, 1))
        self.reset(everything, np.tile(arm.home, (n, 1)), start)

    def reset(self, rows: Rows, joint_position: Array, object_pose: Array) -> None:
        """Put k copies at rest: arm (k, 7) [rad], gripper open, object (k, 7)."""
        rows = np.asarray(rows, dtype=np.int64)
        if not len(rows):
            return
        self.batch.reset(rows, stage=mujoco.mjtStage.mjSTAGE_NONE)
        width = self.arm.gripper.width_max
        self._qpos[rows, self._q] = joint_position
        self._qpos[rows, self._fingers] = 0.5 * width
        self._width[rows] = width
        self._write_object(rows, object_pose)
        self._qvel[rows] = 0.0

    def step(
        self, joint_position: Array, joint_velocity: Array, gripper_width: Array, period: float
    ) -> None:
        """Track targets, one a period (see ``World.step``).

        A copy whose numbers blow up is put back by the engine, and rests until the next call.
        """
        count, ticks = substeps(period, self.timestep), len(joint_position)
        shape = (ticks, self.n, len(self.arm.joint_names))
        joint_position = given("joint_position", joint_position, shape)
        joint_velocity = given("joint_velocity", joint_velocity, shape)
        gripper_width = given("gripper_width", gripper_width, (self.n,))
        control = np.empty((self.n, ticks, self.model.nu))
        # The servo damps absolute velocity; moving its target ahead feeds the velocity forward.
        targets = joint_position + self._damping_time * joint_velocity
        control[..., self._servo] = targets.transpose(1, 0, 2)
        reach = self.arm.gripper.speed * period * np.arange(1.0, ticks + 1.0)
        # Fingers that hold something are driven on past it, but open from where they are.
        opened = np.minimum(self.gripper_width, gripper_width)
        width = np.where(gripper_width > self._width, np.maximum(self._width, opened), self._width)
        change = gripper_width - width
        widths = width + np.minimum(np.maximum(change, -reach[:, None]), reach[:, None])
        control[..., self._gripper] = 0.5 * widths.T
        self._width = widths[-1]
        self.batch.rollout(
            nstep=ticks * count,
            control=control.repeat(count, axis=1),
            control_spec=mujoco.mjtState.mjSTATE_CTRL,
            record=[],
        )

    @property
    def joint_position(self) -> Array:
        """(n, 7) [rad]."""
        return self._qpos[:, self._q].copy()

    @property
    def joint_velocity(self) -> Array:
        """(n, 7) [rad/s]."""
        return self._qvel[:, self._v].copy()

    @property
    def gripper_width(self) -> Array:
        """(n,) [m]."""
        left, right = self._qpos[:, self._fingers].T
        width: Array = left + right
        return width

    @property
    def object_pose(self) -> Array:
        """(n, 7)."""
        q = self._object_q
        pose = np.empty((self.n, 7))
        pose[:, :3] = self._qpos[:, q : q + 3]
        pose[:, 3:6] = self._qpos[:, q + 4 : q + 7]
        pose[:, 6] = self._qpos[:, q + 3]
        return pose

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
        studio = self._studio
        if studio is None or studio.size != (width, height):
            self.close()
            spec = build_scene(self.arm, self._config, visible=True)
            studio = self._studio = MuJoCoStudio(spec, width, height)
        return studio.picture(self._qpos[row])

    def close(self) -> None:
        """Free the renderer."""
        if self._studio is not None:
            self._studio.close()
            self._studio = None

    def _write_object(self, rows: Rows, pose: Array) -> None:
        q, v = self._object_q, self._object_v
        self._qpos[rows, q : q + 3] = pose[:, :3]
        self._qpos[rows, q + 3] = pose[:, 6]  # MuJoCo's quaternions begin with w
        self._qpos[rows, q + 4 : q + 7] = pose[:, 3:6]
        self._qvel[rows, v : v + 6] = 0.0


def _slice(indices: list[int]) -> slice:
    """Consecutive indices as a slice, which NumPy reads several times faster than a list."""
    start, stop = indices[0], indices[-1] + 1
    if list(indices) != list(range(start, stop)):
        raise WorldError(f"the engine has not kept the order of the joints: {indices}")
    return slice(int(start), int(stop))


def _stop_profiler() -> None:
    """Keep MuJoCo from timing the parts of every step, which takes a tenth of the step's time.

    Its Python package installs a clock when it is imported; setting another one with
    ``mujoco.set_mjcb_time`` is possible, having none is not.
    """
    for library in Path(mujoco.__file__).parent.glob("*mujoco*"):
        if ".so" in library.suffixes or library.suffix in (".dylib", ".dll"):
            clock = ctypes.c_void_p.in_dll(ctypes.CDLL(str(library)), "mjcb_time")
            clock.value = None
