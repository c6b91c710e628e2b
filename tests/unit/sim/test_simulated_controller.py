"""The simulated controller matches joints by name, follows, holds, and refuses what is unsafe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from introspect_description import ArmDescription
from introspect_sim.commands import CommandError
from introspect_sim.controller import SimulatedController

TICK = 10_000_000  # [ns]


@pytest.fixture(scope="module")
def panda() -> ArmDescription:
    return ArmDescription.load("panda")


@pytest.fixture
def controller(panda: ArmDescription) -> SimulatedController:
    return SimulatedController(panda)


def follow(
    controller: SimulatedController,
    names: Sequence[str],
    position: Sequence[float],
    velocity: Sequence[float] = (0.0,) * 7,
    time: float = 0.01,
) -> bool:
    """Send a trajectory of one point."""
    return controller.follow(names, [time], [position], [velocity])


def test_it_holds_the_home_posture_with_an_open_gripper_before_any_command(
    controller: SimulatedController, panda: ArmDescription
) -> None:
    target = controller.advance(5 * TICK)

    assert np.array_equal(target.position, panda.home)
    assert not target.velocity.any()
    assert target.gripper_width == panda.gripper.width_max


def test_a_point_one_period_ahead_is_the_target_at_the_end_of_the_period(
    controller: SimulatedController, panda: ArmDescription
) -> None:
    controller.advance(3 * TICK)
    wanted, velocity = panda.home + 0.001, np.full(7, 0.1)

    moves = follow(controller, panda.joint_names, wanted.tolist(), velocity.tolist())

    target = controller.advance(4 * TICK)
    assert moves
    assert np.array_equal(target.position, wanted)
    assert np.array_equal(target.velocity, velocity)


def test_joints_are_matched_by_name_and_not_by_place(
    controller: SimulatedController, panda: ArmDescription
) -> None:
    wanted = panda.home + 0.001 * np.arange(7)

    follow(controller, panda.joint_names[::-1], wanted[::-1].tolist())

    assert np.array_equal(controller.advance(TICK).position, wanted)


def test_after_the_last_point_it_holds(
    controller: SimulatedController, panda: ArmDescription
) -> None:
    wanted = panda.home + 0.01
    follow(controller, panda.joint_names, wanted.tolist(), time=0.1)

    target = controller.advance(100 * TICK)

    assert np.array_equal(target.position, wanted)
    assert not target.velocity.any()


def test_a_trajectory_to_where_the_arm_is_does_not_move_it(
    controller: SimulatedController, panda: ArmDescription
) -> None:
    assert not follow(controller, panda.joint_names, panda.home.tolist())


def wrong_names(panda: ArmDescription) -> dict[str, list[str]]:
    names = list(panda.joint_names)
    return {
        "missing": names[:6],
        "unknown": [*names[:6], "fr3_joint7"],
        "extra": [*names, "panda_finger_joint1"],
        "repeated": [*names[:6], names[0]],
        "none": [],
    }


@pytest.mark.parametrize("case", ["missing", "unknown", "extra", "repeated", "none"])
def test_wrong_joint_names_are_refused_with_both_lists(
    controller: SimulatedController, panda: ArmDescription, case: str
) -> None:
    names = wrong_names(panda)[case]

    with pytest.raises(CommandError) as refusal:
        follow(controller, names, [0.0] * len(names), [0.0] * len(names))

    assert ", ".join(panda.joint_names) in str(refusal.value)
    assert (", ".join(names) or "no joint") in str(refusal.value)
    assert np.array_equal(controller.advance(TICK).position, panda.home)


@pytest.mark.parametrize(
    ("positions", "velocities", "times"),
    [
        ([[0.0] * 6], [[0.0] * 7], [0.01]),
        ([[0.0] * 7], [[]], [0.01]),
        ([[0.0] * 7, [0.0] * 6], [[0.0] * 7, [0.0] * 7], [0.01, 0.02]),
        ([], [], []),
        ([], [[0.0] * 7], [0.01]),
        ([[0.0] * 7, [0.0] * 7], [[0.0] * 7, [0.0] * 7], [0.02, 0.01]),
        ([[float("nan")] * 7], [[0.0] * 7], [0.01]),
        ([[0.0] * 7], [[float("inf")] * 7], [0.01]),
    ],
    ids=[
        *("short", "no velocities", "ragged", "no points", "no positions"),
        *("back in time", "nan", "inf"),
    ],
)
def test_broken_trajectories_are_refused_and_change_nothing(
    controller: SimulatedController,
    panda: ArmDescription,
    positions: list[list[float]],
    velocities: list[list[float]],
    times: list[float],
) -> None:
    with pytest.raises(CommandError, match="trajectory refused"):
        controller.follow(panda.joint_names, times, positions, velocities)

    assert np.array_equal(controller.advance(TICK).position, panda.home)


@pytest.mark.parametrize(("asked", "given"), [(0.03, 0.03), (-1.0, 0.0), (1.0, 0.08)])
def test_the_gripper_moves_within_its_range(
    controller: SimulatedController, asked: float, given: float
) -> None:
    controller.move_gripper(asked)

    assert controller.advance(TICK).gripper_width == given


def test_a_gripper_width_that_is_no_number_is_refused(controller: SimulatedController) -> None:
    with pytest.raises(CommandError, match="the width must be finite, got nan"):
        controller.move_gripper(float("nan"))


def test_hold_drops_the_trajectory_and_opens_the_gripper(
    controller: SimulatedController, panda: ArmDescription
) -> None:
    follow(controller, panda.joint_names, (panda.home + 0.1).tolist(), time=1.0)
    controller.move_gripper(0.0)

    controller.hold(panda.home)

    target = controller.advance(10 * TICK)
    assert np.array_equal(target.position, panda.home)
    assert target.gripper_width == panda.gripper.width_max
