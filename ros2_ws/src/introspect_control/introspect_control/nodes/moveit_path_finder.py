"""Ways around obstacles from MoveIt, where ROS 2 has it; nothing is executed by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.planning import PlannerConfig, PlanningError
from introspect_control.planning.free_space import FreeSpace
from introspect_control.planning.moveit_config import GROUP, moveit_parameters
from introspect_description import ArmDescription

Array = NDArray[np.float64]

CURE = (
    "MoveIt's Python package is in ROS 2 Jazzy and later: apt install ros-$ROS_DISTRO-moveit-py, "
    "source the distribution, or use backend:=builtin"
)


class MoveItPathFinder:
    """Asks MoveItPy for a path; times, margins and the guard's consent are the planner's own.

    MoveItPy spins a node of its own in a thread of its own, so this belongs into a process that
    commands no arm.

    Args:
        arm: to plan for.
        config: the time to plan in.

    Raises:
        PlanningError: MoveIt is not installed.
    """

    def __init__(self, arm: ArmDescription, config: PlannerConfig) -> None:
        try:
            from moveit.core.robot_state import RobotState
            from moveit.planning import MoveItPy
        except ImportError as error:
            raise PlanningError(f"MoveIt cannot be imported ({error}); {CURE}") from error
        self._joint_names = arm.joint_names
        self._new_state = RobotState
        self._moveit = MoveItPy(
            node_name="introspect_moveit",
            config_dict=moveit_parameters(arm, config),
            provide_planning_service=False,
        )
        self._component = self._moveit.get_planning_component(GROUP)

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
        """Find corners; see ``PathFinder``. Chance is MoveIt's own, and has no seed."""
        self._component.set_start_state(robot_state=self._state(start))
        for goal in goals:
            if give_up():
                return None
            self._component.set_goal_state(robot_state=self._state(goal))
            result = self._component.plan()
            if result:
                found = self._corners(result.trajectory.get_robot_trajectory_msg())
                return [start, *found[1:-1], goal]
        return None

    def _state(self, position: Array) -> Any:
        state = self._new_state(self._moveit.get_robot_model())
        state.joint_positions = dict(zip(self._joint_names, position.tolist(), strict=True))
        state.update()
        return state

    def _corners(self, message: Any) -> list[Array]:
        names = list(message.joint_trajectory.joint_names)
        order = [names.index(name) for name in self._joint_names]
        return [np.array(point.positions)[order] for point in message.joint_trajectory.points]
