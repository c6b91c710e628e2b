"""What a run of episodes came to: one line for each, and a summary."""

from __future__ import annotations

import re
from dataclasses import dataclass

ENOUGH = 0.95
"""Share of episodes that must succeed for a run to count as passed."""

EPISODE_LINE = re.compile(
    r"episode \d+(?: of \d+)? \(seed \d+\): "
    r"(?P<result>succeeded|failed) in [\d.]+ s \((?P<steps>\d+) steps\)"
)
"""What ``EpisodeLog.add`` returns, for those who read a run's output."""


@dataclass(frozen=True)
class Episode:
    """How one episode ended."""

    seed: int
    success: bool
    steps: int  # policy periods
    seconds: float  # of simulated time
    distance: float  # between object and goal at the end [m]
    message: str  # the policy's own words


class EpisodeLog:
    """Counts episodes.

    Args:
        planned: how many there will be; 0 for as many as there is time for.

    Raises:
        ValueError: A negative number.
    """

    def __init__(self, planned: int = 0) -> None:
        if planned < 0:
            raise ValueError(f"episodes must be 0 (until stopped) or more, got {planned}")
        self.planned = planned
        self.episodes: list[Episode] = []

    @property
    def complete(self) -> bool:
        """Whether all planned episodes have run."""
        return 0 < self.planned <= len(self.episodes)

    @property
    def successes(self) -> int:
        """How many have succeeded so far."""
        return sum(episode.success for episode in self.episodes)

    def add(self, episode: Episode) -> str:
        """Count an episode and return its line."""
        self.episodes.append(episode)
        of = f" of {self.planned}" if self.planned else ""
        return (
            f"episode {len(self.episodes)}{of} (seed {episode.seed}): "
            f"{'succeeded' if episode.success else 'failed'} in {episode.seconds:.2f} s "
            f"({episode.steps} steps), {100.0 * episode.distance:.1f} cm from the goal"
            + (f": {episode.message}" if episode.message and not episode.success else "")
        )

    def summary(self) -> str:
        """One line: ``19 of 20 succeeded (95.0 %), mean 2.4 s``."""
        count = len(self.episodes)
        if not count:
            return "no episode was completed"
        times = [episode.seconds for episode in self.episodes if episode.success]
        mean = f", mean {sum(times) / len(times):.1f} s" if times else ""
        return f"{self.successes} of {count} succeeded ({100 * self.successes / count:.1f} %){mean}"

    @property
    def exit_code(self) -> int:
        """0 where enough of the planned episodes succeeded, or where none were planned; else 1."""
        return int(self.successes < ENOUGH * self.planned - 1e-9)
