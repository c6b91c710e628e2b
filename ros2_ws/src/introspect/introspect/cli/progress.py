"""Progress bars for what takes longer than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Report = Callable[[str, float, str], None]
LINE_INTERVAL = 30.0  # of progress in a log [s]


@contextmanager
def progress_bars() -> Iterator[Report]:
    """One bar a stage on standard error, with time taken and time left; plain lines in a log.

    Yields:
        ``report(stage, done, text)`` with ``done`` in [0, 1].
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    bars = Progress(*columns, console=console, auto_refresh=False)
    tasks: dict[str, TaskID] = {}

    def report(stage: str, done: float, text: str) -> None:
        if not tasks:
            bars.start()  # not before there is something to show: an error may come first
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=1.0)
        bars.update(tasks[stage], completed=done, description=_described(stage, text))
        bars.refresh()

    try:
        yield report
    finally:
        if tasks:  # else nothing was shown, and rich would end it with an empty line
            bars.stop()


class _Lines:
    """Plain lines for a log: of each stage at its end, and now and then on the way."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, stage: str, done: float, text: str) -> None:
        now = time.monotonic()
        if done >= 1.0 or now - self._said >= LINE_INTERVAL:
            self._said = now
            print(f"{_described(stage, text)} {100 * done:3.0f} %", file=sys.stderr, flush=True)


def _described(stage: str, text: str) -> str:
    return f"{stage:<13} {text:<24}" if text else f"{stage:<22}"
