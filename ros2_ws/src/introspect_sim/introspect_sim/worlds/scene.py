"""The MuJoCo scene: the arm's URDF plus actuators, an object and contact settings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from introspect_sim.worlds.coarse_meshes import COARSE_MESHES
from introspect_sim.worlds.world import OBJECT_EDGE, OBJECT_FRICTION, OBJECT_MASS, SMALL_PICTURE

if TYPE_CHECKING:
    from introspect_description import ArmDescription

CAMERA = "camera"
OBJECT = "object"
GRIPPER = "gripper"
TABLE = "table"


@dataclass(frozen=True)
class SceneConfig:
    """Numbers of the MuJoCo scene that the URDF does not hold."""

    timestep: float = 0.002  # [s]
    iterations: int = 10  # of the Newton solver; 4 diverge with a gripped object
    line_search: int = 20  # iterations
    stiffness: tuple[float, ...] = (4500, 4500, 3500, 3500, 2000, 2000, 2000)  # [N·m/rad]
    damping_time: float = 0.04  # damping over stiffness [s]
    armature: tuple[float, ...] = (0.1, 0.1, 0.1, 0.1, 0.03, 0.03, 0.03)  # [kg·m²]
    finger_armature: float = 0.05  # [kg]
    finger_damping: float = 40.0  # [N·s/m]
    grip_travel: float = 0.01  # width error that commands the full grip force [m]


def build_scene(
    arm: ArmDescription, config: SceneConfig | None = None, visible: bool = False
) -> mujoco.MjSpec:
    """Describe the scene: arm, gripper, table and camera from the URDF, and one cube.

    The scene to step has only what moves and what touches: no shapes to look at, no camera, links
    that are fixed to one another merged. The arm carries its own weight, as the controller of
    every arm sees to. An object at rest sleeps until something touches it, and costs nothing.

    Args:
        arm: whose URDF is loaded.
        config: numbers; the defaults hold a gripped cube at 2 and 4 ms.
        visible: for pictures, with all shapes, the camera and a light; joints are the same.

    Returns:
        A MuJoCo specification, ready to compile. With sleep on, ``mujoco.batch.Batch`` has to be
        persistent.
    """
    config = config or SceneConfig()
    spec = mujoco.MjSpec.from_string(arm.urdf())
    _set_options(spec, config)
    _add_servos(spec, arm, config)
    _add_object(spec)
    fingers = _name_shapes(spec, arm)
    _set_contacts(spec, fingers)
    if visible:
        _show_collision_shapes(spec)
        _set_rendering(spec, arm)
    else:
        _keep_shapes(spec, [*fingers, TABLE, OBJECT])
        spec.compiler.fusestatic = True
    return spec


def _set_options(spec: mujoco.MjSpec, config: SceneConfig) -> None:
    option = spec.option
    option.timestep = config.timestep
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
    option.solver = mujoco.mjtSolver.mjSOL_NEWTON
    option.iterations = config.iterations
    option.ls_iterations = config.line_search
    option.impratio = 1.0
    option.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
    spec.memory = 1 << 20  # bytes for contacts and constraints of a copy; a grasp needs a tenth


def _show_collision_shapes(spec: mujoco.MjSpec) -> None:
    """Show what collides (group 0) in the colours of what is to be looked at (group 1).

    The former are half as many, and differ from the latter by ornaments.
    """
    for body in spec.bodies:
        collisions = [geom for geom in body.geoms if geom.group == 0]
        visuals = [geom for geom in body.geoms if geom.group == 1]
        if body.name == "world" or not collisions:
            continue
        for geom, visual in zip(collisions, visuals, strict=False):
            geom.rgba = visual.rgba
        for visual in visuals:
            spec.delete(visual)


def _name_shapes(spec: mujoco.MjSpec, arm: ArmDescription) -> list[str]:
    """Name what may touch, which the URDF does not; returns the names of the fingers' shapes."""
    table = next(geom for geom in spec.body(TABLE).geoms if geom.group == 0)
    table.name = TABLE
    fingers = []
    for joint in arm.gripper.joint_names:
        body = spec.joint(joint).parent
        for k, geom in enumerate(geom for geom in body.geoms if geom.group == 0):
            geom.name = f"{body.name}_{k}"
            fingers.append(geom.name)
    return fingers


def _set_contacts(spec: mujoco.MjSpec, fingers: list[str]) -> None:
    """List the pairs that may touch: nothing else does, and nothing else is looked for."""
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0
    friction = [OBJECT_FRICTION, OBJECT_FRICTION, 0.02, 0.0001, 0.0001]
    spec.add_pair(geomname1=TABLE, geomname2=OBJECT, condim=3, friction=friction)
    for finger in fingers:
        for other in (OBJECT, TABLE):
            pair = spec.add_pair(geomname1=finger, geomname2=other, condim=4, friction=friction)
            pair.solref = [0.01, 1.0]
            pair.solimp = [0.95, 0.99, 0.001, 0.5, 2.0]


def _keep_shapes(spec: mujoco.MjSpec, names: list[str]) -> None:
    for geom in list(spec.geoms):
        if geom.name not in names:
            spec.delete(geom)


def _add_servos(spec: mujoco.MjSpec, arm: ArmDescription, config: SceneConfig) -> None:
    for body in spec.bodies:
        body.gravcomp = 1.0
    for k, name in enumerate(arm.joint_names):
        joint = spec.joint(name)
        joint.armature = config.armature[k]
        servo = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        _set_position_servo(servo, config.stiffness[k], config.stiffness[k] * config.damping_time)
        effort = float(arm.limits.effort[k])
        servo.forcerange = [-effort, effort]
        servo.forcelimited = True
    # One tendon over both fingers: they share the force, so none lags behind a soft mimic.
    for equality in list(spec.equalities):
        spec.delete(equality)
    tendon = spec.add_tendon(name=GRIPPER)
    for name in arm.gripper.joint_names:
        joint = spec.joint(name)
        joint.armature = config.finger_armature
        joint.damping = [config.finger_damping, 0.0, 0.0]
        tendon.wrap_joint(name, 0.5)
    servo = spec.add_actuator(name=GRIPPER, target=GRIPPER, trntype=mujoco.mjtTrn.mjTRN_TENDON)
    force = arm.gripper.grip_force  # more only presses the fingers deeper into the cube
    stiffness = force / config.grip_travel
    _set_position_servo(servo, stiffness, stiffness * 0.02)
    servo.forcerange = [-force, force]
    servo.forcelimited = True


def _set_position_servo(servo: mujoco.MjsActuator, stiffness: float, damping: float) -> None:
    servo.gaintype = mujoco.mjtGain.mjGAIN_FIXED
    servo.biastype = mujoco.mjtBias.mjBIAS_AFFINE
    servo.gainprm[0] = stiffness
    servo.biasprm[1] = -stiffness
    servo.biasprm[2] = -damping


def _add_object(spec: mujoco.MjSpec) -> None:
    half = 0.5 * OBJECT_EDGE
    body = spec.worldbody.add_body(name=OBJECT, pos=[0.5, 0.0, half])
    body.add_freejoint(name=OBJECT)
    body.add_geom(
        name=OBJECT,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[half, half, half],
        mass=OBJECT_MASS,
        rgba=[0.87, 0.25, 0.15, 1.0],
    )


def _set_rendering(spec: mujoco.MjSpec, arm: ArmDescription) -> None:
    set_picture(spec, 640, 480)
    spec.worldbody.add_light(pos=[0.4, 0.6, 2.5], dir=[0.0, -0.2, -1.0])
    # An optical frame looks along +z with y down; a MuJoCo camera along -z with y up.
    angle = math.degrees(arm.camera.vertical_fov)
    frame = spec.body(arm.camera.frame)
    frame.add_camera(name=CAMERA, quat=[0.0, 1.0, 0.0, 0.0], fovy=angle)


def set_picture(spec: mujoco.MjSpec, width: int, height: int) -> None:
    """Draw for pictures of this size [pixels], and no finer: 200 times faster on a CPU.

    No shadows, no multisampling, no frame buffer beyond the picture; round shapes from as many
    faces as can be told apart.
    """
    quality = spec.visual.quality
    quality.shadowsize = 0
    quality.offsamples = 0
    if min(width, height) <= SMALL_PICTURE:
        quality.numslices, quality.numstacks, quality.numquads = 8, 1, 1
        _flatten_spheres(spec)  # for which one stack is none
    else:
        quality.numslices, quality.numstacks, quality.numquads = 16, 8, 1
    spec.visual.global_.offwidth, spec.visual.global_.offheight = width, height


def _flatten_spheres(spec: mujoco.MjSpec) -> None:
    spec.assets["sphere.obj"] = COARSE_MESHES["sphere"].encode()
    for k, geom in enumerate(spec.geoms):
        if geom.type == mujoco.mjtGeom.mjGEOM_SPHERE:
            mesh = spec.add_mesh(name=f"sphere_{k}", file="sphere.obj")
            mesh.scale = np.full(3, 2.0 * geom.size[0])
            geom.type, geom.meshname = mujoco.mjtGeom.mjGEOM_MESH, mesh.name
