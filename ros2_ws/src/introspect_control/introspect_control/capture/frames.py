"""Frames of a policy's episodes, put together from the topics of a bag.

A frame is one policy period: what was observed, the activations, and the action that was asked
for. All of them name the same observation: by episode and sequence, and by its stamp.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.capture.errors import BagError
from introspect_control.capture.reader import BagMessage, BagReader
from introspect_description import ArmDescription

Floats = NDArray[np.float32]

_HOLD = 1  # mode of a PolicyAction
_POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")
_TWIST = ("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z")

STATE, ENVIRONMENT, ACTION = "observation.state", "observation.environment_state", "action"
ACTIVATIONS = "observation.activations"
INTERNAL_STATE, MEMORY = "observation.internal_state", "observation.memory"
_INNER = {"internal_state": (INTERNAL_STATE, "mean"), "behaviour": (MEMORY, "memory")}
"""Topics of which frames have one field: the column, and the field."""


class Key(NamedTuple):
    """One policy period. A restart of the policy counts episodes anew: that is another run."""

    run: int
    episode: int
    sequence: int


@dataclass(frozen=True)
class Episode:
    """The frames of one episode.

    Attributes:
        stamps: (n,) of the observations [ns].
        columns: (n, size) by name.
        behaviours: name of the behaviour that acted, n of them.
    """

    key: Key  # of its first frame
    stamps: list[int]
    columns: dict[str, Floats]
    behaviours: list[str]

    def __len__(self) -> int:
        return len(self.stamps)


@dataclass(frozen=True)
class Recording:
    """All episodes of a bag.

    Attributes:
        names: what each element of a column is.
        rate: of the policy [Hz].
        skipped: periods with an action of which something else is missing.
        models: hashes of the policies.
    """

    episodes: list[Episode]
    names: dict[str, tuple[str, ...]]
    rate: float
    skipped: int
    models: tuple[str, ...]

    @property
    def frames(self) -> int:
        """In all episodes."""
        return sum(map(len, self.episodes))

    @property
    def behaviours(self) -> tuple[str, ...]:
        """Names of all behaviours that acted."""
        return tuple(sorted({name for episode in self.episodes for name in episode.behaviours}))


def read_recording(bag: BagReader, arm: ArmDescription) -> Recording:
    """Put the frames of a bag together.

    Args:
        bag: with joint states, poses and policy/action; activations, internal states and the
            choreographer's memory where there are any.
        arm: whose joints are looked for, by name.

    Raises:
        BagError: The bag lacks a topic, an arm's joint, or has no complete frame.
    """
    return _Collection(bag, arm).recording()


@dataclass
class _Latest:
    """Values by their stamps, as ``latest`` until then."""

    stamps: list[int] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)

    def add(self, stamp: int, value: Floats) -> None:
        if not self.stamps or stamp > self.stamps[-1]:
            self.stamps.append(stamp)
            self.values.append(value)

    def until(self, stamp: int) -> Floats | None:
        index = bisect_right(self.stamps, stamp) - 1
        return self.values[index] if index >= 0 else None


class _Runs:
    """Tells runs of a policy apart: numbers only grow within one."""

    def __init__(self) -> None:
        self._last = Key(0, 0, 0)

    def key(self, message: Any) -> Key:
        last = self._last
        run = last.run + ((message.episode, message.sequence) < last[1:])
        self._last = Key(run, message.episode, message.sequence)
        return self._last


class _Collection:
    """What a bag has of everything that frames are made of."""

    def __init__(self, bag: BagReader, arm: ArmDescription) -> None:
        self._arm = arm
        self._states: dict[int, Floats] = {}  # by stamp
        self._poses = {"object": _Latest(), "goal": _Latest()}
        self._actions: dict[Key, tuple[int, Floats, str]] = {}
        self._layers: dict[str, dict[tuple[Key, int], Floats]] = {}
        self._inner: dict[str, dict[Key, Floats]] = {}  # by column
        self._models: set[str] = set()
        self._runs: dict[str, _Runs] = {}
        takers: dict[str, Callable[[str, Any], None]] = {
            arm.controller.state_topic: self._take_joints,
            "object_pose": lambda _, message: self._take_pose("object", message),
            "goal_pose": lambda _, message: self._take_pose("goal", message),
            "policy/action": self._take_action,
        }
        takers = {find_topic(bag, name): taker for name, taker in takers.items()}
        more: dict[str, Callable[[str, Any], None]] = {
            "activations": self._take_activations,
            **{name: partial(self._take_inner, *where) for name, where in _INNER.items()},
        }
        for name, taker in more.items():
            if found := find_topic(bag, name, optional=True):
                takers[found] = taker
        for message in bag.messages(*takers):
            takers[message.topic](message.topic, _checked(message))

    def recording(self) -> Recording:
        episodes: dict[tuple[int, int], list[tuple[Key, int, str, dict[str, Floats]]]] = {}
        skipped = 0
        for key, (stamp, action, behaviour) in sorted(self._actions.items()):
            columns = self._columns(key, stamp)
            if columns is None:
                skipped += behaviour != ""  # the hold that ends an episode is no period
            else:
                frame = (key, stamp, behaviour, columns | {ACTION: action})
                episodes.setdefault((key.run, key.episode), []).append(frame)
        if not episodes:
            raise BagError("the bag has no complete frame of an episode")
        made = [_episode(frames) for frames in episodes.values()]
        return Recording(made, self._names(), _rate(made), skipped, tuple(sorted(self._models)))

    def _columns(self, key: Key, stamp: int) -> dict[str, Floats] | None:
        """All of a frame but its action; None where something is missing."""
        state = self._states.get(stamp)
        poses = [latest.until(stamp) for latest in self._poses.values()]
        if state is None or any(pose is None for pose in poses):
            return None
        columns = {STATE: state, ENVIRONMENT: np.concatenate([p for p in poses if p is not None])}
        for layer, values in self._layers.items():
            if (found := values.get((key, stamp))) is None:
                return None
            columns[f"{ACTIVATIONS}.{layer}"] = found
        for column, inner in self._inner.items():
            if key not in inner:
                return None
            columns[column] = inner[key]
        return columns

    def _names(self) -> dict[str, tuple[str, ...]]:
        joints = self._arm.joint_names
        names = {
            STATE: (
                *(f"{name}.position" for name in joints),
                *(f"{name}.velocity" for name in joints),
                "gripper.width",
            ),
            ENVIRONMENT: tuple(f"{what}.{axis}" for what in self._poses for axis in _POSE),
            ACTION: (*_TWIST, "gripper.width"),
        }
        for layer, values in self._layers.items():
            size = len(next(iter(values.values())))
            names[f"{ACTIVATIONS}.{layer}"] = tuple(f"{layer}.{unit}" for unit in range(size))
        for column, what in _INNER.values():
            if found := self._inner.get(column):
                size = len(next(iter(found.values())))
                names[column] = tuple(f"{what}.{index}" for index in range(size))
        return names

    def _take_joints(self, topic: str, message: Any) -> None:
        at = {name: index for index, name in enumerate(message.name)}
        fingers = self._arm.gripper.joint_names
        try:
            order = [at[name] for name in self._arm.joint_names]
            width = sum(float(message.position[at[name]]) for name in fingers)
            positions, velocities = message.position[order], message.velocity[order]
        except (KeyError, IndexError) as error:
            raise BagError(f"{topic} lacks joint {error} of {self._arm.name}") from error
        state = np.concatenate((positions, velocities, [width])).astype(np.float32)
        self._states[stamp_of(message)] = state

    def _take_pose(self, what: str, message: Any) -> None:
        at, turn = message.pose.position, message.pose.orientation
        pose = np.array([at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w], np.float32)
        self._poses[what].add(stamp_of(message), pose)

    def _take_action(self, topic: str, message: Any) -> None:
        key = self._key(topic, message)
        hold = message.mode == _HOLD
        if key in self._actions and hold:
            return  # the end of an episode, which is no period of its own
        linear, angular = message.twist.linear, message.twist.angular
        twist = [linear.x, linear.y, linear.z, angular.x, angular.y, angular.z]
        action = np.array([*([0.0] * 6 if hold else twist), message.gripper_width], np.float32)
        self._models.add(message.model_hash)
        self._actions[key] = (stamp_of(message), action, message.behaviour)

    def _take_activations(self, topic: str, message: Any) -> None:
        key = self._key(f"{topic} {message.layer}", message)
        layer = message.layer.replace("/", ".") or "unnamed"
        values = self._layers.setdefault(layer, {})
        first = next(iter(values.values()), message.values)
        if len(first) != len(message.values):
            raise BagError(
                f"{topic}: layer {layer} has {len(first)} units, later {len(message.values)}"
            )
        values[key, stamp_of(message)] = message.values.astype(np.float32)

    def _take_inner(self, column: str, field: str, topic: str, message: Any) -> None:
        values = np.asarray(getattr(message, field, ()), np.float32)
        if values.size:  # older recordings may lack the field
            self._inner.setdefault(column, {})[self._key(topic, message)] = values

    def _key(self, stream: str, message: Any) -> Key:
        return self._runs.setdefault(stream, _Runs()).key(message)


def find_topic(bag: BagReader, name: str, optional: bool = False) -> str:
    """The full name of a topic, in whatever namespace it was recorded; "" where there is none.

    Raises:
        BagError: There is none and it is needed, or there is more than one.
    """
    found = [topic for topic in bag.topics if topic == f"/{name}" or topic.endswith(f"/{name}")]
    if len(found) > 1:
        raise BagError(f"{bag.path} has more than one {name}: {', '.join(sorted(found))}")
    if not found and not optional:
        raise BagError(f"{bag.path} has no {name}, of which episodes are made")
    return found[0] if found else ""


def stamp_of(message: Any) -> int:
    """Of a message's header [ns]."""
    stamp = message.header.stamp
    return int(1_000_000_000 * stamp.sec + stamp.nanosec)


def _checked(item: BagMessage) -> Any:
    """The message, if it has the fields that its type has here."""
    message = item.message
    if not hasattr(message, "header"):
        raise BagError(f"{item.topic}: {item.type} is not the type that this topic should have")
    return message


def _episode(frames: Iterable[tuple[Key, int, str, dict[str, Floats]]]) -> Episode:
    listed = list(frames)
    columns = {name: np.stack([frame[3][name] for frame in listed]) for name in listed[0][3]}
    stamps, behaviours = [frame[1] for frame in listed], [frame[2] for frame in listed]
    return Episode(listed[0][0], stamps, columns, behaviours)


def _rate(episodes: Iterable[Episode]) -> float:
    """The commonest time between two frames, as a rate [Hz]."""
    steps = np.concatenate([np.diff(np.array(e.stamps, np.int64)) for e in episodes])
    steps = steps[steps > 0]
    if not len(steps):
        raise BagError("no episode has two frames, so that the policy's rate is not known")
    return float(1e9 / np.median(steps))
