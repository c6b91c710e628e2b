"""Episodes of a policy, put together from the topics of a bag: one frame a policy period."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from introspect_control.capture.errors import BagError, naming
from introspect_control.capture.periods import Collection, Floats, Frame
from introspect_control.capture.reader import BagReader
from introspect_control.capture.timeline import Key
from introspect_description import ArmDescription


@dataclass(frozen=True)
class Episode:
    """The frames of one episode, each the next period's; where one is missing, another begins.

    Attributes:
        stamps: (n,) of the observations [ns].
        columns: (n, size) by name.
        behaviours: name of the behaviour that acted, n of them.
        images: number of the picture that was the latest, within its topic, n of them; empty where
            the bag has no pictures.
    """

    key: Key  # of its first frame
    stamps: list[int]
    columns: dict[str, Floats]
    behaviours: list[str]
    images: list[int]

    def __len__(self) -> int:
        return len(self.stamps)


@dataclass(frozen=True)
class Recording:
    """All episodes of a bag.

    Attributes:
        names: what each element of a column is.
        rate: of the policy [Hz].
        skipped: periods with an action of which something else is missing, such as a picture
            before the first one.
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
    with naming(bag.path):
        found = Collection(bag, arm)
        frames, skipped = found.frames()
        if not frames:
            why = f"; in each of {skipped} periods something is missing" if skipped else ""
            raise BagError(f"the bag has no complete frame of an episode{why}")
        episodes = [_episode(part) for part in _neighbours(frames)]
        models = tuple(sorted(found.models))
        return Recording(episodes, found.names(), _rate(episodes), skipped, models)


def _neighbours(frames: list[Frame]) -> Iterator[list[Frame]]:
    """Frames in parts of which each follows the one before it, with no period between them."""
    part = frames[:1]
    for before, frame in pairwise(frames):
        if not frame.is_next(before):
            yield part
            part = []
        part.append(frame)
    yield part


def _episode(frames: list[Frame]) -> Episode:
    return Episode(
        key=frames[0].key,
        stamps=[frame.action.moment.stamp for frame in frames],
        columns={n: np.stack([frame.columns[n] for frame in frames]) for n in frames[0].columns},
        behaviours=[frame.action.behaviour for frame in frames],
        images=[frame.image for frame in frames if frame.image is not None],
    )


def _rate(episodes: Iterable[Episode]) -> float:
    """The median of the times between two frames, as a rate [Hz]."""
    steps = np.concatenate([np.diff(np.array(e.stamps, np.int64)) for e in episodes])
    steps = steps[steps > 0]
    if not len(steps):
        raise BagError("no episode has two frames, so that the policy's rate is not known")
    return float(1e9 / np.median(steps))
