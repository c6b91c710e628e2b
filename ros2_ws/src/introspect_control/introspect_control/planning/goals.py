"""Joints at which a goal is reached without touching anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.planning.inverse_kinematics import (
    nearest_turns,
    rotation_matrix,
    solve_pose,
)
from introspect_control.planning.planner import Goal, PlanningError, PoseGoal

if TYPE_CHECKING:
    from introspect_control.kinematics import KinematicChain
    from introspect_control.planning.free_space import FreeSpace
    from introspect_description import ArmDescription

Array = NDArray[np.float64]

_SAME = 0.05  # distance of postures that are one [rad]
_NEAR = 0.4  # spread of the seeds around the start [rad]


class GoalPostures:
    """Turns goals into joints.

    Args:
        arm: whose limits a joint goal must be within.
        chain: from the base frame to the tool.
        space: that a posture must be clear in.
        lower: (joints,) of the range in which a pose is solved [rad].
        upper: (joints,) of that range [rad].
        restarts: seeds of inverse kinematics.
        most: postures for one pose.
    """

    def __init__(
        self,
        arm: ArmDescription,
        chain: KinematicChain,
        space: FreeSpace,
        lower: Array,
        upper: Array,
        restarts: int,
        most: int,
    ) -> None:
        self._arm, self._chain, self._space = arm, chain, space
        self._lower, self._upper = lower, upper
        self._restarts, self._most = restarts, most

    def find(self, goal: Goal, start: Array, rng: np.random.Generator) -> list[Array]:
        """Postures (joints,) [rad] that reach a goal, those first that take the least time.

        Args:
            goal: joints or a pose.
            start: (joints,) that the arm comes from [rad].
            rng: for seeds of inverse kinematics.

        Raises:
            PlanningError: There is none; the message says what stands against it.
        """
        if isinstance(goal, PoseGoal):
            return self._clear(goal, self._reach(goal, start, rng))
        limits = self._arm.limits
        for name, value, low, high in zip(
            limits.names, goal.position, limits.lower, limits.upper, strict=True
        ):
            if not low <= value <= high:
                raise PlanningError(
                    f"the goal has {name} at {value:.4f} rad, outside its limits [{low}, {high}]"
                )
        trouble = self._space.clearance(goal.position)
        if trouble.distance < 0.0:
            raise PlanningError(
                f"at the goal the arm would {trouble.what}: too near by {-trouble.distance:.3f} m"
            )
        return [goal.position]

    def _reach(self, goal: PoseGoal, start: Array, rng: np.random.Generator) -> Array:
        near = self._restarts // 2
        seeds = np.concatenate(
            [
                start[None],
                self._arm.home[None],
                start + rng.normal(0.0, _NEAR, (near, len(start))),
                rng.uniform(self._lower, self._upper, (self._restarts - near, len(start))),
            ]
        )
        rotation = rotation_matrix(goal.orientation)
        found = solve_pose(self._chain, goal.position, rotation, seeds, self._lower, self._upper)
        if not len(found.joints):
            raise PlanningError(
                f"the tool cannot be brought to {_text(goal)} in that orientation: the best try "
                f"is {found.distance:.3f} m and {np.degrees(found.angle):.1f}° away from it"
            )
        joints = nearest_turns(found.joints, start, self._lower, self._upper)
        durations = np.abs(joints - start) / self._arm.limits.velocity
        return joints[np.argsort(durations.max(axis=1), kind="stable")]

    def _clear(self, goal: PoseGoal, joints: Array) -> list[Array]:
        clear: list[Array] = []
        troubles = []
        for posture in joints:
            if any(np.abs(posture - other).max() < _SAME for other in clear):
                continue
            trouble = self._space.clearance(posture)
            if trouble.distance < 0.0:
                troubles.append(trouble)
                continue
            clear.append(posture)
            if len(clear) == self._most:
                break
        if not clear:
            least = max(troubles, key=lambda trouble: trouble.distance)
            raise PlanningError(
                f"with the tool at {_text(goal)}, in the best of {len(joints)} postures tried, the "
                f"arm would {least.what}: too near by {-least.distance:.3f} m"
            )
        return clear


def _text(goal: PoseGoal) -> str:
    return f"({', '.join(f'{value:.3f}' for value in goal.position)}) m"
