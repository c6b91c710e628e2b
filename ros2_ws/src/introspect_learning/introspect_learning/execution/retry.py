"""When a choreographer gives up an attempt that looks like failing and starts it over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryConfig:
    """How likely a failure, and for how long, before another attempt. Times are of observations."""

    above: float = 0.0  # probability of failure that is too much; 0: never try anew
    after: float = 0.5  # for which it has to stay above that [s]
    pause: float = 4.0  # from one new attempt to the next, at least [s]

    def __post_init__(self) -> None:
        """Refuse what cannot be a probability or a time."""
        if not 0.0 <= self.above <= 1.0:
            raise ValueError(f"above must be in [0, 1], got {self.above}")
        for name in ("after", "pause"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)} s")


class Retry:
    """Watches the probability of failure.

    Args:
        config: when it is too much.

    Attributes:
        count: new attempts so far.
    """

    def __init__(self, config: RetryConfig | None = None) -> None:
        self.config = config or RetryConfig()
        self.count = 0
        self._episode: int | None = None
        self._since: int | None = None  # the probability has been above [ns]
        self._latest: int | None = None  # new attempt [ns]

    def see(self, episode: int, stamp: int, failure: float) -> bool:
        """Take what is thought of one period; returns whether to start over now.

        Args:
            episode: number of the episode.
            stamp: of the observation [ns].
            failure: probability that the attempt will fail.
        """
        config = self.config
        if self._latest is not None and stamp < self._latest:
            self._latest = None  # time has begun anew
        doubtful = config.above > 0.0 and failure > config.above
        if not doubtful or episode != self._episode or stamp < (self._since or 0):
            self._since = None
        self._episode = episode
        if not doubtful:
            return False
        if self._since is None:
            self._since = stamp
        if stamp - self._since < round(1e9 * config.after):
            return False
        if self._latest is not None and stamp - self._latest < round(1e9 * config.pause):
            return False
        self.count += 1
        self._latest, self._since = stamp, None
        return True
