"""What a policy sees: the latest of each topic, matched by name and checked for its age."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control import KinematicChain
from introspect_description import ArmDescription
from introspect_sim.tasks import observe

Array = NDArray[np.float64]


class NotObservable(Exception):
    """Something to see is missing, stale or not a number; the text says what."""


@dataclass(frozen=True)
class ObserverConfig:
    """How old the parts of an observation may be."""

    joint_age: float = 0.1  # of joint states [s]
    pose_age: float = 0.5  # of the object's and the goal's pose [s]
    width_age: float = 1.0  # of a gripper's width that joint states do not have [s]

    def __post_init__(self) -> None:
        """Refuse ages that nothing could meet."""
        for name in ("joint_age", "pose_age", "width_age"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")


class Sight(NamedTuple):
    """One observation, and the two places that success is told by."""

    observation: NDArray[np.float32]  # (OBSERVATION.size,)
    object_position: Array  # (3,) [m]
    goal_position: Array  # (3,) [m]


class Observer:
    """Keeps the latest joint states and poses and makes observations of them.

    All times are those of one clock, read on arrival: simulated time, or a monotonic one.

    Args:
        arm: whose joints are looked for by name.
        config: ages allowed.
    """

    def __init__(self, arm: ArmDescription, config: ObserverConfig | None = None) -> None:
        self.config = config or ObserverConfig()
        self._chain = KinematicChain(arm.chain())
        self._wanted = (*arm.joint_names, *arm.gripper.joint_names)
        self._arm_joints = len(arm.joint_names)
        self._names: Sequence[str] | None = None
        self._order = np.zeros(0, dtype=np.int64)
        self._joints: tuple[Sequence[str], Sequence[float], Sequence[float]] | None = None
        self._width: float | None = None  # of a gripper that joint_states do not have [m]
        self._object: Array | None = None
        self._goal: Array | None = None
        self._received = dict.fromkeys(
            ("joint_states", "object_pose", "goal_pose", "the gripper's width"), 0.0
        )

    def see_joints(
        self,
        names: Sequence[str],
        position: Sequence[float],
        velocity: Sequence[float],
        time: float,
    ) -> None:
        """Keep joint states, of any joints in any order: positions [rad, m], velocities."""
        self._joints = (names, position, velocity)
        self._received["joint_states"] = time

    def see_width(self, width: float, time: float) -> None:
        """Keep the gripper's width [m], where others than joint states tell it."""
        self._width = width
        self._received["the gripper's width"] = time

    def see_object(self, pose: Sequence[float], time: float) -> None:
        """Keep the object's pose, x y z qx qy qz qw in the base frame."""
        self._object = np.array([pose])
        self._received["object_pose"] = time

    def see_goal(self, position: Sequence[float], time: float) -> None:
        """Keep the goal's position, x y z in the base frame [m]."""
        self._goal = np.array([position])
        self._received["goal_pose"] = time

    def look(self, time: float) -> Sight:
        """Make an observation of the latest of everything.

        Args:
            time: now [s].

        Raises:
            NotObservable: Something has never arrived, is too old, lacks a joint or is not finite.
        """
        self.check(time)
        assert self._joints is not None
        assert self._object is not None
        assert self._goal is not None
        position, velocity = self._match(*self._joints)
        k = self._arm_joints
        observation = observe(
            self._chain,
            position[None, :k],
            velocity[None, :k],
            position[None, k:].sum(axis=1) if self._width is None else np.array([self._width]),
            self._object,
            self._goal,
        )[0]
        if not np.isfinite(observation).all():
            parts = {"joint_states": position, "velocities of joint_states": velocity[:k]}
            parts |= {"object_pose": self._object, "goal_pose": self._goal}
            bad = [name for name, part in parts.items() if not np.isfinite(part).all()]
            raise NotObservable(f"{' and '.join(bad) or 'the observation'} is not finite")
        return Sight(observation, self._object[0, :3], self._goal[0])

    def check(self, time: float) -> None:
        """See whether everything is there and young enough.

        Raises:
            NotObservable: It is not.
        """
        wanted: list[tuple[str, object, float]] = [
            ("joint_states", self._joints, self.config.joint_age),
            ("object_pose", self._object, self.config.pose_age),
            ("goal_pose", self._goal, self.config.pose_age),
        ]
        if self._width is not None:
            wanted.append(("the gripper's width", self._width, self.config.width_age))
        for name, value, age in wanted:
            if value is None:
                raise NotObservable(f"no {name} has arrived")
            if time - self._received[name] > age:
                raise NotObservable(
                    f"{name} is {time - self._received[name]:.2f} s old, more than {age} s"
                )

    def _match(
        self, names: Sequence[str], position: Sequence[float], velocity: Sequence[float]
    ) -> tuple[Array, Array]:
        if names != self._names:
            wanted = self._wanted if self._width is None else self._wanted[: self._arm_joints]
            missing = [name for name in wanted if name not in names]
            if missing:
                raise NotObservable(
                    f"joint_states lacks {', '.join(missing)}; it has {', '.join(names) or 'none'}"
                )
            self._order = np.array([list(names).index(name) for name in wanted])
            self._names = list(names)
        if len(position) != len(names) or len(velocity) != len(names):
            raise NotObservable(
                f"joint_states has {len(names)} names, {len(position)} positions and "
                f"{len(velocity)} velocities"
            )
        return np.asarray(position)[self._order], np.asarray(velocity)[self._order]
