"""One policy, learned on one arm, on all others: their own kinematics, their own limits."""

from __future__ import annotations

import numpy as np
import pytest

from introspect_control.kinematics import KinematicChain
from introspect_control.servo import CartesianServo
from introspect_description import ArmDescription, share_dir
from introspect_learning.evaluation.pick_and_place import EvaluationConfig, evaluate
from introspect_learning.models import shipped

ARMS = sorted(file.stem for file in (share_dir() / "urdf" / "arms").glob("*.yaml"))


@pytest.fixture(params=ARMS)
def arm(request: pytest.FixtureRequest) -> ArmDescription:
    return ArmDescription.load(request.param)


def test_home_holds_the_tool_straight_down_over_the_table(arm: ArmDescription) -> None:
    position, rotation = KinematicChain(arm.chain()).forward(arm.home[None])
    np.testing.assert_allclose(position[0], [0.45, 0.0, 0.30], atol=1e-6)
    np.testing.assert_allclose(rotation[0], np.diag([1.0, -1.0, -1.0]), atol=1e-6)
    margin = np.minimum(arm.home - arm.limits.lower, arm.limits.upper - arm.home)
    assert margin.min() > 0.5


def test_the_tool_reaches_every_place_of_the_task_within_the_limits(arm: ArmDescription) -> None:
    x, y, z = np.meshgrid([0.35, 0.47, 0.59], [-0.16, 0.0, 0.16], [0.02, 0.27], indexing="ij")
    places = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1)
    servo = CartesianServo(arm, n=len(places))
    for _ in range(200):
        tool = servo.chain.forward(servo.position)[0]
        servo.set_twist(np.clip(3.0 * (places - tool), -0.3, 0.3), np.zeros_like(places))
        joints = servo.ticks(4).position
        assert (joints >= arm.limits.lower).all()
        assert (joints <= arm.limits.upper).all()
    tool, rotation = servo.chain.forward(servo.position)
    np.testing.assert_allclose(tool, places, atol=2e-3)
    np.testing.assert_allclose(rotation[:, 2, 2], -1.0, atol=1e-3)


@pytest.mark.parametrize("world", ["mujoco", "pybullet"])
def test_the_shipped_policy_picks_and_places_with_it(arm: ArmDescription, world: str) -> None:
    config = EvaluationConfig(episodes=12, batch=12, arm=arm.name, world=world, timestep=0.005)
    assert evaluate(shipped(), config)["value"] >= 10 / 12
