"""What a bag has of each policy period: what was observed, the activations, the action asked for.

All of them name the same observation: by episode and sequence, and by its stamp. Stamps say nothing
across a restart of the simulation, after which they begin anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.capture.errors import BagError
from introspect_control.capture.reader import BagReader
from introspect_control.capture.timeline import Epochs, Key, Latest, Moment, Runs
from introspect_description import ArmDescription

Floats = NDArray[np.float32]

_HOLD = 1  # mode of a PolicyAction
_POSE = ("x", "y", "z", "qx", "qy", "qz", "qw")
_TWIST = ("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z")

STATE, ENVIRONMENT, ACTION = "observation.state", "observation.environment_state", "action"
ACTIVATIONS = "observation.activations"
IMAGES = "camera/image_raw"  # topic
_MISFITS = (AttributeError, TypeError, ValueError, KeyError, IndexError, OverflowError)
"""What reading a field may come to that the type of that name does not have here."""

INTERNAL_STATE, MEMORY = "observation.internal_state", "observation.memory"
_INNER = {"internal_state": (INTERNAL_STATE, "mean"), "behaviour": (MEMORY, "memory")}
"""Topics of which frames have one field: the column, and the field."""


@dataclass(frozen=True)
class Action:
    """What was asked for, and when what it answers was observed."""

    moment: Moment
    values: Floats
    behaviour: str


@dataclass(frozen=True)
class Frame:
    """One period, with all that belongs to it."""

    key: Key
    action: Action
    columns: dict[str, Floats]
    image: int | None

    def is_next(self, before: Frame) -> bool:
        """Whether it is the period after another one, in the same episode and time."""
        return (
            self.key == before.key._replace(sequence=before.key.sequence + 1)
            and self.action.moment.epoch == before.action.moment.epoch
        )


class Collection:
    """What a bag has of everything that frames are made of.

    Args:
        bag: to read, all of it.
        arm: whose joints are looked for, by name.

    Attributes:
        models: hashes of the policies.

    Raises:
        BagError: The bag lacks a topic or an arm's joint, or is broken.
    """

    def __init__(self, bag: BagReader, arm: ArmDescription) -> None:
        self._arm = arm
        self._epochs = Epochs()
        self._states: dict[Moment, Floats] = {}
        self._poses: dict[str, Latest[Floats]] = {"object": Latest(), "goal": Latest()}
        self._images: Latest[int] = Latest()  # their numbers
        self._image_count = 0
        self._actions: dict[Key, Action] = {}
        self._layers: dict[str, dict[tuple[Key, int], Floats]] = {}
        self._inner: dict[str, dict[Key, Floats]] = {}  # by column
        self.models: set[str] = set()
        self._runs: dict[str, Runs] = {}
        takers: dict[str, Callable[[str, Any], None]] = {
            arm.controller.state_topic: self._take_joints,
            "object_pose": partial(self._take_pose, "object"),
            "goal_pose": partial(self._take_pose, "goal"),
            "policy/action": self._take_action,
        }
        takers = {find_topic(bag, name): taker for name, taker in takers.items()}
        more: dict[str, Callable[[str, Any], None]] = {
            "activations": self._take_activations,
            IMAGES: self._take_image,
            **{name: partial(self._take_inner, *where) for name, where in _INNER.items()},
        }
        for name, taker in more.items():
            if found := find_topic(bag, name, optional=True):
                takers[found] = taker
        for item in bag.messages(*takers):
            message = item.message
            try:
                takers[item.topic](item.topic, message)
            except _MISFITS as error:
                raise BagError(
                    f"{item.topic}: {item.type} is not what this topic should have: {error}"
                ) from error

    def frames(self) -> tuple[list[Frame], int]:
        """All complete periods in their order, and the number of those that are not complete."""
        frames: list[Frame] = []
        skipped = 0
        for key, action in sorted(self._actions.items(), key=itemgetter(0)):
            frame = self._frame(key, action)
            if frame is None:
                skipped += action.behaviour != ""  # the hold that ends an episode is no period
            else:
                frames.append(frame)
        last = {frame.key[:2]: frame.key for frame in frames}  # of every episode
        return [f for f in frames if f.action.behaviour or f.key != last[f.key[:2]]], skipped

    def names(self) -> dict[str, tuple[str, ...]]:
        """What each element of a column is."""
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

    def _frame(self, key: Key, action: Action) -> Frame | None:
        """All of a period; None where something is missing."""
        columns = self._columns(key, action.moment)
        image = self._images.until(action.moment)
        if columns is None or (self._images.values and image is None):
            return None
        return Frame(key, action, columns | {ACTION: action.values}, image)

    def _columns(self, key: Key, moment: Moment) -> dict[str, Floats] | None:
        """All of a frame but its action and its picture; None where something is missing."""
        state = self._states.get(moment)
        poses = [latest.until(moment) for latest in self._poses.values()]
        if state is None or any(pose is None for pose in poses):
            return None
        columns = {STATE: state, ENVIRONMENT: np.concatenate([p for p in poses if p is not None])}
        for layer, values in self._layers.items():
            if (found := values.get((key, moment.stamp))) is None:
                return None
            columns[f"{ACTIVATIONS}.{layer}"] = found
        for column, inner in self._inner.items():
            if key not in inner:
                return None
            columns[column] = inner[key]
        return columns

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
        self._states[self._epochs.observed(topic, stamp_of(message))] = state

    def _take_pose(self, what: str, topic: str, message: Any) -> None:
        at, turn = message.pose.position, message.pose.orientation
        pose = np.array([at.x, at.y, at.z, turn.x, turn.y, turn.z, turn.w], np.float32)
        self._poses[what].add(self._epochs.observed(topic, stamp_of(message)), pose)

    def _take_image(self, topic: str, message: Any) -> None:
        self._images.add(self._epochs.observed(topic, stamp_of(message)), self._image_count)
        self._image_count += 1

    def _take_action(self, topic: str, message: Any) -> None:
        key = self._key(topic, message)
        hold = message.mode == _HOLD
        if key in self._actions and hold:
            return  # the end of an episode, which is no period of its own
        linear, angular = message.twist.linear, message.twist.angular
        twist = [linear.x, linear.y, linear.z, angular.x, angular.y, angular.z]
        values = np.array([*([0.0] * 6 if hold else twist), message.gripper_width], np.float32)
        self.models.add(str(message.model_hash))
        moment = self._epochs.now(stamp_of(message))
        self._actions[key] = Action(moment, values, str(message.behaviour))

    def _take_activations(self, topic: str, message: Any) -> None:
        layer = str(message.layer).replace("/", ".") or "unnamed"
        if not layer.isprintable():
            raise ValueError(f"layer {layer[:80]!r}")
        key = self._key(f"{topic} {layer}", message)
        where = f"{topic}: layer {layer}"
        values = self._layers.setdefault(layer, {})
        values[key, stamp_of(message)] = _same_size(where, message.values, values)

    def _take_inner(self, column: str, field: str, topic: str, message: Any) -> None:
        found = getattr(message, field, ())
        if len(found):  # older recordings may lack the field
            values = self._inner.setdefault(column, {})
            values[self._key(topic, message)] = _same_size(f"{topic}: {field}", found, values)

    def _key(self, stream: str, message: Any) -> Key:
        return self._runs.setdefault(stream, Runs()).key(message)


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


def _same_size(where: str, values: Any, before: Mapping[Any, Floats]) -> Floats:
    """Numbers (n,), as many as those before."""
    numbers = np.asarray(values, np.float32)
    first = next(iter(before.values()), numbers)
    if numbers.ndim != 1 or len(first) != len(numbers):
        raise BagError(f"{where} has {len(first)} units, later {len(numbers)}")
    return numbers


def stamp_of(message: Any) -> int:
    """Of a message's header [ns]."""
    stamp = message.header.stamp
    return 1_000_000_000 * int(stamp.sec) + int(stamp.nanosec)
