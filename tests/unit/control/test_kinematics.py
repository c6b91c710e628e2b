"""Forward kinematics and Jacobian agree with each other, with MuJoCo, and row by row to the bit."""

import mujoco
import numpy as np
import pytest

from introspect_control import KinematicChain
from introspect_description import ArmDescription, JointFrame

ARM = ArmDescription.load("panda")
CHAIN = KinematicChain(ARM.chain())


def random_joints(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(ARM.limits.lower, ARM.limits.upper, (n, 7))


def test_the_tool_is_where_mujoco_says() -> None:
    model = mujoco.MjModel.from_xml_string(ARM.urdf())
    data = mujoco.MjData(model)
    joints = random_joints(50)
    position, rotation = CHAIN.forward(joints)
    for row, q in enumerate(joints):
        for name, value in zip(ARM.joint_names, q, strict=True):
            data.joint(name).qpos[0] = value
        mujoco.mj_kinematics(model, data)
        tool = data.body(ARM.tool_frame)
        np.testing.assert_allclose(position[row], tool.xpos, atol=1e-9)
        np.testing.assert_allclose(rotation[row].ravel(), tool.xmat, atol=1e-9)


def test_the_jacobian_is_the_derivative_of_the_pose() -> None:
    joints, step = random_joints(20), 1e-6
    _, rotation, J = CHAIN.jacobian(joints)
    for k in range(7):
        ahead, behind = joints.copy(), joints.copy()
        ahead[:, k] += step
        behind[:, k] -= step
        (p1, r1), (p0, r0) = CHAIN.forward(ahead), CHAIN.forward(behind)
        np.testing.assert_allclose(J[:, :3, k], (p1 - p0) / (2 * step), atol=1e-7)
        spin = (r1 - r0) / (2 * step) @ rotation.transpose(0, 2, 1)
        turning = np.stack([spin[:, 2, 1], spin[:, 0, 2], spin[:, 1, 0]], axis=1)
        np.testing.assert_allclose(J[:, 3:, k], turning, atol=1e-7)


@pytest.mark.parametrize("n", [1, 2, 3, 17, 64])
def test_a_row_does_not_depend_on_how_many_there_are(n: int) -> None:
    joints = random_joints(64)
    everything, some = CHAIN.jacobian(joints), CHAIN.jacobian(joints[:n])
    for whole, part in zip(everything, some, strict=True):
        np.testing.assert_array_equal(whole[:n], part)


def test_joints_about_any_axis_turn_about_it() -> None:
    frame = JointFrame("swivel", np.eye(3), np.zeros(3), np.array([0.0, 1.0, 0.0]), True)
    tool = JointFrame("tool", np.eye(3), np.array([1.0, 0.0, 0.0]), np.zeros(3), False)
    position, _ = KinematicChain([frame, tool]).forward(np.array([[0.5 * np.pi]]))
    np.testing.assert_allclose(position[0], [0.0, 0.0, -1.0], atol=1e-12)


def test_a_chain_of_one_joint_turns_many_arms_about_it() -> None:
    frame = JointFrame("swivel", np.eye(3), np.zeros(3), np.array([0.0, 0.0, 1.0]), True)
    tool = JointFrame("tool", np.eye(3), np.array([0.0, 0.0, 0.5]), np.zeros(3), False)
    position, rotation, J = KinematicChain([frame, tool]).jacobian(np.array([[0.0], [0.5 * np.pi]]))
    np.testing.assert_allclose(position, [[0.0, 0.0, 0.5]] * 2, atol=1e-12)
    np.testing.assert_allclose(rotation[1], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)
    np.testing.assert_allclose(J[:, :, 0], [[0, 0, 0, 0, 0, 1]] * 2, atol=1e-12)


def test_the_tool_moves_as_the_jacobian_says() -> None:
    q, dq = np.random.default_rng(3).uniform(-1.0, 1.0, (2, 20, 7))
    position, rotation, J = CHAIN.jacobian(q)
    at, turned, velocity = CHAIN.motion(q, dq)
    np.testing.assert_array_equal(at, position)
    np.testing.assert_array_equal(turned, rotation)
    np.testing.assert_allclose(velocity, np.einsum("nij,nj->ni", J[:, :3], dq), atol=1e-14)
    with pytest.raises(ValueError, match=r"joint_velocity must be \(20, 7\), got \(19, 7\)"):
        CHAIN.motion(q, dq[1:])


def test_wrong_shapes_and_empty_chains_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"joint_position must be \(n, 7\), got \(1, 6\)"):
        CHAIN.forward(np.zeros((1, 6)))
    with pytest.raises(ValueError, match="at least one revolute joint"):
        KinematicChain([])
    turn = JointFrame("turn", np.eye(3), np.zeros(3), np.array([0.0, 0.0, 1.0]), True)
    with pytest.raises(ValueError, match="at most 16; got 17"):
        KinematicChain([turn] * 17)
    axis = JointFrame("bad", np.eye(3), np.zeros(3), np.zeros(3), True)
    with pytest.raises(ValueError, match="joint 'bad' has a zero axis"):
        KinematicChain([axis])
