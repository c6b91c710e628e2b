"""The peers' own environment: other people's packages, which are never among our dependencies."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


class PeersError(Exception):
    """The peers are not installed; the text says how to."""


def peers_python() -> Path:
    """The interpreter that has the peers.

    Raises:
        PeersError: It was not set up.
    """
    folder = Path(os.environ.get("INTROSPECT_PEERS", FOLDER / ".venv"))
    python = folder / "bin" / "python"
    if not python.is_file():
        raise PeersError(f"there are no peers in {folder}; install them: benchmarks/peers/setup.sh")
    return python
