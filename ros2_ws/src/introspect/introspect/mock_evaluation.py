"""A policy's success on the mock arm: the whole graph in real time, through its topics."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

import numpy as np

from introspect.errors import IntrospectError
from introspect_learning.evaluation.pick_and_place import EVALUATION_SEED
from introspect_learning.evaluation.statistics import wilson
from introspect_learning.models import policy_hash
from introspect_sim.episodes import EPISODE_LINE

_PATIENCE = 180.0  # longest wait for an episode beyond what it may take [s]; the first one's start
_LEAVING = 15.0  # longest wait for the graph to end [s]
_TOLD = 5  # last lines of a run that ended early


@dataclass(frozen=True)
class MockEvaluation:
    """What is evaluated, and how."""

    episodes: int = 100
    seed: int = 0
    arm: str = "panda"
    speed: float = 0.5  # share of the joints' speed in use; what policies are trained with
    timeout: float = 0.0  # longest episode [s]; 0: the task's own

    def __post_init__(self) -> None:
        """Refuse what cannot be evaluated."""
        if self.episodes < 1:
            raise ValueError(f"episodes must be at least 1, got {self.episodes}")
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")

    def launch_arguments(self, policy: Path) -> list[str]:
        """Of the graph ``real``."""
        given = {
            "mock": "true",
            "view": "false",
            "internal_states": "false",
            "arm": self.arm,
            "model": str(policy),
            "speed": str(self.speed),
            "timeout": str(self.timeout),
            "episodes": str(self.episodes),
            "seed": str(EVALUATION_SEED + self.seed),
        }
        return [f"{name}:={value}" for name, value in given.items()]


def evaluate_on_mock_arm(
    policy: Path,
    config: MockEvaluation,
    progress: Callable[[float, str], None] = lambda done, text: None,
) -> dict[str, Any]:
    """Run the graph with the mock arm and count successes.

    Args:
        policy: its folder.
        config: episodes, seed, arm.
        progress: hears the share done and a line.

    Returns:
        A result object: what, metric, value, ci95, n, seed, seconds and more.

    Raises:
        ContractError: The folder is no policy.
        IntrospectError: The graph ended before its last episode, or brought forth no new one for
            minutes; with its last words.
    """
    model = policy_hash(policy)  # of what is run, whatever becomes of the folder meanwhile
    started = time.perf_counter()
    command = [sys.executable, "-m", "introspect", "launch", "real"]
    process = subprocess.Popen(
        [*command, *config.launch_arguments(policy.absolute())],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"NO_COLOR": "1"},
        text=True,
    )
    assert process.stdout is not None
    try:
        patience = _PATIENCE + config.timeout
        steps = read_episodes(_lines(process.stdout), config.episodes, progress, patience)
    finally:
        process.terminate()
        try:
            process.wait(_LEAVING)  # its output is read on meanwhile, so that no pipe is full
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    successes = sum(count is not None for count in steps)
    reached = [count for count in steps if count is not None]
    return {
        "what": "pick_and_place",
        "metric": "success",
        "value": successes / len(steps),
        "ci95": list(wilson(successes, len(steps))),
        "n": len(steps),
        "median_steps": float(np.median(reached)) if reached else None,
        "seed": config.seed,
        "world": "mock",
        "arm": config.arm,
        "speed": config.speed,
        "timeout": config.timeout,
        "model": model,
        "seconds": round(time.perf_counter() - started, 2),
    }


def read_episodes(
    lines: Iterable[str],
    episodes: int,
    progress: Callable[[float, str], None],
    patience: float = _PATIENCE,
) -> list[int | None]:
    """Steps of each episode as a run's output tells them, None where it failed.

    Args:
        lines: of the output; read to their end by a thread, so that silence can be noticed.
        episodes: to wait for.
        progress: hears the share done and a line.
        patience: longest wait for an episode [s], whatever else is said meanwhile.

    Raises:
        IntrospectError: The output ended before, or there was no new episode for too long; with
            the last lines.
    """
    steps: list[int | None] = []
    last: list[str] = []
    said: SimpleQueue[str | None] = SimpleQueue()
    threading.Thread(target=_read, args=(lines, said), daemon=True).start()
    end = time.monotonic() + patience
    while True:
        try:
            line = said.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            raise IntrospectError(
                f"no new episode for {patience:g} s, after {len(steps)} of {episodes}: "
                f"{_words(last)}"
            ) from None
        if line is None:
            raise IntrospectError(
                f"the graph ended after {len(steps)} of {episodes} episodes: {_words(last)}"
            )
        last = [*last[1 - _TOLD :], line.strip()]
        found = EPISODE_LINE.search(line)
        if found:
            steps.append(int(found["steps"]) if found["result"] == "succeeded" else None)
            successes = sum(count is not None for count in steps)
            progress(len(steps) / episodes, f"mock arm: {successes} of {len(steps)}")
            end = time.monotonic() + patience
        if len(steps) == episodes:
            return steps


def _read(lines: Iterable[str], said: SimpleQueue[str | None]) -> None:
    """Pass lines on, and None after the last one."""
    try:
        for line in lines:
            said.put(line)
    finally:
        said.put(None)


def _lines(output: IO[str]) -> Iterator[str]:
    """Of an output, which is closed after the last one: by who reads, as nobody else can safely."""
    with output:
        yield from output


def _words(last: list[str]) -> str:
    return " | ".join(last) or "it said nothing"
