"""What each behaviour is for, as a reward: how nearly its subgoal is met, read off an observation.

No term says what to do, only what state is wanted. ``near(d, s) = s / (s + d)`` is 1 at the
target, 1/2 at the distance s, and keeps a slope far from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from introspect_sim.tasks import OBSERVATION
from introspect_sim.tasks.action import GRIPPER_OPEN
from introspect_sim.worlds import OBJECT_EDGE

Array = NDArray[np.float64]
Observations = NDArray[np.float32]  # (n, OBSERVATION.size)


class PhaseRule(Protocol):
    """Says which subgoal is due; ``Teacher`` has one."""

    def reference(self, observation: Observations) -> NDArray[np.int64]:
        """Index (n,) of the behaviour that is due."""

    def holds(self, observation: Observations) -> NDArray[np.bool_]:
        """(n,) whether the object is in the gripper."""


@dataclass(frozen=True)
class ApproachReward:
    """Weights of approach: the tool above the object, in line with it, the gripper open."""

    above: float = 1.5  # nearness of the tool to the point over the object
    yaw: float = 0.7  # nearness of the fingers to the object's faces
    open: float = 0.7  # how far the gripper is open


@dataclass(frozen=True)
class GraspReward:
    """Weights of grasp: the object held between the fingers."""

    reach: float = 1.5  # nearness of tool and object
    yaw: float = 0.3  # nearness of the fingers to the object's faces
    grip: float = 1.5  # wide enough while away from the object, more for closing around it
    held: float = 2.0  # the object is in the gripper


@dataclass(frozen=True)
class RetractReward:
    """Weights of retract: the object at the goal, held."""

    carry: float = 5.0  # nearness of object and goal
    held: float = 0.5  # the object is in the gripper


@dataclass(frozen=True)
class SubgoalConfig:
    """Weights and distances of the subgoals."""

    approach: ApproachReward = field(default_factory=ApproachReward)
    grasp: GraspReward = field(default_factory=GraspReward)
    retract: RetractReward = field(default_factory=RetractReward)
    hover: float = 0.06  # height over the object that approach ends at [m]
    above_scale: float = 0.06  # where nearness is one half [m]
    reach_scale: float = 0.03  # [m]
    carry_scale: float = 0.15  # [m]
    yaw_scale: float = 0.15  # [rad]
    around: float = 0.03  # distance of tool and object that counts as around it [m]
    wide_enough: float = 0.06  # gripper width that goes around the object [m]


class Subgoals:
    """The rewards of the behaviours, in their order.

    Args:
        config: weights and distances.
        rule: knows when the object is held.
    """

    def __init__(self, config: SubgoalConfig, rule: PhaseRule) -> None:
        self.config = config
        self._rule = rule
        self._terms: tuple[Callable[[Observations], dict[str, Array]], ...] = (
            self._approach,
            self._grasp,
            self._retract,
        )
        self._weights = (config.approach, config.grasp, config.retract)

    def terms(self, behaviour: int, observation: Observations) -> dict[str, Array]:
        """Every term (n,) of a behaviour's reward, unweighted, each at most 1 (grip: 2)."""
        return self._terms[behaviour](observation)

    def weigh(self, behaviour: int, terms: dict[str, Array]) -> Array:
        """The reward (n,) that terms of a behaviour add up to."""
        weights = self._weights[behaviour]
        total: Array = np.sum([getattr(weights, name) * term for name, term in terms.items()], 0)
        return total

    def reward(self, behaviour: int, observation: Observations) -> Array:
        """The reward (n,) of a behaviour for having come to these observations."""
        return self.weigh(behaviour, self.terms(behaviour, observation))

    def _approach(self, observation: Observations) -> dict[str, Array]:
        config = self.config
        offset = _part(observation, "object_minus_tool")
        offset[:, 2] += config.hover
        return {
            "above": near(_length(offset), config.above_scale),
            "yaw": self._yaw(observation),
            "open": _part(observation, "gripper_width")[:, 0] / GRIPPER_OPEN,
        }

    def _grasp(self, observation: Observations) -> dict[str, Array]:
        config = self.config
        distance = _length(_part(observation, "object_minus_tool"))
        width = _part(observation, "gripper_width")[:, 0]
        around = np.exp(-((distance / config.around) ** 2))
        wide = np.minimum(width / config.wide_enough, 1.0)
        closed = np.clip((GRIPPER_OPEN - width) / (GRIPPER_OPEN - OBJECT_EDGE), 0.0, 1.0)
        return {
            "reach": near(distance, config.reach_scale),
            "yaw": self._yaw(observation),
            "grip": (1.0 - around) * wide + around * (1.0 + closed),
            "held": self._rule.holds(observation).astype(np.float64),
        }

    def _retract(self, observation: Observations) -> dict[str, Array]:
        distance = _length(_part(observation, "goal_minus_object"))
        return {
            "carry": near(distance, self.config.carry_scale),
            "held": self._rule.holds(observation).astype(np.float64),
        }

    def _yaw(self, observation: Observations) -> Array:
        return near(np.abs(_part(observation, "yaw_error")[:, 0]), self.config.yaw_scale)


def near(distance: Array, scale: float) -> Array:
    """1 at distance 0, 1/2 at ``scale``, towards 0 far away."""
    return scale / (scale + distance)


def _length(vector: Array) -> Array:
    length: Array = np.linalg.norm(vector, axis=1)
    return length


def _part(observation: Observations, name: str) -> Array:
    return observation[:, OBSERVATION.slice(name)].astype(np.float64)
