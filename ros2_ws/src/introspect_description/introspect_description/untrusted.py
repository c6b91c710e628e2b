"""Reads files that somebody else may have made, and takes no more memory than they are worth."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn


def open_file(path: Path) -> BinaryIO:
    """A file to read; a pipe or a device, which may never end, is refused.

    Raises:
        OSError: It is neither a regular file nor a link to one, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def read_file(path: Path, most: int) -> bytes:
    """The content of a file.

    Args:
        path: of a regular file, or a link to one.
        most: bytes that it may have.

    Raises:
        OSError: It is no regular file, too large, or cannot be read; ``strerror`` says which.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(errno.EFBIG, f"it has {size} bytes; allowed: {most}", str(path))
        return file.read(size)  # memory for all that is allowed would be taken at once


def read_json(data: str | bytes, finite: bool = True) -> Any:
    """The value that a JSON text stands for.

    Args:
        data: the text.
        finite: whether NaN and Infinity, which are not JSON, are refused.

    Raises:
        ValueError: It is no JSON, or nested without end; one line.
    """
    try:
        return json.loads(data, parse_constant=_refuse if finite else None)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


@contextmanager
def limited_memory(more: int) -> Iterator[None]:
    """Let this process take only so much more memory: beyond, whoever asks is told that none is.

    All threads are under it. It is for libraries that take what a file says, in a process that is
    starting up.

    Args:
        more: than the process has now [bytes].
    """
    before = soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = [pages * resource.getpagesize() + more, soft, hard]
    least = min(limit for limit in limits if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, (least, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
