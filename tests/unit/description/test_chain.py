"""The kinematic chain against the published DH table of the Panda."""

import numpy as np
import pytest
from numpy.typing import NDArray

from introspect_description import ArmDescription, DescriptionError
from introspect_description.chain import read_chain

# Modified (Craig) DH parameters of the Panda: a [m], alpha [rad], d [m].
# Source: Franka documentation.
A = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)
ALPHA = (0.0, -np.pi / 2, np.pi / 2, np.pi / 2, -np.pi / 2, np.pi / 2, np.pi / 2)
D = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)
FLANGE = 0.107  # [m]
READY = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4])


def craig(a: float, alpha: float, d: float, theta: float) -> NDArray[np.float64]:
    ca, sa, ct, st = np.cos(alpha), np.sin(alpha), np.cos(theta), np.sin(theta)
    return np.array(
        [
            [ct, -st, 0.0, a],
            [st * ca, ct * ca, -sa, -d * sa],
            [st * sa, ct * sa, ca, d * ca],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


def flange_by_table(q: NDArray[np.float64]) -> NDArray[np.float64]:
    pose = np.eye(4)
    for a, alpha, d, theta in zip(A, ALPHA, D, q, strict=True):
        pose = pose @ craig(a, alpha, d, theta)
    return pose @ craig(0.0, 0.0, FLANGE, 0.0)


def end_of_chain(frames, q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply the chain out; all joints of this arm turn about z."""
    pose = np.eye(4)
    angles = iter(q)
    for frame in frames:
        step = np.eye(4)
        step[:3, :3], step[:3, 3] = frame.rotation, frame.translation
        pose = pose @ step
        if frame.revolute:
            np.testing.assert_array_equal(frame.axis, [0.0, 0.0, 1.0])
            pose = pose @ craig(0.0, 0.0, 0.0, next(angles))
    return pose


@pytest.fixture(scope="module")
def panda() -> ArmDescription:
    return ArmDescription.load("panda")


def test_the_flange_is_where_the_dh_table_puts_it(panda: ArmDescription) -> None:
    frames = read_chain(panda.urdf(), "panda_link0", "panda_link8")
    rng = np.random.default_rng(0)
    for q in rng.uniform(panda.limits.lower, panda.limits.upper, size=(100, 7)):
        np.testing.assert_allclose(
            end_of_chain(frames, q), flange_by_table(q), atol=1e-12, rtol=0.0
        )


def test_the_flange_is_at_the_published_place_in_the_ready_pose(panda: ArmDescription) -> None:
    frames = read_chain(panda.urdf(), "panda_link0", "panda_link8")
    np.testing.assert_allclose(end_of_chain(frames, READY)[:3, 3], [0.3069, 0.0, 0.5903], atol=5e-5)


def test_the_tool_is_between_the_finger_tips_below_the_flange(panda: ArmDescription) -> None:
    hand = np.eye(4)
    hand[:3, :3] = craig(0.0, 0.0, 0.0, -np.pi / 4)[:3, :3]
    hand[2, 3] = 0.1034
    rng = np.random.default_rng(1)
    for q in rng.uniform(panda.limits.lower, panda.limits.upper, size=(20, 7)):
        np.testing.assert_allclose(
            end_of_chain(panda.chain(), q), flange_by_table(q) @ hand, atol=1e-12, rtol=0.0
        )


def test_at_home_the_tool_points_down_and_the_fingers_open_along_y(panda: ArmDescription) -> None:
    pose = end_of_chain(panda.chain(), panda.home)
    np.testing.assert_allclose(pose[:3, 3], [0.45, 0.0, 0.30], atol=1e-9)
    np.testing.assert_allclose(pose[:3, :3], np.diag([1.0, -1.0, -1.0]), atol=1e-9)


def test_the_chain_ends_with_the_fixed_tool(panda: ArmDescription) -> None:
    *joints, tool = panda.chain()
    assert tuple(frame.name for frame in joints) == panda.joint_names
    assert all(frame.revolute for frame in joints)
    assert tool.name == panda.tool_frame
    assert not tool.revolute


def test_links_that_are_not_connected_are_refused(panda: ArmDescription) -> None:
    with pytest.raises(DescriptionError, match=r"no chain of joints from 'panda_link3' to 'table'"):
        read_chain(panda.urdf(), "panda_link3", "table")


def test_a_chain_through_a_finger_is_refused(panda: ArmDescription) -> None:
    with pytest.raises(DescriptionError, match=r"'panda_finger_joint1' .* is prismatic"):
        read_chain(panda.urdf(), "panda_link0", "panda_leftfinger")
