"""A scripted controller for pick and place: the behaviours' teacher, and their ceiling.

Each behaviour is a stateless rule from the observation to an action; ``reference`` says which one
a scripted robot would use now. All quantities are read from the observation by name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_sim.tasks import ACTION_SIZE, OBSERVATION
from introspect_sim.tasks.action import ANGULAR_SPEED, LINEAR_SPEED

Observations = NDArray[np.float32]  # (n, OBSERVATION.size)
Actions = NDArray[np.float32]  # (n, ACTION_SIZE)
Array = NDArray[np.float64]

APPROACH, GRASP, RETRACT = 0, 1, 2
PHASES = ("approach", "grasp", "retract")
"""Of the task, by these numbers: each is named for the behaviour that it calls for."""


@dataclass(frozen=True)
class TeacherConfig:
    """Distances and gains of the scripted controller."""

    gain: float = 6.0  # speed over distance near the target [1/s]
    braking: float = 1.5  # deceleration it plans with far from it [m/s²]
    yaw_gain: float = 5.0  # [1/s]
    hover: float = 0.06  # height over the object to approach at [m]
    aligned: float = 0.015  # horizontal distance at which to go down [m]
    aligned_yaw: float = 0.12  # [rad]
    close_distance: float = 0.012  # of tool and object at which to close [m]
    held_distance: float = 0.025  # of tool and object that are gripped [m]
    held_width: float = 0.044  # a gripper narrower than this has met the object [m]
    empty_width: float = 0.034  # a gripper narrower than this has closed on nothing [m]
    closing_width: float = 0.07  # a gripper narrower than this goes on closing [m]
    lift: float = 0.06  # greatest height over the straight line while carrying [m]


class Teacher:
    """The scripted behaviours.

    Args:
        config: distances and gains.
    """

    def __init__(self, config: TeacherConfig | None = None) -> None:
        self.config = config or TeacherConfig()

    def actions(self, observation: Observations) -> NDArray[np.float32]:
        """What every behaviour does, (n, 3, ACTION_SIZE)."""
        return np.stack(
            [self.approach(observation), self.grasp(observation), self.retract(observation)], axis=1
        )

    def reference(self, observation: Observations) -> NDArray[np.int64]:
        """Index (n,) of the behaviour to use now."""
        config = self.config
        offset = _part(observation, "object_minus_tool")
        yaw = np.abs(_part(observation, "yaw_error")[:, 0])
        # Once down at the object, do not go back up for a small sideways error.
        low = np.abs(offset[:, 2]) < 0.5 * config.hover
        slack = np.where(low, 1.5, 1.0)
        beside = np.linalg.norm(offset[:, :2], axis=1)
        above = (beside < slack * config.aligned) & (yaw < slack * config.aligned_yaw)
        above &= offset[:, 2] < 0.01
        return np.where(self.holds(observation), RETRACT, np.where(above, GRASP, APPROACH))

    def phase(self, observation: NDArray[np.float32]) -> str:
        """Name of the task's present phase, from one observation (OBSERVATION.size,)."""
        return PHASES[int(self.reference(observation[None])[0])]

    def holds(self, observation: Observations) -> NDArray[np.bool_]:
        """(n,) whether the object is in the gripper."""
        distance = np.linalg.norm(_part(observation, "object_minus_tool"), axis=1)
        width = _part(observation, "gripper_width")[:, 0]
        held: NDArray[np.bool_] = (
            (distance < self.config.held_distance)
            & (width < self.config.held_width)
            & (width > self.config.empty_width)
        )
        return held

    def approach(self, observation: Observations) -> Actions:
        """Go above the object, fingers open and in line with its faces."""
        target = _part(observation, "object_minus_tool").copy()
        target[:, 2] += self.config.hover
        return self._action(target, _part(observation, "yaw_error")[:, 0], np.ones(len(target)))

    def grasp(self, observation: Observations) -> Actions:
        """Go down around the object and close the gripper on it."""
        config = self.config
        target = _part(observation, "object_minus_tool").copy()
        beside = np.linalg.norm(target[:, :2], axis=1)
        distance = np.linalg.norm(target, axis=1)
        width = _part(observation, "gripper_width")[:, 0]
        closes_on = (config.empty_width < width) & (width < config.closing_width)
        closing = (distance < config.close_distance) & (width > config.empty_width)
        closing |= (distance < config.held_distance) & closes_on
        # Stay above while the object is not yet between open fingers.
        above = np.clip(2.0 * (beside - config.aligned), 0.0, config.hover)
        target[:, 2] += np.where(closing | (width > config.closing_width), above, config.hover)
        target[closing] *= 0.3
        yaw = _part(observation, "yaw_error")[:, 0]
        return self._action(target, yaw, np.where(closing, -1.0, 1.0))

    def retract(self, observation: Observations) -> Actions:
        """Carry the object to the goal, in an arc over the table."""
        target = _part(observation, "goal_minus_object").copy()
        away = np.linalg.norm(target[:, :2], axis=1)
        target[:, 2] += np.minimum(0.5 * away, self.config.lift)
        return self._action(target, np.zeros(len(target)), -np.ones(len(target)))

    def _action(self, target: Array, yaw: Array, gripper: Array) -> Actions:
        config = self.config
        distance = np.linalg.norm(target, axis=1, keepdims=True)
        braking = np.sqrt(2.0 * config.braking * distance)
        speed = np.minimum(np.minimum(config.gain * distance, braking), LINEAR_SPEED)
        action = np.empty((len(target), ACTION_SIZE), dtype=np.float32)
        action[:, :3] = target / np.maximum(distance, 1e-9) * speed / LINEAR_SPEED
        action[:, 3] = np.clip(config.yaw_gain * yaw / ANGULAR_SPEED, -1.0, 1.0)
        action[:, 4] = gripper
        return action


def _part(observation: Observations, name: str) -> Array:
    return observation[:, OBSERVATION.slice(name)].astype(np.float64)
