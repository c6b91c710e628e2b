"""A way around obstacles: OMPL's RRT-Connect."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.extras import PLANNING
from introspect_control.planning.planner import PlanningError

if TYPE_CHECKING:
    from introspect_control.planning.free_space import FreeSpace

Array = NDArray[np.float64]

_LARGEST_SEED = 2**31 - 1


def load_ompl(part: str) -> Any:
    """A module of OMPL.

    Raises:
        PlanningError: It is not installed.
    """
    try:
        return importlib.import_module(f"ompl.{part}")
    except ImportError as error:
        raise PlanningError(
            "the straight way is obstructed; others are found with OMPL, which cannot be imported "
            f"({error}); run: {PLANNING}"
        ) from error


class TreeSearch:
    """Grows a tree from the start and one from the goals until they meet.

    Args:
        step: longest line [rad].

    Source: Kuffner and LaValle 2000.
    """

    def __init__(self, step: float) -> None:
        self._step = step

    def __call__(
        self,
        space: FreeSpace,
        start: Array,
        goals: Sequence[Array],
        lower: Array,
        upper: Array,
        rng: np.random.Generator,
        give_up: Callable[[], bool],
    ) -> list[Array] | None:
        """Find corners; see ``PathFinder``. What is sampled depends on ``rng`` alone."""
        base, geometric, util = (load_ompl(part) for part in ("base", "geometric", "util"))
        util.noOutputHandler()  # it would complain of every seed after the first
        util.RNG.setSeed(int(rng.integers(1, _LARGEST_SEED)))
        ompl_space = _space(base, np.min([lower, *goals], 0), np.max([upper, *goals], 0))
        information = base.SpaceInformation(ompl_space)
        lines = _line_check(base, space, len(start))(information)
        information.setMotionValidator(lines)
        information.setStateValidityChecker(lambda state: space.clear(_read(state, len(start))))
        information.setup()
        problem = base.ProblemDefinition(information)
        problem.addStartState(_write(ompl_space, start))
        ends = base.GoalStates(information)
        for goal in goals:
            ends.addState(_write(ompl_space, goal))
        problem.setGoal(ends)
        planner = geometric.RRTConnect(information)
        planner.setRange(self._step)
        planner.setProblemDefinition(problem)
        planner.setup()
        status = planner.solve(base.PlannerTerminationCondition(give_up))
        if status.getStatus() != base.PlannerStatus.EXACT_SOLUTION:
            return None
        path = problem.getSolutionPath()
        return [_read(path.getState(k), len(start)) for k in range(path.getStateCount())]


def _space(base: Any, lower: Array, upper: Array) -> Any:
    space = base.RealVectorStateSpace(len(lower))
    bounds = base.RealVectorBounds(len(lower))
    for k, (low, high) in enumerate(zip(lower.tolist(), upper.tolist(), strict=True)):
        bounds.setLow(k, low)
        bounds.setHigh(k, high)
    space.setBounds(bounds)
    return space


def _line_check(base: Any, space: FreeSpace, joints: int) -> Any:
    class LineCheck(base.MotionValidator):  # type: ignore[misc]
        def checkMotion(self, start: Any, end: Any) -> bool:  # noqa: N802
            goal = _read(end, joints)  # the likelier of the two to be in trouble
            return space.clear(goal) and space.first_trouble(_read(start, joints), goal) is None

    return LineCheck


def _read(state: Any, joints: int) -> Array:
    return np.array(state[0:joints])


def _write(space: Any, position: Array) -> Any:
    state = space.allocState()
    state[0 : len(position)] = position.tolist()
    return state
