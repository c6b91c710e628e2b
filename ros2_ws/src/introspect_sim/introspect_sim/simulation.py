"""One arm at work: a world, a task's start and goal, a controller, and simulated time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_sim.controller import SimulatedController

if TYPE_CHECKING:
    from introspect_sim.tasks import PickAndPlace
    from introspect_sim.worlds import World

Array = NDArray[np.float64]

PUSH_LIMIT = 3.0  # fastest push [m/s]
GOAL_LIMIT = 1.0  # farthest goal from the base along any axis [m]
DROP_TIME = 0.3  # how long a drop keeps the gripper open [s]
DIVERGED = 50.0  # joint velocity that only broken physics shows [rad/s]
_ROW = np.zeros(1, dtype=np.int64)


class SimulationError(Exception):
    """A request that a simulation refuses; the text says what it would accept."""


class State(NamedTuple):
    """What the simulation shows after one period."""

    stamp: int  # simulated time [ns]
    joint_position: Array  # (7,) [rad]
    joint_velocity: Array  # (7,) [rad/s]
    gripper_width: float  # [m]
    gripper_velocity: float  # of the width [m/s]
    object_pose: Array  # (7,) x y z qx qy qz qw
    goal_position: Array  # (3,) [m]


class Simulation:
    """Advances a world of one copy under the commands of its controller.

    Starts are drawn as by the environments: ``reset(seed)`` is the first episode of
    ``PickAndPlaceVectorEnv(1, seed=seed)``, ``reset(-1)`` the next one of the own seed.

    Args:
        world: with n = 1.
        task: where episodes start.
        seed: of the first start and of those drawn later.
        period: of one state [s].

    Raises:
        ValueError: A world of several copies, or a negative seed.
    """

    def __init__(
        self, world: World, task: PickAndPlace, seed: int = 0, period: float = 0.01
    ) -> None:
        if world.n != 1:
            raise ValueError(f"a simulation runs one copy of a world, this one has {world.n}")
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, got {seed}")
        self.world = world
        self.task = task
        self.controller = SimulatedController(world.arm)
        self.period = period
        self.faults = 0  # times the physics diverged
        self._tick = round(1e9 * period)
        self._stamp = 0
        self._seed, self._episode = seed, 0
        self._dropping_until = 0
        self._start = task.start(np.random.default_rng([seed, 0, 0]))
        self._goal = self._start.goal_position[0]
        self._width = 0.0  # at the end of the latest period [m]
        self._apply_start()

    @property
    def stamp(self) -> int:
        """Simulated time [ns]; only ever grows."""
        return self._stamp

    def advance(self) -> State:
        """Run one period and return what is then to be seen."""
        target = self.controller.advance(self._stamp + self._tick)
        width = target.gripper_width
        if self._stamp < self._dropping_until:
            width = self.world.arm.gripper.width_max
        width_before, position_before = self._width, self.world.joint_position[0]
        self.world.step(
            target.position[None, None], target.velocity[None, None], np.array([width]), self.period
        )
        self._stamp += self._tick
        state = self._look(width_before)
        if self._diverged(state, position_before):
            self.faults += 1
            self._apply_start()
            state = self._look(self._width)
        return state

    def reset(self, seed: int = -1) -> str:
        """Teleport arm, object and goal to a start of the task.

        Args:
            seed: of the start, or -1 for the next one of the simulation's own seed.

        Returns:
            What was done.

        Raises:
            SimulationError: A seed below -1.
        """
        if seed < -1:
            raise SimulationError(f"seed must be 0 or more, or -1 for the next start; got {seed}")
        if seed == -1:
            self._episode += 1
        key = [self._seed, 0, self._episode] if seed == -1 else [seed, 0, 0]
        self._start = self.task.start(np.random.default_rng(key))
        self._apply_start()
        return "next start" if seed == -1 else f"start of seed {seed}"

    def push_object(self, velocity: Array) -> str:
        """Give the object a velocity (3,) [m/s].

        Raises:
            SimulationError: No finite velocity up to ``PUSH_LIMIT``.
        """
        speed = float(np.linalg.norm(velocity))
        if not 0.0 < speed <= PUSH_LIMIT:
            raise SimulationError(f"a push must be in (0, {PUSH_LIMIT}] m/s, got {speed:.3g} m/s")
        self.world.set_object_velocity(_ROW, np.array([velocity]), np.zeros((1, 3)))
        return f"pushed the object with {speed:.2f} m/s"

    def drop_object(self) -> str:
        """Open the gripper for ``DROP_TIME``, whatever it is told meanwhile."""
        self._dropping_until = self._stamp + round(1e9 * DROP_TIME)
        return f"opened the gripper for {DROP_TIME} s"

    def move_goal(self, displacement: Array) -> str:
        """Move the goal by a vector (3,) [m].

        Raises:
            SimulationError: A goal below the table's top or out of the arm's surroundings.
        """
        goal = self._goal + displacement
        if not (np.all(np.abs(goal) <= GOAL_LIMIT) and goal[2] >= 0.0):
            raise SimulationError(
                f"the goal must stay on or above the table and within {GOAL_LIMIT} m of the base; "
                f"it would be at {np.round(goal, 3).tolist()}"
            )
        self._goal = goal
        return f"moved the goal to {np.round(goal, 3).tolist()}"

    def _apply_start(self) -> None:
        home = np.asarray(self.world.arm.home)
        self.world.reset(_ROW, home[None], self._start.object_pose)
        self.controller.hold(home)
        self._goal = self._start.goal_position[0].copy()
        self._dropping_until = 0
        self._width = float(self.world.gripper_width[0])

    def _diverged(self, state: State, position_before: Array) -> bool:
        """Whether the physics broke down: an engine then shows no numbers, or starts over."""
        moved = np.abs(state.joint_position - position_before).max()
        sane = moved <= DIVERGED * self.period and np.isfinite(state.object_pose).all()
        return not sane  # NaN compares as false

    def _look(self, width_before: float) -> State:
        world = self.world
        self._width = float(world.gripper_width[0])
        return State(
            self._stamp,
            world.joint_position[0],
            world.joint_velocity[0],
            self._width,
            (self._width - width_before) / self.period,
            world.object_pose[0],
            self._goal,
        )
