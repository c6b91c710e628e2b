"""Memory of a system of processes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Resident(NamedTuple):
    """One process, by the name of its node."""

    name: str
    mebibytes: float


def resident(launcher: int) -> list[Resident]:
    """Resident memory of the nodes that a process has started; whoever ends meanwhile is left out.

    Args:
        launcher: number of the process of ``introspect launch``, which is looked at as well.
    """
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            status = (folder / "status").read_text()
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has just ended
            continue
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        if launcher not in (int(folder.name), int(fields["PPid"])) or "VmRSS" not in fields:
            continue
        name = next((w.partition("=")[2] for w in words if w.startswith("__node:=")), "")
        kibibytes = int(fields["VmRSS"].split()[0])
        if name or int(folder.name) == launcher:
            found.append(Resident(name or "launch", kibibytes / 1024.0))
    return found
