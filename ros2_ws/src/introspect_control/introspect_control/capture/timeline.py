"""When something was: stamps alone do not tell, since simulated time may begin anew in a bag."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

_Value = TypeVar("_Value")


class Moment(NamedTuple):
    """A stamp, and how often time had begun anew when it was given."""

    epoch: int
    stamp: int  # [ns]


class Epochs:
    """Tells how often time has begun anew: then the stamps of what is observed go back.

    Messages are shown in the order of the recording. Of each topic that is observed the stamps grow
    as long as time goes on. The first that goes back begins an epoch; the others, which go back
    for the same reason, do not begin another.
    """

    def __init__(self) -> None:
        self._epoch = 0
        self._last: dict[str, int] = {}  # stamps of this epoch, by topic [ns]

    def observed(self, topic: str, stamp: int) -> Moment:
        """When an observation was made."""
        if stamp < self._last.get(topic, stamp):
            self._epoch += 1
            self._last.clear()
        self._last[topic] = stamp
        return self.now(stamp)

    def now(self, stamp: int) -> Moment:
        """The moment of a stamp that is given at present."""
        return Moment(self._epoch, stamp)


@dataclass
class Latest(Generic[_Value]):
    """Values by their moments, as ``latest`` until then."""

    moments: list[Moment] = field(default_factory=list)
    values: list[_Value] = field(default_factory=list)

    def add(self, moment: Moment, value: _Value) -> None:
        """Take in a value, unless there is one of the same moment."""
        if not self.moments or moment > self.moments[-1]:
            self.moments.append(moment)
            self.values.append(value)

    def until(self, moment: Moment) -> _Value | None:
        """The latest value of the moment's epoch; None where there was none yet."""
        index = bisect_right(self.moments, moment) - 1
        if index < 0 or self.moments[index].epoch != moment.epoch:
            return None
        return self.values[index]


class Key(NamedTuple):
    """One policy period. A restart of the policy counts episodes anew: that is another run."""

    run: int
    episode: int
    sequence: int


class Runs:
    """Tells runs of a policy apart: numbers only grow within one."""

    def __init__(self) -> None:
        self._last = Key(0, 0, 0)

    def key(self, message: Any) -> Key:
        """The period of a message of one stream, in the order of the recording."""
        last, now = self._last, (int(message.episode), int(message.sequence))
        self._last = Key(last.run + (now < last[1:]), *now)
        return self._last
