"""What both worlds promise of a step."""

from __future__ import annotations

import numpy as np
import pytest

from introspect_description import ArmDescription
from introspect_sim.worlds import WORLDS, World, WorldError, make_world

ARM = ArmDescription.load("panda")
PERIOD = 0.01


def world_of_two(name: str) -> World:
    world = make_world(name, ARM, n=2)
    poses = np.tile([0.5, 0.1, 0.02, 0.0, 0.0, 0.0, 1.0], (2, 1))
    world.reset(np.arange(2), np.tile(ARM.home, (2, 1)), poses)
    return world


@pytest.mark.parametrize("name", WORLDS)
def test_several_ticks_in_one_call_are_those_ticks_one_call_after_the_other(name: str) -> None:
    together, alone = world_of_two(name), world_of_two(name)
    random, position = np.random.default_rng(2), np.tile(ARM.home, (2, 1))
    for _ in range(10):
        velocity = random.uniform(-0.5, 0.5, (4, 2, 7))
        positions = position + np.cumsum(velocity * PERIOD, axis=0)
        position, width = positions[-1], random.uniform(0.0, 0.08, 2)
        together.step(positions, velocity, width, PERIOD)
        for k in range(4):
            alone.step(positions[k : k + 1], velocity[k : k + 1], width, PERIOD)

        for what in ("joint_position", "joint_velocity", "gripper_width", "object_pose"):
            one, other = getattr(together, what), getattr(alone, what)
            np.testing.assert_allclose(one, other, rtol=0.0, atol=1e-12, err_msg=what)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 7), (2, 7), (2,)), r"joint_position must have shape \(2, 2, 7\), got \(2, 7\)"),
        (((4, 1, 7), (4, 2, 7), (2,)), r"joint_position must have shape \(4, 2, 7\)"),
        (((4, 2, 7), (1, 2, 7), (2,)), r"joint_velocity must have shape \(4, 2, 7\)"),
        (((4, 2, 7), (4, 2, 7), (2, 1)), r"gripper_width must have shape \(2,\), got \(2, 1\)"),
    ],
)
def test_targets_of_a_wrong_shape_are_refused_by_name(
    name: str, shapes: tuple[tuple[int, ...], ...], message: str
) -> None:
    with pytest.raises(WorldError, match=message):
        world_of_two(name).step(*(np.zeros(shape) for shape in shapes), PERIOD)
