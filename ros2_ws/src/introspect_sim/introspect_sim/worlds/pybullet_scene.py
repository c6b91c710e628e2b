"""The PyBullet scene: one physics client with the arm, what stands around it, and one object."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from introspect_sim.worlds.bullet import pybullet
from introspect_sim.worlds.world import OBJECT_EDGE, OBJECT_FRICTION, OBJECT_MASS, WorldError

if TYPE_CHECKING:
    from introspect_description import ArmDescription

_NO_DAMPING = {"linearDamping": 0.0, "angularDamping": 0.0, "jointDamping": 0.0}


@dataclass(frozen=True)
class BulletConfig:
    """Numbers of the PyBullet scene that the URDF does not hold."""

    iterations: int = 8  # of the constraint solver; 5 still hold a gripped cube
    gravity: float = 9.81  # [m/s^2]
    servo_time: float = 0.04  # in which the arm's position error falls to 1/e [s]
    finger_time: float = 0.06  # the same for the fingers [s]
    mirror_force: float = 200.0  # that keeps the two fingers equal [N]


class BulletScene:
    """One copy of the scene in a physics client of its own.

    Args:
        arm: the arm in the scene.
        urdf: what `split_urdf` made of it.
        timestep: of the physics [s].
        config: numbers.

    Raises:
        WorldError: PyBullet has no client left, or cannot read the URDF.
    """

    def __init__(
        self,
        arm: ArmDescription,
        urdf: tuple[str, str],
        timestep: float,
        config: BulletConfig,
    ) -> None:
        self.client = pybullet.connect(pybullet.DIRECT)
        if self.client < 0:
            raise WorldError("PyBullet has no physics client left: close a world or make n smaller")
        self._config = config
        self._substeps = 0
        self._timestep = timestep
        self._set(numSolverIterations=config.iterations, deterministicOverlappingPairs=1)
        self._do(pybullet.setGravity, 0.0, 0.0, -config.gravity)
        self.robot, surroundings = (self._load(text) for text in urdf)
        index = {
            self._do(pybullet.getJointInfo, self.robot, i)[1].decode(): i
            for i in range(self._do(pybullet.getNumJoints, self.robot))
        }
        self._arm_joints = [index[name] for name in arm.joint_names]
        self._fingers = [index[name] for name in arm.gripper.joint_names]
        self.joints = self._arm_joints + self._fingers
        self._rest = [0.0] * len(self.joints)
        self._measured = self._rest
        # Bullet multiplies the coefficients of two touching bodies.
        self._friction = OBJECT_FRICTION**0.5
        for body in (self.robot, surroundings):
            for link in range(-1, self._do(pybullet.getNumJoints, body)):
                self._do(
                    pybullet.changeDynamics,
                    body,
                    link,
                    lateralFriction=self._friction,
                    **_NO_DAMPING,
                )
        self._mirror_fingers()
        half = [0.5 * OBJECT_EDGE] * 3
        self._shape = self._do(pybullet.createCollisionShape, pybullet.GEOM_BOX, halfExtents=half)
        self.object = self._make_object([0.5, 0.0, 0.5 * OBJECT_EDGE, 0.0, 0.0, 0.0, 1.0])
        self._effort = arm.limits.effort.tolist()
        # A position motor of Bullet is an implicit constraint on the next velocity,
        # v' = v_target + gain * error / timestep, so gain = timestep / time constant.
        self._gain = timestep / config.servo_time
        self._finger_gain = timestep / config.finger_time
        self._grip_force = 0.5 * arm.gripper.grip_force
        self._finger_speed = 0.5 * arm.gripper.speed  # the width's, shared by the two

    def reset(self, joints: list[float], object_pose: list[float]) -> None:
        """Put arm and fingers (9,) and the object (7,) at rest, whatever was before."""
        for joint, position in zip(self.joints, joints, strict=True):
            self._do(pybullet.resetJointState, self.robot, joint, position, 0.0)
        self._measured = joints
        # A new object has no contacts: those of the old one would be carried over and felt.
        self._do(pybullet.removeBody, self.object)
        self.object = self._make_object(object_pose)

    def track(self, joint_position: list[float], joint_velocity: list[float], width: float) -> None:
        """Set the targets of arm and fingers."""
        self._do(
            pybullet.setJointMotorControlArray,
            self.robot,
            self._arm_joints,
            pybullet.POSITION_CONTROL,
            targetPositions=joint_position,
            targetVelocities=joint_velocity,
            positionGains=[self._gain] * len(self._arm_joints),
            velocityGains=[1.0] * len(self._arm_joints),
            forces=self._effort,
        )
        self._compensate_gravity()
        for finger in self._fingers:
            self._do(
                pybullet.setJointMotorControl2,
                self.robot,
                finger,
                pybullet.POSITION_CONTROL,
                targetPosition=0.5 * width,
                positionGain=self._finger_gain,
                velocityGain=1.0,
                force=self._grip_force,
                maxVelocity=self._finger_speed,
            )

    def advance(self, substeps: int) -> None:
        """Step the physics."""
        if substeps != self._substeps:
            self._set(fixedTimeStep=substeps * self._timestep, numSubSteps=substeps)
            self._substeps = substeps
        pybullet.stepSimulation(physicsClientId=self.client)

    def read(self) -> tuple[list[float], list[float], list[float]]:
        """Return positions (9,) and velocities (9,) of arm and fingers, and object pose (7,)."""
        states = pybullet.getJointStates(self.robot, self.joints, physicsClientId=self.client)
        place, turn = pybullet.getBasePositionAndOrientation(
            self.object, physicsClientId=self.client
        )
        self._measured = [state[0] for state in states]
        return self._measured, [state[1] for state in states], [*place, *turn]

    def set_object_pose(self, pose: list[float]) -> None:
        """Move the object, at rest."""
        self._do(pybullet.resetBasePositionAndOrientation, self.object, pose[:3], pose[3:])
        self.set_object_velocity([0.0] * 3, [0.0] * 3)

    def set_object_velocity(self, linear: list[float], angular: list[float]) -> None:
        """Set the velocity of the object [m/s, rad/s]."""
        self._do(pybullet.resetBaseVelocity, self.object, linear, angular)

    def close(self) -> None:
        """Disconnect the client; again is harmless."""
        if self.client >= 0:
            pybullet.disconnect(physicsClientId=self.client)
            self.client = -1

    def _compensate_gravity(self) -> None:
        """Carry the robot's weight, so that the servos need not; holds until the next advance."""
        torque = self._do(
            pybullet.calculateInverseDynamics,
            *(self.robot, self._measured, self._rest, self._rest),
        )
        self._do(
            pybullet.setJointMotorControlArray,
            *(self.robot, self.joints, pybullet.TORQUE_CONTROL),
            forces=torque,
        )

    def _do(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs, physicsClientId=self.client)

    def _set(self, **parameters: float) -> None:
        self._do(pybullet.setPhysicsEngineParameter, **parameters)

    def _load(self, urdf: str) -> int:
        # Without the first flag Bullet makes up inertias from the collision shapes; shapes to look
        # at make a scene 40 times slower to build.
        flags = pybullet.URDF_USE_INERTIA_FROM_FILE | pybullet.URDF_IGNORE_VISUAL_SHAPES
        with tempfile.TemporaryDirectory() as folder:  # Bullet reads files only
            path = Path(folder, "body.urdf")
            path.write_text(urdf, encoding="utf-8")
            try:
                body = self._do(pybullet.loadURDF, str(path), useFixedBase=True, flags=flags)
            except pybullet.error as error:
                raise WorldError(f"PyBullet cannot read the arm's URDF: {error}") from error
        return int(body)

    def _mirror_fingers(self) -> None:
        """Couple the fingers, as the rack of a real gripper does; Bullet ignores URDF's mimic."""
        left, right = self._fingers
        zero = [0.0] * 3
        gear = self._do(
            pybullet.createConstraint,
            *(self.robot, left, self.robot, right),
            *(pybullet.JOINT_GEAR, [0.0, 1.0, 0.0], zero, zero),
        )
        self._do(
            pybullet.changeConstraint,
            gear,
            gearRatio=-1,
            erp=0.2,
            maxForce=self._config.mirror_force,
        )

    def _make_object(self, pose: list[float]) -> int:
        body = self._do(
            pybullet.createMultiBody,
            OBJECT_MASS,
            self._shape,
            -1,
            pose[:3],
            pose[3:],
            useMaximalCoordinates=True,
        )
        # The anchor makes sticking friction exact; without it a gripped cube creeps 1 mm/s.
        self._do(
            pybullet.changeDynamics,
            body,
            -1,
            lateralFriction=self._friction,
            frictionAnchor=True,
            **_NO_DAMPING,
        )
        return int(body)
