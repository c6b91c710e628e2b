"""The planner of the pip route: straight where that is clear, around obstacles where not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.collision import CollisionModel, Obstacle
from introspect_control.guard import GuardConfig, Hazard, SelfCollision, Workspace
from introspect_control.kinematics import KinematicChain
from introspect_control.planning.config import PlannerConfig
from introspect_control.planning.free_space import FreeSpace
from introspect_control.planning.goals import GoalPostures
from introspect_control.planning.path import PathFinder, shorten
from introspect_control.planning.planner import Goal, JointGoal, Motion, PlanningError
from introspect_control.planning.rehearsal import objection
from introspect_control.planning.timing import SHORTEST, Pace, line_at, time_path
from introspect_control.planning.tree_search import TreeSearch
from introspect_control.trajectory import ShortHorizon, Trajectory

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]

_SLOWER = 0.7  # than what the guard objects to
_SLOWEST = 0.05  # share of the speed asked for, or of its braking, before it is given up
_START_TOLERANCE = 0.01  # by which the arm may be beyond a position limit [rad]
_REACH = 0.03  # up to which distances are measured [m]


class BuiltinPlanner:
    """Plans straight joint motions where they are clear, and else ways around.

    A goal pose becomes joints by inverse kinematics, the nearest first. A path keeps
    ``collision_margin`` everywhere: it is looked at with ``extra_margin`` more, at points so close
    that nothing moves more than twice that between them. It is followed from corner to corner, in
    phase, as fast as the limits allow; and it is rehearsed with a command guard like the bridge's,
    and slowed down until that passes every command unchanged: a line, or only how it ends, where
    silence would bring the arm too far. An arm that begins in trouble is first led out.

    The same request with the same seed gives the same motion. Not for two threads at once.

    Args:
        arm: to be moved.
        config: limits, margins and effort.
        obstacles: beside the table, in the arm's base frame.
        finder: of ways around; by default RRT-Connect.

    Raises:
        CollisionError: No collision model can be made.
        ValueError: Corners that span no workspace, or limits too fast to stop within the horizon.
    """

    def __init__(
        self,
        arm: ArmDescription,
        config: PlannerConfig | None = None,
        obstacles: Sequence[Obstacle] = (),
        finder: PathFinder | None = None,
    ) -> None:
        self.arm = arm
        self.config = config = config or PlannerConfig()
        self.limits = arm.limits.scaled(
            config.velocity_scale, config.acceleration_scale, config.jerk
        )
        self._coast = ShortHorizon(
            *(arm.limits, self.limits, config.period, config.horizon), lead=config.lead
        ).coast
        self._finder = finder or TreeSearch(config.step)
        chain = KinematicChain(arm.chain())
        margin, extra = config.collision_margin, config.extra_margin
        model = CollisionModel(arm, obstacles, reach=max(_REACH, 2.0 * (margin + extra)))
        lower, upper = config.workspace_lower, config.workspace_upper
        self._hazards: list[Hazard] = [Workspace(chain, lower, upper)]
        if margin > 0.0:
            self._hazards.append(SelfCollision(model, margin))
        inner = Workspace(chain, [low + extra for low in lower], [high - extra for high in upper])
        self._space = FreeSpace([inner, SelfCollision(model, margin + extra)], model.levers, extra)
        self._soft_margin = GuardConfig().soft_margin
        self._lower = arm.limits.lower + self._soft_margin
        self._upper = arm.limits.upper - self._soft_margin
        self._goals = GoalPostures(
            *(arm, chain, self._space, self._lower, self._upper), config.restarts, config.goals
        )

    def plan(
        self,
        start: Array,
        goal: Goal,
        speed: float = 1.0,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Motion:
        """Find a motion; see ``Planner.plan``."""
        if not 0.0 < speed <= 1.0:
            raise PlanningError(f"speed must be in (0, 1], got {speed}")
        began = time.monotonic()
        deadline = began + self.config.timeout
        rng = np.random.default_rng(self.config.seed)
        path = [self._check_start(start)]
        if not self._space.clear(path[0]):
            path.append(self._space.escape(path[0], self._lower, self._upper, rng))
        goals = self._goals.find(goal, path[-1], rng)
        path += self._connect(path[-1], goals, rng, cancelled, deadline)
        trajectory = self._time(path, speed, cancelled, deadline)
        return Motion(trajectory, np.array(path), time.monotonic() - began)

    def _check_start(self, start: Array) -> Array:
        """The start, moved onto a limit that it is slightly beyond."""
        position = JointGoal(start).position
        limits = self.limits
        for name, value, low, high in zip(
            limits.names, position, limits.lower, limits.upper, strict=True
        ):
            if not low - _START_TOLERANCE <= value <= high + _START_TOLERANCE:
                raise PlanningError(
                    f"the arm cannot start: {name} is at {value:.4f} rad, outside [{low}, {high}]; "
                    "move it back by hand or with its own tools"
                )
        return np.clip(position, limits.lower, limits.upper)

    def _connect(
        self,
        start: Array,
        goals: Sequence[Array],
        rng: np.random.Generator,
        cancelled: Callable[[], bool],
        deadline: float,
    ) -> list[Array]:
        """Corners after the start, the last of them a goal."""
        troubles = [self._space.first_trouble(start, goal) for goal in goals]
        for goal, trouble in zip(goals, troubles, strict=True):
            if trouble is None:
                return [goal]

        def give_up() -> bool:
            return cancelled() or time.monotonic() > deadline

        first = np.clip(start, self._lower, self._upper)  # where joints may turn either way
        path = self._finder(self._space, first, goals, self._lower, self._upper, rng, give_up)
        _check_wanted(cancelled)
        if path is None:
            assert troubles[0] is not None
            raise PlanningError(
                f"no way was found within {self.config.timeout:g} s; on the straight one the arm "
                f"would {troubles[0].what}"
            )
        path = shorten(self._space, [start, *path], self.config.shortcuts, rng)
        for a, b in itertools.pairwise(path):
            trouble = self._space.first_trouble(a, b)
            if trouble is not None:
                raise PlanningError(f"on the way that was found the arm would {trouble.what}")
        return path[1:]

    def _time(
        self,
        path: Sequence[Array],
        speed: float,
        cancelled: Callable[[], bool],
        deadline: float,
    ) -> Trajectory:
        """When to be where on a path, line by line as fast as the guard lets the arm move.

        However late it is, one pace is tried: a slow motion takes long to rehearse.
        """
        config = self.config
        limits = self.limits.scaled(speed, speed, config.jerk)
        corners = [path[0]]
        corners += [b for a, b in itertools.pairwise(path) if np.abs(b - a).max() >= SHORTEST]
        paces = [Pace()] * (len(corners) - 1)
        while True:
            _check_wanted(cancelled)
            trajectory = time_path(corners, limits, config.period, self._soft_margin, paces)
            found = objection(
                *(trajectory, self.arm, self.limits, config.period, self._hazards, self._coast)
            )
            if found is None:
                return trajectory
            line = line_at(trajectory, found.point)
            # Where the guard cannot even start, no pace helps.
            if found.point == 0 or min(paces[line]) < _SLOWEST:
                raise PlanningError(f"the command guard would not pass the motion: {found.reason}")
            if time.monotonic() > deadline:
                raise PlanningError(
                    f"within {config.timeout:g} s no pace was found at which the command guard "
                    f"would pass the motion; at the last one, {found.reason}"
                )
            ahead = self._coast * np.abs(trajectory.velocities[found.point]).max()
            left = np.abs(corners[line + 1] - trajectory.positions[found.point]).max()
            pace = paces[line]
            paces[line] = pace.gentler(_SLOWER) if ahead > left else pace.slower(_SLOWER)


def _check_wanted(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise PlanningError("planning was cancelled")
