"""Where pictures of a MuJoCo world are taken: the scene with all its shapes, and off-screen GL."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import mujoco
import numpy as np
from numpy.typing import NDArray

from introspect_sim.worlds.scene import CAMERA, set_picture
from introspect_sim.worlds.world import WorldError

Array = NDArray[np.float64]

_TEXT = mujoco.mjtFontScale.mjFONTSCALE_100  # no text is drawn, but a size has to be given


class MuJoCoStudio:
    """The scene with all its shapes, posed like one of a world's copies.

    Calls the engine's renderer itself: ``mujoco.Renderer`` takes half as long again for a small
    picture.

    Args:
        spec: the visible scene; its settings are changed to suit the pictures.
        width: of the pictures [pixels].
        height: of the pictures [pixels].

    Raises:
        WorldError: No off-screen GL on this machine.
    """

    def __init__(self, spec: mujoco.MjSpec, width: int, height: int) -> None:
        self.size = width, height
        set_picture(spec, width, height)
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        self._scene = mujoco.MjvScene(self._model, maxgeom=2 * self._model.ngeom)
        self._option, self._perturbation = mujoco.MjvOption(), mujoco.MjvPerturb()
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = self._model.camera(CAMERA).id
        self._viewport = mujoco.MjrRect(0, 0, width, height)
        self._pixels = np.empty((height, width, 3), dtype=np.uint8)
        try:
            self._gl = mujoco.GLContext(width, height)
            self._gl.make_current()
            self._context = mujoco.MjrContext(self._model, _TEXT)
            mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        except Exception as error:
            raise WorldError(
                "the camera needs off-screen GL, which failed "
                f"({error}); install it with: apt-get install libosmesa6 "
                "and set MUJOCO_GL=osmesa"
            ) from error

    def picture(self, position: Array) -> NDArray[np.uint8]:
        """(height, width, 3) picture of the scene at these generalised coordinates."""
        model, data, scene = self._model, self._data, self._scene
        data.qpos[:] = position
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(
            model, data, self._option, self._perturbation, self._camera, everything, scene
        )
        with self._drawing():
            mujoco.mjr_render(self._viewport, scene, self._context)
            mujoco.mjr_readPixels(self._pixels, None, self._viewport, self._context)
        return self._pixels[::-1].copy()  # GL begins at the bottom

    def close(self) -> None:
        """Free the GL context."""
        self._gl.make_current()
        self._context.free()
        self._gl.free()

    def _drawing(self) -> AbstractContextManager[None]:
        """Others may draw in this process; to change the context without need is slow."""
        if hasattr(self._gl, "as_current"):  # from MuJoCo 4 on
            current: AbstractContextManager[None] = self._gl.as_current()
            return current
        self._gl.make_current()
        return nullcontext()
