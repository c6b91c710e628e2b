"""Whoever records a file holds a lock on it, which ends with the process, however that ends."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path


def hold(descriptor: int) -> None:
    """Lock a file that is being recorded, for as long as the descriptor is open."""
    with suppress(OSError):  # a file system without locks: the recording matters more
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def under_way(file: Path) -> str:
    """What to tell whoever finds a file without an end; "" unless it is being recorded."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait
    except OSError:
        return ""  # whoever reads it will say why that cannot be
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return f"{file} is being recorded: stop the recording first"
    except OSError:
        return ""  # a file system without locks
    finally:
        os.close(descriptor)
    return ""
