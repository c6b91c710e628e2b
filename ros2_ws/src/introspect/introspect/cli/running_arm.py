"""Which arm the running system drives, as its bridge tells."""

from __future__ import annotations

import os
import subprocess
import sys

from introspect.errors import UsageError

DEFAULT = "panda"
PATIENCE = 3.0  # with a bridge that may not be there [s]
_HUNG = 10.0  # beyond that: the middleware can hang where something is wrong [s]
HELP = f"arm, by the name of its data file (default: the running system's, else {DEFAULT})"


def running_arm(given: str, namespace: str, patience: float = PATIENCE) -> str:
    """Ask the arm bridge which arm it drives.

    Args:
        given: what the user has said; "" for nothing.
        namespace: of the system, absolute.
        patience: longest wait for the bridge [s].

    Returns:
        Its name; what was given, perhaps "", where no bridge answers.

    Raises:
        UsageError: Another one was given.
    """
    from introspect.security.switch import take_keys

    environment = dict(os.environ)
    take_keys("introspect_arm", environment)
    words = [sys.executable, "-m", "introspect.nodes.arm_terminal", "which"]
    try:
        asked = subprocess.run(
            [*words, "--namespace", namespace, "--patience", str(patience)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=patience + _HUNG,
            check=False,
        )
        found = asked.stdout.strip()
    except subprocess.TimeoutExpired:
        found = ""
    if given and found and given != found:
        raise UsageError(f"--arm {given}: the running system drives {found}")
    return found or given
