"""One arm at work: a world, a task's start and goal, a controller, and simulated time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_sim.controller import SimulatedController
from introspect_sim.task_scene import ROW, TaskScene

if TYPE_CHECKING:
    from introspect_sim.tasks import PickAndPlace
    from introspect_sim.worlds import World

Array = NDArray[np.float64]

DROP_TIME = 0.3  # how long a drop keeps the gripper open [s]
DIVERGED = 50.0  # joint velocity that only broken physics shows [rad/s]


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
        self.world = world
        self.scene = TaskScene(world, task, seed)
        self.controller = SimulatedController(world.arm)
        self.period = period
        self.faults = 0  # times the physics diverged
        self._tick = round(1e9 * period)
        self._stamp = 0
        self._dropping_until = 0
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
        drawn = self.scene.draw(seed)
        self._apply_start()
        return drawn

    def drop_object(self) -> str:
        """Open the gripper for ``DROP_TIME``, whatever it is told meanwhile."""
        self._dropping_until = self._stamp + round(1e9 * DROP_TIME)
        return f"opened the gripper for {DROP_TIME} s"

    def _apply_start(self) -> None:
        home = np.asarray(self.world.arm.home)
        self.world.reset(ROW, home[None], self.scene.object_start[None])
        self.controller.hold(home)
        self.scene.start_over()
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
            self.scene.goal,
        )
