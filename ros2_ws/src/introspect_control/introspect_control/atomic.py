"""Files and folders that are either whole or not there, whatever kills the writer."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def _default_mode() -> int:
    umask = os.umask(0o022)
    os.umask(umask)
    return 0o666 & ~umask


_MODE = _default_mode()  # of new files


def write_text(path: Path, text: str) -> None:
    """Replace a file's content."""
    write_file(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def write_file(path: Path, fill: Callable[[Path], object]) -> None:
    """Replace a file: written aside, fsynced, renamed.

    Args:
        path: the file.
        fill: writes the new content into the file it is given.
    """
    aside = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        fill(aside)
        aside.chmod(_MODE)  # some writers leave files that only their owner can read
        sync(aside)
        os.replace(aside, path)
    except BaseException:  # a full disk: leave nothing that takes more of it
        aside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Replace a folder as a whole: written aside, fsynced, renamed.

    Args:
        path: the folder.
        fill: writes the new content into the folder it is given.
    """
    aside = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    old = path.with_name(f".{path.name}.old-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        fill(aside)
        for found in sorted(aside.rglob("*")):
            if found.is_file():
                found.chmod(_MODE)  # some writers leave files that only their owner can read
                sync(found)
            elif found.is_dir():
                sync(found)
        sync(aside)
        if path.exists():
            os.replace(path, old)
        os.replace(aside, path)
    except BaseException:  # a full disk: leave nothing that takes more of it
        if old.exists() and not path.exists():
            os.replace(old, path)
        shutil.rmtree(aside, ignore_errors=True)
        raise
    sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def sync(path: Path) -> None:
    """Flush a file's or folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
