"""The process that outlives the runner for a moment, so that no node ever outlives it for long.

It reads the process groups of the nodes from its standard input: ``+123`` when one starts, ``-123``
when one has ended. The runner's end, whatever its manner, closes that pipe; whichever groups are
left then get SIGTERM, and SIGKILL when they take too long. It runs as a plain script, isolated from
site-packages, because it has to be up in milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time

PATIENCE = 2.0
"""Time from SIGTERM to SIGKILL [s]."""


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; whether the group is still there."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(groups: set[int]) -> None:
    groups = {group for group in groups if _signal_group(group, signal.SIGTERM)}
    deadline = time.monotonic() + PATIENCE
    while groups and time.monotonic() < deadline:
        time.sleep(0.02)
        groups = {group for group in groups if _signal_group(group, 0)}
    for group in groups:
        _signal_group(group, signal.SIGKILL)


def main() -> None:
    """Follow the runner's groups until the runner is gone, then end those that remain."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    _end(groups)


if __name__ == "__main__":
    main()
