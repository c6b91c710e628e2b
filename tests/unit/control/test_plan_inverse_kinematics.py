"""Joints for a pose: wherever there are any they are found, and where not, how far it is."""

from __future__ import annotations

import numpy as np
import pytest
from planned_motions import ARMS

from introspect_control import KinematicChain
from introspect_control.planning.inverse_kinematics import (
    nearest_turns,
    rotation_matrix,
    solve_pose,
)
from introspect_control.transforms import from_rpy
from introspect_description import ArmDescription


@pytest.mark.parametrize("name", ARMS)
def test_a_pose_that_some_joints_reach_is_reached(name: str) -> None:
    arm = ArmDescription.load(name)
    chain, rng = KinematicChain(arm.chain()), np.random.default_rng(0)
    lower, upper = arm.limits.lower, arm.limits.upper
    for q in rng.uniform(lower, upper, (8, 7)):
        position, rotation = (part[0] for part in chain.forward(q[None]))
        seeds = rng.uniform(lower, upper, (48, 7))
        found = solve_pose(chain, position, rotation, seeds, lower, upper)
        assert len(found.joints) > 0
        at, turned = chain.forward(found.joints)
        np.testing.assert_allclose(at, np.tile(position, (len(at), 1)), atol=2e-6)
        np.testing.assert_allclose(turned, np.tile(rotation, (len(at), 1, 1)), atol=1e-5)
        assert (found.joints >= lower).all()
        assert (found.joints <= upper).all()


def test_from_beside_the_pose_the_nearest_joints_are_found() -> None:
    arm = ArmDescription.load("panda")
    chain = KinematicChain(arm.chain())
    position, rotation = (part[0] for part in chain.forward(arm.home[None]))
    seed = arm.home + 0.05
    found = solve_pose(chain, position, rotation, seed[None], arm.limits.lower, arm.limits.upper)
    assert np.abs(found.joints[0] - seed).max() < 0.15


def test_a_pose_out_of_reach_is_told_with_the_distance() -> None:
    arm = ArmDescription.load("iiwa14")
    chain = KinematicChain(arm.chain())
    rotation = chain.forward(arm.home[None])[1][0]
    seeds = np.random.default_rng(0).uniform(arm.limits.lower, arm.limits.upper, (32, 7))
    far = np.array([2.0, 0.0, 0.4])
    found = solve_pose(chain, far, rotation, seeds, arm.limits.lower, arm.limits.upper)
    assert found.joints.shape == (0, 7)
    assert 0.9 < found.distance < 1.3


@pytest.mark.parametrize(
    "axis", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.6, 0.8)]
)
def test_a_pose_half_a_turn_away_is_not_taken_for_reached(axis: tuple[float, ...]) -> None:
    arm = ArmDescription.load("panda")
    chain, (lower, upper) = KinematicChain(arm.chain()), (arm.limits.lower, arm.limits.upper)
    position, rotation = (part[0] for part in chain.forward(arm.home[None]))
    wanted = rotation_matrix(np.array([*axis, 0.0])) @ rotation
    anywhere = np.random.default_rng(0).uniform(lower, upper, (48, 7))
    found = solve_pose(chain, position, wanted, np.vstack([arm.home, anywhere]), lower, upper)
    assert len(found.joints) > 0
    _, turned = chain.forward(found.joints)
    np.testing.assert_allclose(turned, np.tile(wanted, (len(turned), 1, 1)), atol=1e-5)


def test_a_joint_that_turns_more_than_once_takes_the_nearest_turn() -> None:
    lower, upper = np.full(7, -6.2), np.full(7, 6.2)
    near = np.array([3.0, -3.0, 0.0, 6.0, -6.0, 0.1, 0.2])
    joints = np.array([[-3.0, 3.0, 0.1, 0.0, 0.0, -6.1, 6.1]])
    turned = nearest_turns(joints, near, lower, upper)[0]
    turn = 2.0 * np.pi
    expected = [turn - 3.0, 3.0 - turn, 0.1, 0.0, 0.0, turn - 6.1, 6.1 - turn]
    np.testing.assert_allclose(turned, expected)


@pytest.mark.parametrize("rpy", [(0.0, 0.0, 0.0), (3.1, 0.2, -1.0), (0.3, -0.7, 2.5)])
def test_a_quaternion_and_its_matrix_turn_alike(rpy: tuple[float, float, float]) -> None:
    roll, pitch, yaw = rpy
    R = rotation_matrix(np.array(from_rpy(roll, pitch, yaw)))
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert R[2, 0] == pytest.approx(-np.sin(pitch))
    assert np.arctan2(R[1, 0], R[0, 0]) == pytest.approx(yaw)
    assert np.arctan2(R[2, 1], R[2, 2]) == pytest.approx(roll)
