"""Takes one calibration sample: waits until the arm is at rest, then looks several times."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.calibration_samples import RecordedSample
from introspect_control.perception.detector import Picture, TagDetector
from introspect_control.perception.errors import PerceptionError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SampleConfig:
    """When the arm is at rest, and how often the camera looks."""

    rest: float = 0.5  # for which the joints must have been still [s]
    still: float = 0.002  # by which a joint may move meanwhile [rad]
    pictures: int = 5  # in which the tag must be seen
    spread: float = 0.3  # of a corner over these, as a standard deviation; more is no rest [px]
    patience: float = 10.0  # in which all of it must happen [s]

    def __post_init__(self) -> None:
        """Refuse what takes no sample."""
        if self.pictures < 1:
            raise PerceptionError(f"pictures must be at least 1, got {self.pictures}")
        for name in ("rest", "still", "spread", "patience"):
            if not getattr(self, name) > 0.0:
                raise PerceptionError(f"{name} must be positive, got {getattr(self, name)}")


class SampleTaker:
    """Puts together what the arm and the camera say at the same time.

    All times are those of one clock, read on arrival: a camera's own clock may be another. A
    picture counts if the arm had been at rest for longer by far than a picture takes to arrive.

    Args:
        joint_names: of the arm.
        detector: that knows the one tag.
        tag: its id.
        config: rest and pictures.
    """

    def __init__(
        self,
        joint_names: Sequence[str],
        detector: TagDetector,
        tag: int,
        config: SampleConfig | None = None,
    ) -> None:
        self.config = config or SampleConfig()
        self._names, self._detector, self._tag = tuple(joint_names), detector, tag
        self._joints: deque[tuple[float, Array]] = deque()
        self._seen: list[tuple[Array, Array]] = []
        self._asked: float | None = None
        self._looked = 0

    @property
    def asked(self) -> bool:
        """Whether a sample is being taken."""
        return self._asked is not None

    def ask(self, time: float) -> None:
        """Begin to take a sample.

        Args:
            time: now [s].
        """
        self._asked, self._looked = time, 0
        self._seen.clear()

    def see_joints(self, positions: Mapping[str, float], time: float) -> None:
        """Take joint states; of other devices' joints nothing is taken.

        Args:
            positions: by joint name [rad].
            time: of arrival [s].
        """
        if not all(name in positions for name in self._names):
            return
        q = np.array([positions[name] for name in self._names])
        if not np.isfinite(q).all():
            return
        self._joints.append((time, q))
        while len(self._joints) > 1 and self._joints[1][0] < time - self.config.rest:
            self._joints.popleft()  # the first one left is older than the rest that is asked for

    def see_picture(self, picture: Picture, time: float) -> RecordedSample | None:
        """Take a picture, if one is wanted.

        Args:
            picture: (height, width) grey.
            time: of arrival [s].

        Returns:
            The sample, once it is complete.

        Raises:
            PerceptionError: Patience is over, or the tag moved; the text says what is missing.
        """
        if self._asked is None:
            return None
        if time - self._asked > self.config.patience:
            problem = self.missing(time)
            self._asked = None
            raise PerceptionError(f"no sample after {self.config.patience:g} s: {problem}")
        if not self._at_rest(time):
            self._seen.clear()
            return None
        self._looked += 1
        for sighting in self._detector.detect(picture):
            if sighting.id == self._tag:
                self._seen.append((self._joints[-1][1], sighting.corners.pixels))
        if len(self._seen) < self.config.pictures:
            return None
        self._asked = None
        joints, pixels = (np.array(values) for values in zip(*self._seen, strict=True))
        spread = float(pixels.std(axis=0).max())
        if spread > self.config.spread:
            raise PerceptionError(
                f"the tag's corners moved by {spread:.2f} px while the arm was at rest, more than "
                f"{self.config.spread:g} px: hold the tag and the camera firmly"
            )
        return RecordedSample(joints.mean(axis=0), pixels.mean(axis=0))

    def missing(self, time: float) -> str:
        """What keeps a sample from being complete."""
        if not self._joints or time - self._joints[-1][0] > self.config.rest:
            return f"no joint states of {self._names[0]} and the others arrive"
        if not self._at_rest(time):
            return f"the arm does not rest for {self.config.rest:g} s"
        if not self._looked:
            return "no picture arrives"
        return f"tag {self._tag} is seen in {len(self._seen)} of {self._looked} pictures"

    def _at_rest(self, time: float) -> bool:
        if not self._joints or time - self._joints[-1][0] > self.config.rest:
            return False
        if self._joints[0][0] > time - self.config.rest:
            return False  # too little is known yet
        positions = np.array([q for _, q in self._joints])
        return bool((np.ptp(positions, axis=0) <= self.config.still).all())
