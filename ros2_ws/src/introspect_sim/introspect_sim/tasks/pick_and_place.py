"""Pick and place: bring a cube to a goal position on or above the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_sim.worlds.world import OBJECT_EDGE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PickAndPlaceConfig:
    """Numbers of the task."""

    object_centre: tuple[float, float] = (0.47, 0.0)  # on the table [m]
    object_spread: tuple[float, float] = (0.12, 0.16)  # half-widths of the uniform square [m]
    object_yaw: float = 0.25 * np.pi  # half-width of the uniform yaw [rad]; a cube repeats at π/2
    goal_spread: tuple[float, float] = (0.12, 0.16)  # half-widths around object_centre [m]
    goal_height: float = 0.25  # highest goal above the table [m]
    goal_on_table: float = 0.5  # share of goals on the table
    goal_distance: float = 0.10  # least distance of object and goal at the start [m]
    success_distance: float = 0.05  # of object and goal [m]
    horizon: int = 100  # policy steps in an episode

    def __post_init__(self) -> None:
        """Refuse numbers that describe no task."""
        if not 0.0 <= self.goal_on_table <= 1.0:
            raise ValueError(f"goal_on_table must be in [0, 1], got {self.goal_on_table}")
        for name in ("goal_height", "success_distance", "horizon"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0.0 <= self.goal_distance < max(self.goal_spread):
            raise ValueError(
                f"goal_distance must be in [0, {max(self.goal_spread)}), got {self.goal_distance}"
            )


class Start(NamedTuple):
    """How k episodes begin."""

    object_pose: Array  # (k, 7)
    goal_position: Array  # (k, 3)


class PickAndPlace:
    """Where episodes start and when they have succeeded.

    Args:
        config: numbers of the task.
    """

    name = "pick_and_place"

    def __init__(self, config: PickAndPlaceConfig | None = None) -> None:
        self.config = config or PickAndPlaceConfig()
        self.horizon = self.config.horizon

    def start(self, rng: np.random.Generator) -> Start:
        """Draw one episode's object pose (1, 7) and goal (1, 3)."""
        config = self.config
        centre, height = np.asarray(config.object_centre), 0.5 * OBJECT_EDGE
        position = centre + rng.uniform(-1.0, 1.0, 2) * config.object_spread
        yaw = rng.uniform(-config.object_yaw, config.object_yaw)
        goal = np.array([*position, height])
        while np.linalg.norm(goal - [*position, height]) < config.goal_distance:
            xy = centre + rng.uniform(-1.0, 1.0, 2) * config.goal_spread
            lift = rng.uniform(0.0, config.goal_height)
            goal = np.array([*xy, height + lift * (rng.random() >= config.goal_on_table)])
        pose = np.array([[*position, height, 0.0, 0.0, np.sin(0.5 * yaw), np.cos(0.5 * yaw)]])
        return Start(pose, goal[None])

    def success(self, object_position: Array, goal_position: Array) -> NDArray[np.bool_]:
        """(n,) whether objects (n, 3) are at their goals (n, 3)."""
        difference = object_position - goal_position
        distance = np.sqrt((difference * difference).sum(axis=1))
        reached: NDArray[np.bool_] = distance < self.config.success_distance
        return reached


TASKS = {PickAndPlace.name: PickAndPlace}


def make_task(name: str) -> PickAndPlace:
    """Make a task by name.

    Raises:
        ValueError: An unknown name; the text lists those there are.
    """
    if name not in TASKS:
        raise ValueError(f"task {name!r} does not exist; choose one of {', '.join(TASKS)}")
    return TASKS[name]()
