"""An observation is what training built, matched by name, and never of something stale."""

from __future__ import annotations

import numpy as np
import pytest

from introspect_control import KinematicChain
from introspect_description import ArmDescription
from introspect_learning.execution import NotObservable, Observer, ObserverConfig
from introspect_sim.tasks import observe

POSE = (0.45, 0.1, 0.02, 0.0, 0.0, 0.2, 0.98)
GOAL = (0.5, -0.1, 0.15)


@pytest.fixture(scope="module")
def panda() -> ArmDescription:
    return ArmDescription.load("panda")


@pytest.fixture
def names(panda: ArmDescription) -> list[str]:
    return [*panda.joint_names, *panda.gripper.joint_names]


@pytest.fixture
def observer(panda: ArmDescription, names: list[str]) -> Observer:
    """One that has seen everything at time 10."""
    observer = Observer(panda)
    observer.see_joints(names, [*panda.home, 0.03, 0.03], [0.01 * k for k in range(9)], 10.0)
    observer.see_object(POSE, 10.0)
    observer.see_goal(GOAL, 10.0)
    return observer


def expected(panda: ArmDescription) -> np.ndarray:
    return observe(
        KinematicChain(panda.chain()),
        np.array([panda.home]),
        np.array([[0.01 * k for k in range(7)]]),
        np.array([0.06]),
        np.array([POSE]),
        np.array([GOAL]),
    )[0]


def test_it_builds_what_training_builds_bit_for_bit(
    observer: Observer, panda: ArmDescription
) -> None:
    sight = observer.look(10.0)

    assert np.array_equal(sight.observation, expected(panda))
    assert sight.object_position.tolist() == list(POSE[:3])
    assert sight.goal_position.tolist() == list(GOAL)


def test_joints_are_matched_by_name_whatever_their_order_and_company(
    observer: Observer, panda: ArmDescription, names: list[str]
) -> None:
    position = [*panda.home, 0.03, 0.03]
    velocity = [0.01 * k for k in range(9)]

    observer.see_joints(
        ["rail", *names[::-1]], [7.0, *position[::-1]], [8.0, *velocity[::-1]], 10.0
    )

    assert np.array_equal(observer.look(10.0).observation, expected(panda))


def test_a_missing_joint_is_named_with_what_there_is(observer: Observer, names: list[str]) -> None:
    others = ["fr3_joint1", *names[1:]]
    observer.see_joints(others, [0.0] * 9, [0.0] * 9, 10.0)

    with pytest.raises(NotObservable) as refusal:
        observer.look(10.0)

    assert str(refusal.value) == f"joint_states lacks panda_joint1; it has {', '.join(others)}"


def test_joint_states_without_velocities_are_refused(observer: Observer, names: list[str]) -> None:
    observer.see_joints(names, [0.0] * 9, [], 10.0)

    with pytest.raises(NotObservable, match="9 names, 9 positions and 0 velocities"):
        observer.look(10.0)


@pytest.mark.parametrize("topic", ["joint_states", "object_pose", "goal_pose"])
def test_what_has_never_arrived_is_named(
    panda: ArmDescription, names: list[str], topic: str
) -> None:
    observer = Observer(panda)
    if topic != "joint_states":
        observer.see_joints(names, [0.0] * 9, [0.0] * 9, 10.0)
    if topic != "object_pose":
        observer.see_object(POSE, 10.0)
    if topic != "goal_pose":
        observer.see_goal(GOAL, 10.0)

    with pytest.raises(NotObservable, match=f"no {topic} has arrived"):
        observer.look(10.0)


@pytest.mark.parametrize(
    ("topic", "age"), [("joint_states", 0.1), ("object_pose", 0.5), ("goal_pose", 0.5)]
)
def test_what_is_too_old_is_named_with_its_age(
    observer: Observer, panda: ArmDescription, names: list[str], topic: str, age: float
) -> None:
    now = 10.0 + age + 0.01
    if topic != "joint_states":
        observer.see_joints(names, [0.0] * 9, [0.0] * 9, now)
    if topic != "object_pose":
        observer.see_object(POSE, now)
    if topic != "goal_pose":
        observer.see_goal(GOAL, now)

    with pytest.raises(NotObservable, match=rf"{topic} is {age + 0.01:.2f} s old, more than {age}"):
        observer.look(now)


def test_at_the_age_allowed_it_still_sees(observer: Observer) -> None:
    assert np.isfinite(observer.look(10.09).observation).all()


@pytest.mark.parametrize("topic", ["joint_states", "object_pose", "goal_pose"])
def test_what_is_not_finite_is_named(observer: Observer, names: list[str], topic: str) -> None:
    bad = float("nan")
    if topic == "joint_states":
        observer.see_joints(names, [bad] * 9, [0.0] * 9, 10.0)
    elif topic == "object_pose":
        observer.see_object((bad, *POSE[1:]), 10.0)
    else:
        observer.see_goal((bad, *GOAL[1:]), 10.0)

    with pytest.raises(NotObservable, match=f"{topic} is not finite"):
        observer.look(10.0)


def test_ages_must_be_positive() -> None:
    with pytest.raises(ValueError, match="pose_age must be positive, got 0"):
        ObserverConfig(pose_age=0)
