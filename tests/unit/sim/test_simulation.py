"""One simulated arm: starts are reproducible, time only grows, disturbances disturb."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from introspect_description import ArmDescription
from introspect_sim.envs import PickAndPlaceVectorEnv
from introspect_sim.simulation import Simulation, State
from introspect_sim.task_scene import SimulationError
from introspect_sim.tasks import PickAndPlace
from introspect_sim.worlds import make_world

pytest.importorskip("mujoco")


@pytest.fixture(scope="module")
def panda() -> ArmDescription:
    return ArmDescription.load("panda")


@pytest.fixture
def simulation(panda: ArmDescription) -> Iterator[Simulation]:
    world = make_world("mujoco", panda)
    yield Simulation(world, PickAndPlace(), seed=5)
    world.close()


def advance(simulation: Simulation, periods: int) -> State:
    for _ in range(periods):
        state = simulation.advance()
    return state


def scene(simulation: Simulation) -> list[np.ndarray]:
    world = simulation.world
    return [world.joint_position, world.object_pose, simulation.advance().goal_position]


def test_the_same_seed_gives_the_identical_start(simulation: Simulation) -> None:
    simulation.reset(11)
    first = scene(simulation)
    advance(simulation, 20)
    simulation.reset(12)
    other = scene(simulation)

    simulation.reset(11)
    again = scene(simulation)

    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])


def test_a_start_is_that_of_the_environment_with_the_same_seed(simulation: Simulation) -> None:
    env = PickAndPlaceVectorEnv(1, "mujoco")
    env.reset(seed=11)

    simulation.reset(11)

    assert np.array_equal(simulation.world.object_pose, env.world.object_pose)
    assert np.array_equal(simulation.advance().goal_position, env.goal_position[0])
    env.close()


def test_minus_one_draws_the_next_start_each_time(simulation: Simulation) -> None:
    poses = [simulation.world.object_pose]
    for _ in range(3):
        simulation.reset(-1)
        poses.append(simulation.world.object_pose)

    assert len({pose.tobytes() for pose in poses}) == 4


def test_a_seed_below_minus_one_is_refused(simulation: Simulation) -> None:
    with pytest.raises(SimulationError, match="seed must be 0 or more, or -1"):
        simulation.reset(-2)


def test_time_goes_on_through_a_reset(simulation: Simulation) -> None:
    before = advance(simulation, 10).stamp

    simulation.reset(0)

    assert simulation.advance().stamp == before + 10_000_000


def test_without_a_command_the_arm_stays_where_it_is(
    simulation: Simulation, panda: ArmDescription
) -> None:
    state = advance(simulation, 100)

    assert np.abs(state.joint_position - panda.home).max() < 1e-3
    assert np.abs(state.joint_velocity).max() < 1e-3
    assert state.gripper_width == pytest.approx(0.08, abs=2e-3)


def test_it_follows_its_controller(simulation: Simulation, panda: ArmDescription) -> None:
    goal = panda.home + 0.1

    simulation.controller.follow(panda.joint_names, [0.5], [goal.tolist()], [[0.0] * 7])

    assert np.abs(advance(simulation, 80).joint_position - goal).max() < 2e-3


def test_a_push_moves_the_object(simulation: Simulation) -> None:
    before = advance(simulation, 5).object_pose

    simulation.scene.push_object(np.array([0.0, 0.5, 0.0]))

    after = advance(simulation, 50).object_pose
    assert after[1] - before[1] > 0.01


@pytest.mark.parametrize("velocity", [[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [float("nan"), 0.0, 0.0]])
def test_a_push_without_a_sensible_speed_is_refused(
    simulation: Simulation, velocity: list[float]
) -> None:
    with pytest.raises(SimulationError, match=r"a push must be in \(0, 3\.0\] m/s"):
        simulation.scene.push_object(np.array(velocity))


def test_a_drop_opens_the_gripper_for_a_moment_and_then_obeys_again(
    simulation: Simulation,
) -> None:
    simulation.controller.move_gripper(0.0)
    assert advance(simulation, 120).gripper_width < 0.01

    simulation.drop_object()

    assert advance(simulation, 30).gripper_width > 0.02
    assert advance(simulation, 80).gripper_width < 0.01


def test_the_goal_moves_by_the_vector(simulation: Simulation) -> None:
    before = simulation.advance().goal_position

    simulation.scene.move_goal(np.array([0.0, 0.05, 0.1]))

    moved = simulation.advance().goal_position - before
    assert moved == pytest.approx([0.0, 0.05, 0.1])


@pytest.mark.parametrize("by", [[0.0, 0.0, -2.0], [5.0, 0.0, 0.0], [float("nan"), 0.0, 0.0]])
def test_a_goal_that_cannot_be_reached_is_refused(simulation: Simulation, by: list[float]) -> None:
    before = simulation.advance().goal_position

    with pytest.raises(SimulationError, match="the goal must stay on or above the table"):
        simulation.scene.move_goal(np.array(by))

    assert np.array_equal(simulation.advance().goal_position, before)


def test_diverged_physics_is_counted_and_starts_over(
    simulation: Simulation,
    panda: ArmDescription,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo leaves a log where it runs
    pose = np.array([[float("nan"), 0.0, 0.02, 0.0, 0.0, 0.0, 1.0]])
    simulation.world.set_object_pose(np.zeros(1, dtype=np.int64), pose)

    state = simulation.advance()

    assert simulation.faults == 1
    assert np.isfinite(state.object_pose).all()
    assert np.array_equal(state.joint_position, panda.home)


def test_a_simulation_takes_one_copy_and_no_negative_seed(panda: ArmDescription) -> None:
    world = make_world("mujoco", panda, n=2)
    with pytest.raises(ValueError, match="one copy of a world, this one has 2"):
        Simulation(world, PickAndPlace())
    with pytest.raises(ValueError, match="seed must be 0 or more, got -3"):
        Simulation(make_world("mujoco", panda), PickAndPlace(), seed=-3)
