"""The object and the goal of a task in one world: where they start, and what may befall them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from introspect_sim.tasks import PickAndPlace
    from introspect_sim.tasks.pick_and_place import Start
    from introspect_sim.worlds import World

Array = NDArray[np.float64]

PUSH_LIMIT = 3.0  # fastest push [m/s]
GOAL_LIMIT = 1.0  # farthest goal from the base along any axis [m]
ROW = np.zeros(1, dtype=np.int64)  # of a world of one copy


class SimulationError(Exception):
    """A request that a simulation refuses; the text says what it would accept."""


class TaskScene:
    """Draws starts of a task, keeps its goal, and disturbs object and goal.

    Starts are drawn as by the environments: ``draw(seed)`` is the first episode of
    ``PickAndPlaceVectorEnv(1, seed=seed)``, ``draw(-1)`` the next one of the own seed.

    Args:
        world: with n = 1.
        task: where episodes start.
        seed: of the first start and of those drawn later.

    Attributes:
        object_start: (7,) pose of the object at the start that was drawn last.
        goal: (3,) where the object is to go [m].

    Raises:
        ValueError: A world of several copies, or a negative seed.
    """

    def __init__(self, world: World, task: PickAndPlace, seed: int) -> None:
        if world.n != 1:
            raise ValueError(f"a simulation runs one copy of a world, this one has {world.n}")
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, got {seed}")
        self._world = world
        self._task = task
        self._seed, self._episode = seed, 0
        self.object_start: Array
        self.goal: Array
        self._take(self.start(seed))

    def draw(self, seed: int = -1) -> str:
        """Take a start: object_start and goal are then its.

        Args:
            seed: of the start, or -1 for the next one of the own seed.

        Returns:
            What was drawn, in words.

        Raises:
            SimulationError: A seed below -1.
        """
        start = self.start(seed)
        self._episode += seed == -1
        self._take(start)
        return "next start" if seed == -1 else f"start of seed {seed}"

    def start(self, seed: int = -1) -> Start:
        """What ``draw`` would take; changes nothing.

        Raises:
            SimulationError: A seed below -1.
        """
        if seed < -1:
            raise SimulationError(f"seed must be 0 or more, or -1 for the next start; got {seed}")
        key = [self._seed, 0, self._episode + 1] if seed == -1 else [seed, 0, 0]
        return self._task.start(np.random.default_rng(key))

    def push_object(self, velocity: Array) -> str:
        """Give the object a velocity (3,) [m/s].

        Raises:
            SimulationError: No finite velocity up to ``PUSH_LIMIT``.
        """
        speed = float(np.linalg.norm(velocity))
        if not 0.0 < speed <= PUSH_LIMIT:
            raise SimulationError(f"a push must be in (0, {PUSH_LIMIT}] m/s, got {speed:.3g} m/s")
        self._world.set_object_velocity(ROW, np.array([velocity]), np.zeros((1, 3)))
        return f"pushed the object with {speed:.2f} m/s"

    def move_goal(self, displacement: Array) -> str:
        """Move the goal by a vector (3,) [m].

        Raises:
            SimulationError: A goal below the table's top or out of the arm's surroundings.
        """
        goal = self.goal + displacement
        if not (np.all(np.abs(goal) <= GOAL_LIMIT) and goal[2] >= 0.0):
            raise SimulationError(
                f"the goal must stay on or above the table and within {GOAL_LIMIT} m of the base; "
                f"it would be at {np.round(goal, 3).tolist()}"
            )
        self.goal = goal
        return f"moved the goal to {np.round(goal, 3).tolist()}"

    def start_over(self) -> None:
        """Put the goal back to where it was drawn."""
        self.goal = self._goal_start.copy()

    def _take(self, start: Start) -> None:
        self.object_start, self._goal_start = start.object_pose[0], start.goal_position[0]
        self.start_over()
