"""The sides of a comparison: one process each, which take turns in short rounds.

What else the machine does slows both sides of a round alike, and work is counted per CPU-second of
the process, so the ratio within a round says what the rates by themselves do not.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]


class SideError(Exception):
    """A side could not start or stopped answering; the text has its last words."""


@dataclass(frozen=True)
class Sample:
    """What a side did in one round."""

    count: int  # steps, frames or whatever it counts
    cpu: float  # CPU time of its process [s]
    wall: float  # [s]

    @property
    def rate(self) -> float:
        """Count per CPU-second."""
        return self.count / self.cpu


class Side:
    """A process that repeats one piece of work when it is told to.

    Args:
        name: of the side.
        workload: module of ``benchmarks`` whose ``prepare(**settings)`` makes the work.
        python: interpreter; default this one.
        settings: for ``prepare``.

    Raises:
        SideError: It did not get ready.
    """

    def __init__(
        self, name: str, workload: str, python: str | Path | None = None, **settings: Any
    ) -> None:
        self.name = name
        self._complaints = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 - lives with us
        foreign = python is not None
        self._process = subprocess.Popen(
            [
                str(python or sys.executable),
                "-m",
                "benchmarks.sides",
                workload,
                json.dumps(settings),
            ],
            cwd=ROOT,
            env=environment(foreign),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        self.about = self._answer()  # what the side says of itself

    def run(self, seconds: float) -> Sample:
        """Work for about this much CPU time."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        return Sample(**self._answer())

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._complaints.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._complaints.seek(0)
            words = self._complaints.read().strip().splitlines()[-3:]
            raise SideError(f"{self.name} ended: {' | '.join(words) or 'without a word'}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.contextmanager
def starting() -> Iterator[Callable[..., Side]]:
    """Give what starts a ``Side``; all that were started end with the block, whatever happens."""
    with contextlib.ExitStack() as stack:

        def start(*words: Any, **settings: Any) -> Side:
            side = Side(*words, **settings)
            stack.callback(side.close)
            return side

        yield start


def interleave(
    sides: Sequence[Side],
    rounds: int,
    seconds: float,
    progress: Callable[[float], None] = lambda done: None,
) -> dict[str, list[Sample]]:
    """Let the sides take turns.

    Args:
        sides: in the order of a round.
        rounds: how often each has its turn, after a first one that does not count.
        seconds: CPU time of a turn.
        progress: hears the share done.
    """
    samples: dict[str, list[Sample]] = {side.name: [] for side in sides}
    for side in sides:
        side.run(0.3 * seconds)
    for k in range(rounds):
        for i, side in enumerate(sides):
            samples[side.name].append(side.run(seconds))
            progress((k + (i + 1) / len(sides)) / rounds)
    return samples


def environment(foreign: bool) -> dict[str, str]:
    """Environment of a side: one thread for numerical libraries, and no ROS in a foreign one."""
    env = dict(os.environ) | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    if foreign:  # the ROS wheels hand their libraries down to child processes
        for name in ("LD_LIBRARY_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE", "PYTHONPATH"):
            env.pop(name, None)
    return env


def repeat(work: Callable[[], int], seconds: float) -> Sample:
    """Repeat work until this process has used this much CPU time."""
    count, cpu, wall = 0, time.process_time(), time.perf_counter()
    while time.process_time() - cpu < seconds:
        count += work()
    return Sample(count, time.process_time() - cpu, time.perf_counter() - wall)


def serve(prepare: Callable[..., Any], settings: dict[str, Any], out: IO[str]) -> None:
    """Be a side: prepare, say what was prepared, then work a round for every line read."""
    work = prepare(**settings)
    print(json.dumps(getattr(work, "about", {})), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(asdict(repeat(work, float(line)))), file=out, flush=True)


def _main() -> None:
    # Libraries print what they like: the answers have a channel of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from importlib import import_module

    workload, settings = sys.argv[1], json.loads(sys.argv[2])
    serve(import_module(f"benchmarks.{workload}").prepare, settings, answers)


if __name__ == "__main__":
    _main()
