"""What a simulated world offers: n copies of one scene, stepped together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

WORLDS = ("mujoco", "pybullet")

OBJECT_EDGE = 0.04  # edge of the cube [m]
OBJECT_MASS = 0.08  # [kg]
OBJECT_FRICTION = 1.0  # Coulomb coefficient of every contact in the scene
TIMESTEP = 0.002  # of the physics [s]
SMALL_PICTURE = 128  # edge up to which round shapes are drawn coarsely [pixels]


class WorldError(Exception):
    """A world that cannot be made or asked for something it cannot do; the text says the cure."""


@runtime_checkable
class World(Protocol):
    """n copies of the scene: the arm with its gripper on a table, and one object.

    Arm joints are in the order of ``arm.joint_names``. Poses are ``x y z qx qy qz qw`` in the arm's
    base frame [m]. Arrays that are read are fresh copies; arrays that are given are not kept.
    """

    n: int
    arm: ArmDescription
    timestep: float  # [s]

    def reset(self, rows: Rows, joint_position: Array, object_pose: Array) -> None:
        """Put k copies at rest: arm (k, 7) [rad], gripper open, object (k, 7)."""

    def step(
        self, joint_position: Array, joint_velocity: Array, gripper_width: Array, period: float
    ) -> None:
        """Track targets for a while, as the joint controller of a real arm does.

        Args:
            joint_position: (ticks, n, 7) [rad], each to be reached a period after the one before.
            joint_velocity: (ticks, n, 7) [rad/s], feed-forward.
            gripper_width: (n,) [m] between the fingers; closing on an object holds it.
            period: of a tick [s], a whole number of time steps.
        """

    @property
    def joint_position(self) -> Array:
        """(n, 7) [rad]."""

    @property
    def joint_velocity(self) -> Array:
        """(n, 7) [rad/s]."""

    @property
    def gripper_width(self) -> Array:
        """(n,) [m]."""

    @property
    def object_pose(self) -> Array:
        """(n, 7)."""

    def set_object_pose(self, rows: Rows, pose: Array) -> None:
        """Move the object of k copies, at rest, to poses (k, 7)."""

    def set_object_velocity(self, rows: Rows, linear: Array, angular: Array) -> None:
        """Push the object of k copies: linear (k, 3) [m/s] and angular (k, 3) [rad/s]."""

    def render(self, row: int = 0, width: int = 640, height: int = 480) -> NDArray[np.uint8]:
        """(height, width, 3) picture from the camera of the arm's description.

        Raises:
            WorldError: No off-screen GL on this machine.
        """

    def close(self) -> None:
        """Free what the engine holds; the world cannot be used after it."""


def make_world(
    name: str,
    arm: ArmDescription,
    n: int = 1,
    timestep: float = TIMESTEP,
    threads: int = 1,
) -> World:
    """Make a world by name.

    Args:
        name: one of ``WORLDS``.
        arm: the arm in it.
        n: copies of the scene.
        timestep: of the physics [s].
        threads: that share the copies (MuJoCo; PyBullet has one).

    Raises:
        WorldError: An unknown name, or an engine that is not installed.
    """
    try:
        if name == "mujoco":
            from introspect_sim.worlds.mujoco_world import MuJoCoWorld

            return MuJoCoWorld(arm, n=n, timestep=timestep, threads=threads)
        if name == "pybullet":
            from introspect_sim.worlds.pybullet_world import PyBulletWorld

            return PyBulletWorld(arm, n=n, timestep=timestep)
    except ImportError as error:
        cure = {"mujoco": "make setup", "pybullet": "make setup-pybullet"}[name]
        raise WorldError(
            f"world {name!r} needs a package that is missing ({error}); install it with: {cure}"
        ) from error
    raise WorldError(f"world {name!r} does not exist; choose one of {', '.join(WORLDS)}")


def substeps(period: float, timestep: float) -> int:
    """Number of physics steps in a period.

    Raises:
        WorldError: Not a whole number of them.
    """
    count = round(period / timestep)
    if count < 1 or abs(count * timestep - period) > 1e-9:
        raise WorldError(f"period {period} s is not a whole number of {timestep} s time steps")
    return count


def given(name: str, value: Array, shape: tuple[int, ...]) -> Array:
    """An array that was given, if it has the right shape.

    Raises:
        WorldError: It has not.
    """
    value = np.asarray(value, dtype=np.float64)
    if value.shape != shape:
        raise WorldError(f"{name} must have shape {shape}, got {value.shape}")
    return value
