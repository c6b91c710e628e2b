"""How long a training may take, as people write it."""

from __future__ import annotations

import re

from introspect.errors import UsageError


def seconds_of(duration: str | None) -> float:
    """Seconds of ``90s``, ``10m`` or ``2h``; 0 where nothing is given.

    Raises:
        UsageError: Another form.
    """
    if not duration:
        return 0.0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", duration)
    if match is None or float(match[1]) == 0.0:
        raise UsageError(f"--budget must look like 90s, 10m or 2h, got '{duration}'")
    return float(match[1]) * {"s": 1.0, "m": 60.0, "h": 3600.0}[match[2]]
