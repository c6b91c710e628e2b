"""Disturbances in the middle of an episode: object pushed, dropped or moved, goal moved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from introspect_sim.simulation import DROP_TIME

Array = NDArray[np.float64]


class Perturbation(Enum):
    """What happens to an episode, once; numbered as far as possible as in ``PerturbWorld``."""

    PUSH_OBJECT = 0
    """The object gets a horizontal velocity."""
    DROP_OBJECT = 1
    """The gripper opens for a moment, once the object is off the table."""
    MOVE_OBJECT = 3
    """The object is taken away, and put down on the table some centimetres further on."""
    MOVE_GOAL = 2
    """The goal is somewhere else from now on."""


@dataclass(frozen=True)
class PerturbationConfig:
    """How strong disturbances are and when they come."""

    probability: float = 0.0  # that an episode has one
    kinds: tuple[Perturbation, ...] = tuple(Perturbation)
    earliest: int = 10  # policy step
    latest: int = 45  # policy step
    push_speed: tuple[float, float] = (0.3, 0.8)  # [m/s]
    drop_time: float = DROP_TIME  # that the gripper is open for [s]
    move_distance: tuple[float, float] = (0.0, 0.12)  # from where the object was [m]

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be drawn from."""
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"probability must be in [0, 1], got {self.probability}")
        if not 0 <= self.earliest <= self.latest:
            raise ValueError(f"need 0 <= earliest <= latest, got {self.earliest}, {self.latest}")
        if not self.drop_time > 0.0:
            raise ValueError(f"drop_time must be positive, got {self.drop_time}")
        for name in ("push_speed", "move_distance"):
            least, most = ends = getattr(self, name)
            if not 0.0 <= least <= most < math.inf:
                raise ValueError(
                    f"{name} must be two finite numbers, 0 <= least <= most, got {ends}"
                )
        if not self.kinds:
            raise ValueError(f"kinds must name at least one of {[k.name for k in Perturbation]}")


@dataclass(frozen=True)
class Disturbance:
    """One episode's disturbance."""

    step: int  # the policy step it comes at, or waits from to drop the object; -1: never
    kind: Perturbation
    direction: float  # [rad] about the vertical
    strength: float  # in [0, 1] between the configured ends


NEVER = Disturbance(-1, Perturbation.PUSH_OBJECT, 0.0, 0.0)


def draw_disturbance(config: PerturbationConfig, rng: np.random.Generator) -> Disturbance:
    """Draw an episode's disturbance; ``NEVER`` if it has none."""
    if config.probability == 0.0:
        return NEVER
    happens = rng.random() < config.probability
    kind = config.kinds[int(rng.integers(len(config.kinds)))]
    step = int(rng.integers(config.earliest, config.latest + 1))
    direction, strength = rng.uniform(-np.pi, np.pi), rng.random()
    return Disturbance(step if happens else -1, kind, float(direction), float(strength))


def between(ends: tuple[float, float], strength: float) -> float:
    """The value at ``strength`` in [0, 1] between two ends."""
    return ends[0] + strength * (ends[1] - ends[0])


def horizontal(direction: float, length: float) -> Array:
    """A vector (3,) in the plane of the table."""
    return np.array([np.cos(direction), np.sin(direction), 0.0]) * length
