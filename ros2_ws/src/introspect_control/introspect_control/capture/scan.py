"""Reads an MCAP file from front to back, believing nothing that it says of itself.

Only what is between the magic bytes and the summary counts: a file that was never closed has that,
too.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import lz4.frame
import zstandard

from introspect_control.capture.errors import BagError, Truncated, Unclosed
from introspect_control.capture.records import FOOTER, FOOTER_SIZE, FRAME, MAGIC, ChunkHead
from introspect_control.capture.unpacking import unpack_footer
from introspect_description.untrusted import open_file

LARGEST = 256 << 20  # of a record, and of a chunk when decompressed [bytes]


@dataclass(frozen=True)
class Record:
    """A record of the file, outside chunks or a chunk itself."""

    opcode: int
    start: int  # in the file [bytes]
    data: bytes  # without its frame

    @property
    def end(self) -> int:
        """Where the next one begins [bytes]."""
        return self.start + FRAME.size + len(self.data)


class McapScan:
    """An open MCAP file.

    Args:
        path: of the file.

    Attributes:
        size: of the file [bytes].

    Raises:
        BagError: It cannot be opened, or is no MCAP file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = open_file(path)
            self.size = os.fstat(self._file.fileno()).st_size
            magic = self._file.read(len(MAGIC))
        except FileNotFoundError as error:
            raise BagError(f"{path} does not exist") from error
        except OSError as error:
            raise BagError(f"{path} cannot be read: {error.strerror}") from error
        if magic != MAGIC:
            self._file.close()
            if MAGIC.startswith(magic):
                raise Truncated(f"{path}: {len(magic)} bytes, too few for an MCAP file")
            raise BagError(f"{path} is not an MCAP file: it begins with {magic.hex()!r}")

    def __enter__(self) -> McapScan:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        """Whether the file ends as a file does that was closed."""
        tail = FOOTER_SIZE + len(MAGIC)
        if self.size < len(MAGIC) + tail:
            return False
        data = self._read(self.size - tail, tail)
        return data[0] == FOOTER and data.endswith(MAGIC)

    @property
    def summary(self) -> int:
        """Where the summary of a closed file begins [bytes]; 0 where it has none.

        Raises:
            BagError: It would begin outside of the file.
        """
        at = self.size - FOOTER_SIZE - len(MAGIC)
        start, _, _ = unpack_footer(self._read(at + FRAME.size, FOOTER_SIZE - FRAME.size))
        if start and not len(MAGIC) <= start <= at:
            raise BagError(f"{self.path}: its summary cannot begin at byte {start}")
        return start

    def records(self, start: int = 0) -> Iterator[Record]:
        """All records up to the footer.

        Args:
            start: of the first one [bytes]; 0: behind the magic bytes.

        Raises:
            Truncated: The file ends in the middle of a record, or without a footer.
            BagError: A record claims an impossible length.
        """
        at = start or len(MAGIC)
        while True:
            frame = self._read(at, FRAME.size)
            if not frame:
                raise Unclosed(f"{self.path} was not closed: it ends at byte {self.size}")
            if len(frame) < FRAME.size:
                raise Truncated(f"{self.path} was not closed: it ends at byte {self.size}")
            opcode, length = FRAME.unpack(frame)
            if length > self.size - at - FRAME.size:
                raise Truncated(f"{self.path}: the record at byte {at} is cut short by the end")
            if length > LARGEST:
                raise BagError(
                    f"{self.path}: the record at byte {at} has {length} bytes; allowed: {LARGEST}"
                )
            yield Record(opcode, at, self._read(at + FRAME.size, length))
            if opcode == FOOTER:
                return
            at += FRAME.size + length

    def _read(self, at: int, size: int) -> bytes:
        try:
            self._file.seek(at)
            return self._file.read(size)
        except OSError as error:
            raise BagError(f"{self.path} cannot be read: {error.strerror}") from error


def decompress(chunk: ChunkHead) -> memoryview:
    """The records in a chunk, checked by its CRC.

    Raises:
        BagError: It cannot be decompressed, has another size than it says, or its CRC is wrong.
    """
    if chunk.size > LARGEST:
        raise BagError(f"a chunk claims {chunk.size} bytes; allowed: {LARGEST}")
    if chunk.compression == "zstd":
        data = _zstd(chunk)
    elif chunk.compression == "lz4":
        data = _lz4(chunk)
    elif chunk.compression == "":
        data = bytes(chunk.data)
    else:
        name = chunk.compression[:40]
        raise BagError(f"a chunk's compression is {name!r}; allowed: 'zstd', 'lz4', ''")
    if len(data) != chunk.size:
        raise BagError(f"a chunk of {chunk.size} bytes has {len(data)} when decompressed")
    if chunk.crc and zlib.crc32(data) != chunk.crc:
        raise BagError("the CRC of a chunk is wrong")
    return memoryview(data)


def _zstd(chunk: ChunkHead) -> bytes:
    try:
        if zstandard.frame_content_size(chunk.data) not in (chunk.size, -1):
            raise BagError("a chunk has another size than its frame says")
        if not chunk.size:
            return b""
        return zstandard.ZstdDecompressor().decompress(chunk.data, max_output_size=chunk.size)
    except (zstandard.ZstdError, MemoryError) as error:
        raise BagError(f"a chunk cannot be decompressed: {error}") from error


def _lz4(chunk: ChunkHead) -> bytes:
    try:
        frame = lz4.frame.LZ4FrameDecompressor()
        data: bytes = frame.decompress(bytes(chunk.data), max_length=chunk.size + 1)
        return data
    except (RuntimeError, MemoryError, EOFError, ValueError) as error:
        raise BagError(f"a chunk cannot be decompressed: {error}") from error
