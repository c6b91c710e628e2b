"""Activations from recordings of the running nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.capture import BagReader
from introspect_learning.behaviours.teacher import PHASES
from introspect_learning.data.activations import UNKNOWN, ActivationDataset, DataError
from introspect_learning.models.contract import Contract
from introspect_sim.tasks import PickAndPlace

ACTIVATIONS = "introspect_msgs/msg/Activations"
_OTHERS = {
    "policy/action": "introspect_msgs/msg/PolicyAction",
    "object_pose": "geometry_msgs/msg/PoseStamped",
    "goal_pose": "geometry_msgs/msg/PoseStamped",
}


_Key = tuple[int, int, int]  # run of the policy, episode, sequence
_MISFITS = (AttributeError, TypeError, ValueError, OverflowError)
"""What reading a field may come to that the type of that name does not have here."""


@dataclass
class _Step:
    """What a bag tells of one control period."""

    layers: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    phase: str = ""
    behaviour: str = ""  # that acted in it
    object_position: NDArray[np.float64] | None = None
    goal_position: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class _Taken:
    """What a message of activations says."""

    layer: str
    model_hash: str
    now: tuple[int, int]  # episode, sequence
    values: NDArray[np.float32]  # (units,)
    phase: str

    @classmethod
    def of(cls, message: Any) -> _Taken:
        values = np.asarray(message.values, dtype=np.float32)
        if values.ndim != 1:
            raise ValueError(f"values of shape {values.shape}")
        now = int(message.episode), int(message.sequence)
        return cls(str(message.layer), str(message.model_hash), now, values, str(message.phase))


def _take_other(
    name: str,
    message: Any,
    run: int,
    steps: dict[_Key, _Step],
    latest: dict[str, NDArray[np.float64]],
) -> None:
    """Take in a message that is no activations."""
    if name == "policy/action":
        key = (run, int(message.episode), int(message.sequence))
        steps.setdefault(key, _Step()).behaviour = str(message.behaviour)
    else:
        at = message.pose.position
        latest[name] = np.array([float(at.x), float(at.y), float(at.z)])


def activations_of(bag: Path, layers: tuple[str, ...], contract: Contract) -> ActivationDataset:
    """Read a bag's activations.

    An episode has succeeded if its object was at its goal in its last period, and failed if it was
    not when its time was over. Where periods are missing, an episode falls into parts (see
    ``ActivationDataset``). Nothing in a bag says what was a disturbance.

    Args:
        bag: folder of the recording, or one MCAP file.
        layers: to read, in their order.
        contract: of the behaviours that they have to come from.

    Raises:
        BagError: The bag is broken.
        DataError: It has no activations, or not of these layers.
        ContractError: The activations are another model's; both hashes are in the text.
    """
    reader = BagReader(bag)
    topic = _only(reader, ACTIVATIONS, "activations")
    prefix = topic.removesuffix("activations")
    others = [
        prefix + name for name, kind in _OTHERS.items() if _type(reader, prefix + name) == kind
    ]
    steps: dict[_Key, _Step] = {}
    run, last = 0, (0, -1)
    latest: dict[str, NDArray[np.float64]] = {}
    seen: set[str] = set()
    for found in reader.messages(topic, *others):
        try:
            if found.topic != topic:
                _take_other(found.topic.removeprefix(prefix), found.message, run, steps, latest)
                continue
            taken = _Taken.of(found.message)
        except _MISFITS as error:
            kind = f"{found.type} is not the type that this topic should have"
            raise DataError(f"{bag}: {found.topic}: {kind}: {error}") from error
        seen.add(taken.layer)
        if taken.layer not in layers:
            continue
        contract.check_offered(taken.model_hash, f"the activations in {bag}")
        run += taken.now < last  # a policy that was started anew counts from the beginning
        last = taken.now
        step = steps.setdefault((run, *taken.now), _Step())
        step.layers[taken.layer] = taken.values
        step.phase = taken.phase
        step.object_position = latest.get("object_pose")
        step.goal_position = latest.get("goal_pose")
    if missing := [layer for layer in layers if layer not in seen]:
        there = ", ".join(sorted(seen)) or "none"
        raise DataError(f"{bag} has no activations of {', '.join(missing)}; it has {there}")
    whole = {key: step for key, step in steps.items() if len(step.layers) == len(layers)}
    if not whole:
        raise DataError(f"{bag} has no control period with all of {', '.join(layers)}")
    try:
        return _dataset(whole, layers, contract)
    except (ValueError, OverflowError, DataError) as error:  # of other sizes, or numbers too large
        raise DataError(f"{bag}: {error}") from error


def extent_of(bag: Path) -> str:
    """What tells a recording from another one in its place: how many messages, and from when.

    Raises:
        BagError: The bag is broken.
    """
    times = [found.log_time for found in BagReader(bag).messages()]
    first, last = min(times, default=0), max(times, default=0)
    return f"{len(times)} messages, the first at {first} ns, the last at {last} ns"


def _dataset(
    steps: dict[_Key, _Step], layers: tuple[str, ...], contract: Contract
) -> ActivationDataset:
    keys = sorted(steps)
    runs, numbers, sequences = np.array(keys).T
    new = (np.diff(runs, prepend=-1) != 0) | (np.diff(numbers, prepend=-1) != 0)
    episode = np.cumsum(new) - 1
    ordered = [steps[key] for key in keys]
    names = contract.behaviours
    return ActivationDataset(
        layers={name: len(ordered[0].layers[name]) for name in layers},
        activations=np.stack([np.concatenate([s.layers[k] for k in layers]) for s in ordered]),
        episode=episode,
        sequence=sequences,
        phase=np.array([_index(PHASES, step.phase) for step in ordered]),
        behaviour=np.array([_index(names, step.behaviour) for step in ordered]),
        success=_outcomes(ordered, episode, sequences),
        phases=PHASES,
        behaviours=names,
        model_hash=contract.hash,
        disturbed=np.zeros(len(ordered), dtype=bool),
    )


def _outcomes(
    steps: list[_Step], episode: NDArray[np.int64], sequence: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(N,) whether each step's episode ended at the goal.

    One that ended elsewhere before its time was over was stopped: that says nothing of it.
    """
    task = PickAndPlace()
    last = np.flatnonzero(np.diff(episode, append=episode[-1] + 1))
    outcome = np.full(len(last), UNKNOWN)
    for k, row in enumerate(last):
        step = steps[row]
        if step.object_position is not None and step.goal_position is not None:
            success = task.success(step.object_position[None], step.goal_position[None])
            if success[0] or sequence[row] >= task.horizon - 1:
                outcome[k] = int(success[0])
    return outcome[episode]


def _only(reader: BagReader, kind: str, what: str) -> str:
    """The one topic of a type."""
    found = [name for name, topic in reader.topics.items() if topic.type == kind]
    if len(found) != 1:
        there = ", ".join(found) or "none"
        raise DataError(f"{reader.path} must hold one topic of {what} ({kind}), it has {there}")
    return found[0]


def _type(reader: BagReader, name: str) -> str:
    return reader.topics[name].type if name in reader.topics else ""


def _index(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else UNKNOWN
