"""The runner's voice and the nodes': whole lines, each with the coloured name of who speaks."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import BinaryIO

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)  # ANSI foreground codes
RUNNER = "introspect"


def wants_colour(stream: BinaryIO) -> bool:
    """Whether to colour: a terminal, unless NO_COLOR says otherwise; FORCE_COLOR insists."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


class Output:
    """Prints lines with the name of the speaker in front.

    A reader who goes away (``introspect launch sim | head``) is not an error of ours: from then on
    lines are dropped and ``closed`` is true.
    """

    def __init__(self, stream: BinaryIO, *, colour: bool) -> None:
        """Print to ``stream``."""
        self.closed = False
        self._stream = stream
        self._colour = colour
        self._colour_of: dict[str, int] = {}

    def say(self, text: str) -> None:
        """Print a line of the runner's own."""
        self.line(RUNNER, text.encode())

    def line(self, speaker: str, text: bytes) -> None:
        """Print one line of a speaker; ``text`` has no line end."""
        if self.closed:
            return
        try:
            self._stream.write(self._prefix(speaker) + text + b"\n")
            self._stream.flush()
        except (BrokenPipeError, ValueError):
            self.closed = True
            _discard(self._stream)

    def _prefix(self, speaker: str) -> bytes:
        if not self._colour:
            return f"[{speaker}] ".encode()
        if speaker == RUNNER:
            return f"\x1b[1m[{speaker}]\x1b[0m ".encode()
        code = self._colour_of.setdefault(speaker, _COLOURS[len(self._colour_of) % len(_COLOURS)])
        return f"\x1b[{code}m[{speaker}]\x1b[0m ".encode()


def _discard(stream: BinaryIO) -> None:
    """Send what a stream still holds nowhere; at its end Python would try again, and fail."""
    with suppress(OSError, ValueError):  # it is closed, or no file at all
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class LineBuffer:
    """Cuts a stream of bytes into lines."""

    LONGEST = 64 * 1024  # bytes after which a line is cut, so that memory stays bounded

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take ``data``; return the lines that it completes, without their line ends."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self.LONGEST:
            lines.append(self._rest)
            self._rest = b""
        return [line.rstrip(b"\r") for line in lines]

    def flush(self) -> list[bytes]:
        """The last line, if it had no line end."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
