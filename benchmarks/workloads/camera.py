"""Pictures of a moving arm, from our worlds or from MuJoCo with the settings it comes with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from introspect_description import ArmDescription
from introspect_sim.worlds import World, make_world

POSES = 8  # that the arm is pictured in, again and again


def prepare(world: str = "mujoco", edge: int = 64, rendering: str = "ours") -> Callable[[], int]:
    """Make the world; a round counts pictures, each of another pose.

    Args:
        world: "mujoco" or "pybullet".
        edge: of the square pictures [pixels].
        rendering: "ours", or "default": MuJoCo's own renderer and quality of the same scene.
    """
    arm = ArmDescription.load("panda")
    worlds = make_world(world, arm, n=POSES)
    rng = np.random.default_rng(0)
    joints = arm.home + rng.uniform(-0.3, 0.3, (POSES, len(arm.home)))
    objects = np.tile([0.5, 0.0, 0.02, 0.0, 0.0, 0.0, 1.0], (POSES, 1))
    objects[:, :2] += rng.uniform(-0.1, 0.1, (POSES, 2))
    worlds.reset(np.arange(POSES), joints, objects)
    if rendering == "default":
        return _Default(arm, joints, objects, edge)
    return _Ours(worlds, edge)


class _Ours:
    def __init__(self, world: World, edge: int) -> None:
        self._world, self._edge, self._k = world, edge, 0

    def __call__(self) -> int:
        self._world.render(self._k, self._edge, self._edge)
        self._k = (self._k + 1) % POSES
        return 1


class _Default:
    def __init__(
        self, arm: ArmDescription, joints: np.ndarray, objects: np.ndarray, edge: int
    ) -> None:
        import mujoco

        from introspect_sim.worlds.scene import CAMERA, OBJECT, SceneConfig, build_scene

        spec = build_scene(arm, SceneConfig(), visible=True)
        own = mujoco.MjSpec().visual.quality
        for name in ("shadowsize", "offsamples", "numslices", "numstacks", "numquads"):
            setattr(spec.visual.quality, name, getattr(own, name))
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, edge, edge)
        self._joints, self._objects, self._k, self._camera = joints, objects, 0, CAMERA
        self._object = self._model.joint(OBJECT).qposadr[0]
        self._steps = (mujoco.mj_kinematics, mujoco.mj_camlight)

    def __call__(self) -> int:
        self._data.qpos[: self._joints.shape[1]] = self._joints[self._k]
        where = slice(self._object, self._object + 3)
        self._data.qpos[where] = self._objects[self._k, :3]
        for step in self._steps:
            step(self._model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        self._renderer.render()
        self._k = (self._k + 1) % POSES
        return 1
