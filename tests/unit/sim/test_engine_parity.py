"""MuJoCo and PyBullet agree on the arm's kinematics, dynamics and friction (one URDF, two engines).

Here the engines are compared bare: the same URDF, torques of one control law, no servos.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from introspect_description import ArmDescription

mujoco = pytest.importorskip("mujoco")
pybullet = pytest.importorskip("pybullet")

Array = NDArray[np.float64]
GRAVITY = 9.81  # [m/s^2]
TIMESTEP = 0.001  # [s]
STATES = 100  # random ones per comparison


@pytest.fixture(scope="module")
def panda() -> ArmDescription:
    return ArmDescription.load("panda")


class BareMuJoCo:
    """The URDF in MuJoCo: no contacts, no soft mimic, explicit Euler."""

    def __init__(self, arm: ArmDescription) -> None:
        spec = mujoco.MjSpec.from_string(arm.urdf())
        spec.option.timestep = TIMESTEP
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
        spec.option.gravity = [0.0, 0.0, -GRAVITY]
        spec.option.disableflags = (
            mujoco.mjtDisableBit.mjDSBL_CONTACT
            | mujoco.mjtDisableBit.mjDSBL_EQUALITY
            | mujoco.mjtDisableBit.mjDSBL_EULERDAMP
        )
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.names = [self.model.joint(i).name for i in range(self.model.njnt)]

    @property
    def position(self) -> Array:
        return self.data.qpos.copy()

    @property
    def velocity(self) -> Array:
        return self.data.qvel.copy()

    def set(self, q: Array, dq: Array) -> None:
        self.data.qpos[:] = q
        self.data.qvel[:] = dq
        mujoco.mj_forward(self.model, self.data)

    def link_position(self, link: str) -> Array:
        return self.data.body(link).xpos.copy()

    def bias(self) -> Array:
        """Torques of gravity and Coriolis at the present state."""
        return self.data.qfrc_bias.copy()

    def mass_matrix(self) -> Array:
        matrix = np.zeros((self.model.nv, self.model.nv))
        mujoco.mj_fullM(self.model, self.data, matrix)
        return matrix

    def step(self, torque: Array) -> None:
        self.data.qfrc_applied[:] = torque
        mujoco.mj_step(self.model, self.data)


class BareBullet:
    """The URDF in PyBullet: no contacts, no default motors, no default damping."""

    def __init__(self, arm: ArmDescription, names: list[str], folder: Path) -> None:
        path = folder / "arm.urdf"
        path.write_text(arm.urdf())
        self.client = pybullet.connect(pybullet.DIRECT)
        self.at = {"physicsClientId": self.client}
        pybullet.setGravity(0.0, 0.0, -GRAVITY, **self.at)
        pybullet.setTimeStep(TIMESTEP, **self.at)
        flags = pybullet.URDF_USE_INERTIA_FROM_FILE
        self.body = pybullet.loadURDF(str(path), useFixedBase=True, flags=flags, **self.at)
        joints = range(pybullet.getNumJoints(self.body, **self.at))
        infos = [pybullet.getJointInfo(self.body, i, **self.at) for i in joints]
        index = {info[1].decode(): info[0] for info in infos if info[2] != pybullet.JOINT_FIXED}
        self.links = {info[12].decode(): info[0] for info in infos}
        assert list(index) == names  # so that both engines' vectors have the same order
        self.joints = [index[name] for name in names]
        for link in range(-1, len(infos)):
            pybullet.changeDynamics(
                self.body, link, linearDamping=0, angularDamping=0, jointDamping=0, **self.at
            )
            pybullet.setCollisionFilterGroupMask(self.body, link, 0, 0, **self.at)
        for joint in self.joints:
            pybullet.setJointMotorControl2(
                self.body, joint, pybullet.VELOCITY_CONTROL, force=0, **self.at
            )

    @property
    def position(self) -> Array:
        return np.array([s[0] for s in self._states()])

    @property
    def velocity(self) -> Array:
        return np.array([s[1] for s in self._states()])

    def set(self, q: Array, dq: Array) -> None:
        for joint, x, v in zip(self.joints, q, dq, strict=True):
            pybullet.resetJointState(self.body, joint, x, v, **self.at)

    def link_position(self, link: str) -> Array:
        state = pybullet.getLinkState(
            self.body, self.links[link], computeForwardKinematics=True, **self.at
        )
        return np.array(state[4])

    def bias(self) -> Array:
        """Torques of gravity and Coriolis at the present state."""
        q, dq = self.position.tolist(), self.velocity.tolist()
        none = [0.0] * len(q)
        return np.array(pybullet.calculateInverseDynamics(self.body, q, dq, none, **self.at))

    def mass_matrix(self) -> Array:
        q = self.position.tolist()
        return np.array(pybullet.calculateMassMatrix(self.body, q, **self.at))

    def step(self, torque: Array) -> None:
        pybullet.setJointMotorControlArray(
            self.body, self.joints, pybullet.TORQUE_CONTROL, forces=torque.tolist(), **self.at
        )
        pybullet.stepSimulation(**self.at)

    def _states(self) -> list[tuple[float, ...]]:
        return pybullet.getJointStates(self.body, self.joints, **self.at)


@pytest.fixture(scope="module")
def engines(
    panda: ArmDescription, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[BareMuJoCo, BareBullet]]:
    first = BareMuJoCo(panda)
    second = BareBullet(panda, first.names, tmp_path_factory.mktemp("urdf"))
    yield first, second
    pybullet.disconnect(second.client)


@pytest.fixture(scope="module")
def states(panda: ArmDescription) -> list[tuple[Array, Array]]:
    """Random positions within the limits, and velocities."""
    rng = np.random.default_rng(0)
    width = panda.gripper.width_max / 2
    low, high = np.append(panda.limits.lower, [0, 0]), np.append(panda.limits.upper, [width] * 2)
    scale = np.append(np.ones(7), [0.02, 0.02])
    return [(rng.uniform(low, high), scale * rng.normal(size=9)) for _ in range(STATES)]


@pytest.mark.parametrize("link", ["panda_link4", "panda_hand_tcp", "panda_rightfinger"])
def test_forward_kinematics_agree_to_a_micrometre(engines, states, link: str) -> None:
    for q, _ in states:
        for engine in engines:
            engine.set(q, np.zeros(9))
        mine, other = (engine.link_position(link) for engine in engines)
        np.testing.assert_allclose(mine, other, atol=1e-6, rtol=0.0)


def test_gravity_torques_agree_to_a_nanonewton_metre(engines, states) -> None:
    for q, _ in states:
        for engine in engines:
            engine.set(q, np.zeros(9))
        mine, other = (engine.bias() for engine in engines)
        np.testing.assert_allclose(mine, other, atol=1e-9, rtol=0.0)
        assert np.abs(mine).max() > 0.1


def test_coriolis_torques_agree(engines, states) -> None:
    for q, dq in states:
        for engine in engines:
            engine.set(q, dq)
        mine, other = (engine.bias() for engine in engines)
        np.testing.assert_allclose(mine, other, atol=1e-8, rtol=0.0)


def test_mass_matrices_agree_to_1e_8(engines, states) -> None:
    for q, _ in states:
        for engine in engines:
            engine.set(q, np.zeros(9))
        mine, other = (engine.mass_matrix() for engine in engines)
        assert np.abs(mine - other).max() / np.abs(mine).max() < 1e-8


def test_a_second_of_torque_control_ends_in_the_same_place(engines, panda: ArmDescription) -> None:
    # given one control law that each engine closes over its own state
    stiffness = np.array([200.0, 200.0, 200.0, 200.0, 80.0, 80.0, 40.0, 200.0, 200.0])
    damping = np.array([20.0, 20.0, 20.0, 20.0, 8.0, 8.0, 4.0, 10.0, 10.0])
    start = np.append(panda.home, [0.02, 0.02])
    target = start + np.array([0.4, 0.3, -0.3, 0.4, 0.3, -0.3, 0.4, 0.0, 0.0])
    for engine in engines:
        engine.set(start, np.zeros(9))
    # when both run for one second
    worst = 0.0
    for _ in range(round(1.0 / TIMESTEP)):
        for engine in engines:
            engine.step(stiffness * (target - engine.position) - damping * engine.velocity)
        mine, other = (engine.position for engine in engines)
        worst = max(worst, float(np.abs(mine - other)[:7].max()))
    # then the arm has moved, and equally to a nanoradian at every step
    assert np.abs(mine - start)[:7].min() > 0.1
    assert worst < 1e-9


@pytest.mark.parametrize("friction", [0.3, 0.6])
def test_a_sliding_cube_stops_where_coulomb_says(friction: float) -> None:
    speed = 0.5  # [m/s]
    expected = speed**2 / (2.0 * friction * GRAVITY)
    in_mujoco = _slide_in_mujoco(speed, friction)
    in_bullet = _slide_in_bullet(speed, friction)
    assert in_mujoco == pytest.approx(expected, rel=0.02)
    assert in_bullet == pytest.approx(expected, rel=0.02)
    assert in_mujoco == pytest.approx(in_bullet, rel=0.02)


def _slide_in_mujoco(speed: float, friction: float) -> float:
    model = mujoco.MjModel.from_xml_string(
        f"""
        <mujoco>
          <option timestep="{TIMESTEP}" gravity="0 0 -{GRAVITY}" cone="pyramidal"/>
          <worldbody>
            <geom type="plane" size="2 2 0.1" friction="{friction} 0 0"/>
            <body pos="0 0 0.02">
              <freejoint/>
              <geom type="box" size="0.02 0.02 0.02" mass="0.08" friction="{friction} 0 0"/>
            </body>
          </worldbody>
        </mujoco>"""
    )
    data = mujoco.MjData(model)
    for _ in range(100):  # settle into the soft contact
        mujoco.mj_step(model, data)
    start = data.qpos[0]
    data.qvel[0] = speed
    for _ in range(500):
        mujoco.mj_step(model, data)
    return float(data.qpos[0] - start)


def _slide_in_bullet(speed: float, friction: float) -> float:
    at = {"physicsClientId": pybullet.connect(pybullet.DIRECT)}
    try:
        pybullet.setGravity(0.0, 0.0, -GRAVITY, **at)
        pybullet.setTimeStep(TIMESTEP, **at)
        plane = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=[2, 2, 0.1], **at)
        ground = pybullet.createMultiBody(0, plane, -1, [0.0, 0.0, -0.1], **at)
        shape = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=[0.02] * 3, **at)
        cube = pybullet.createMultiBody(
            0.08, shape, -1, [0.0, 0.0, 0.02], useMaximalCoordinates=True, **at
        )
        for body in (ground, cube):  # Bullet multiplies the two coefficients
            pybullet.changeDynamics(
                body, -1, lateralFriction=friction**0.5, linearDamping=0, angularDamping=0, **at
            )
        pybullet.changeDynamics(cube, -1, frictionAnchor=True, **at)  # as in PyBulletWorld
        for _ in range(100):
            pybullet.stepSimulation(**at)
        start = pybullet.getBasePositionAndOrientation(cube, **at)[0][0]
        pybullet.resetBaseVelocity(cube, [speed, 0.0, 0.0], **at)
        for _ in range(500):
            pybullet.stepSimulation(**at)
        return float(pybullet.getBasePositionAndOrientation(cube, **at)[0][0] - start)
    finally:
        pybullet.disconnect(**at)
