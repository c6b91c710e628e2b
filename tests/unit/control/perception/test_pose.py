"""Poses combine, invert and average as they must, and what is no pose is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from introspect_control.perception import PerceptionError, Pose
from introspect_control.perception.camera_pose import described_camera
from introspect_control.perception.pose import mean_pose, rotation_matrix, rotation_vector
from introspect_control.transforms import TransformTree
from introspect_description import ArmDescription

numbers = st.floats(-10.0, 10.0, allow_nan=False)
vectors = st.tuples(numbers, numbers, numbers).map(np.array)
turns = st.tuples(*[st.floats(-1.8, 1.8)] * 3).map(np.array)  # shorter than π
poses = st.builds(lambda turn, shift: Pose(rotation_matrix(turn), shift), turns, vectors)


@given(poses, poses, vectors)
@settings(max_examples=50, deadline=None)
def test_a_pose_of_a_pose_does_the_one_after_the_other(one: Pose, other: Pose, point: np.ndarray):
    both = (one @ other).apply(point[None])

    np.testing.assert_allclose(both, one.apply(other.apply(point[None])), atol=1e-9)


@given(poses)
@settings(max_examples=50, deadline=None)
def test_inverse_vector_and_rotation_vector_lead_back(pose: Pose) -> None:
    back = pose @ pose.inverse()
    again = Pose.from_vector(pose.vector())

    assert max(back.distance(Pose.identity())) < 1e-9
    assert max(again.distance(pose)) < 1e-9
    np.testing.assert_allclose(
        rotation_matrix(rotation_vector(pose.rotation)), pose.rotation, atol=1e-9
    )


@given(turns.filter(lambda turn: np.linalg.norm(turn) < 3.1))
@settings(max_examples=50, deadline=None)
def test_a_rotation_has_the_vector_it_was_made_of(turn: np.ndarray) -> None:
    np.testing.assert_allclose(rotation_vector(rotation_matrix(turn)), turn, atol=1e-7)


@given(poses, st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_mean_of_poses_scattered_evenly_is_their_middle(pose: Pose, seed: int) -> None:
    steps = np.random.default_rng(seed).normal(0.0, 0.02, (6, 6))
    scattered = [pose.moved(sign * step) for step in steps for sign in (1.0, -1.0)]

    assert max(mean_pose(scattered).distance(pose)) < 1e-9


def test_many_products_stay_a_rotation() -> None:
    step = Pose(rotation_matrix(np.array([0.3, -0.2, 0.5])), np.zeros(3))
    pose = Pose.identity()
    for _ in range(2000):
        pose = pose @ step

    np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pose(np.eye(2), np.zeros(3)), r"rotation must be \(3, 3\) and finite"),
        (lambda: Pose(2.0 * np.eye(3), np.zeros(3)), "rotation must be orthonormal"),
        (lambda: Pose(np.diag([1.0, 1.0, -1.0]), np.zeros(3)), "rotation must be orthonormal"),
        (lambda: Pose(np.eye(3), np.array([0, np.nan, 0])), "translation must be .* nan"),
        (lambda: Pose.from_vector([0.0] * 7), "a quaternion needs a length"),
        (lambda: Pose.from_vector([0.0] * 6), "a pose has seven finite numbers"),
        (lambda: Pose.looking([0, 0, 1], [0, 0, 0]), "has no upright"),
        (lambda: mean_pose([]), "the mean of no poses"),
    ],
)
def test_what_is_no_pose_is_refused_with_its_value(make, message: str) -> None:
    with pytest.raises(PerceptionError, match=message):
        make()


def test_a_pose_does_not_change_with_the_array_it_was_made_from() -> None:
    shift = np.zeros(3)
    pose = Pose(np.eye(3), shift)
    shift[0] = 1.0

    assert pose.translation[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        pose.translation[0] = 1.0


@pytest.mark.parametrize("name", ["panda", "fr3"])
def test_the_described_camera_is_where_the_urdf_has_it(name: str) -> None:
    arm = ArmDescription.load(name)
    links = {item.child: item for item in TransformTree(arm.urdf()).fixed}
    pose, link = Pose.identity(), arm.camera.frame
    while link in links:
        item = links[link]
        pose = Pose.from_vector([*item.translation, *item.rotation]) @ pose
        link = item.parent

    assert max(described_camera(arm).T_parent_camera.distance(pose)) < 1e-9
