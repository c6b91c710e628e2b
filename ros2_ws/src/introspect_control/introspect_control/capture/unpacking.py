"""Takes records of an MCAP file apart, and never reads past their ends."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from introspect_control.capture.errors import BagError
from introspect_control.capture.records import (
    FOOTER_LAYOUT,
    FRAME,
    MESSAGE_HEAD,
    Channel,
    ChunkHead,
    Counts,
    Message,
    Schema,
)


class Fields:
    """Takes a record apart, and never reads past its end.

    Args:
        data: of the record, without its frame.
        what: the record's name in errors.
    """

    def __init__(self, data: bytes | memoryview, what: str) -> None:
        self._data, self._at, self._what = memoryview(data), 0, what

    def take(self, size: int) -> memoryview:
        """The next bytes.

        Raises:
            BagError: There are not so many.
        """
        end = self._at + size
        if end > len(self._data):
            raise BagError(f"a {self._what} record of {len(self._data)} bytes is cut short")
        taken, self._at = self._data[self._at : end], end
        return taken

    def numbers(self, layout: str) -> tuple[int, ...]:
        """The next numbers, by a format of ``struct`` without byte order."""
        form = struct.Struct("<" + layout)
        return form.unpack(self.take(form.size))

    def block(self) -> memoryview:
        """The next bytes with their length before them."""
        (size,) = self.numbers("I")
        return self.take(size)

    def text(self) -> str:
        """The next text."""
        try:
            return str(self.block(), "utf-8")
        except UnicodeDecodeError as error:
            raise BagError(f"a {self._what} record has a text that is not UTF-8") from error

    def table(self) -> dict[str, str]:
        """The next map of texts."""
        inner = Fields(self.block(), self._what)
        entries = {}
        while inner._at < len(inner._data):
            key = inner.text()
            entries[key] = inner.text()
        return entries


def unpack_schema(data: bytes | memoryview) -> Schema:
    """A schema from its record."""
    fields = Fields(data, "schema")
    (number,) = fields.numbers("H")
    return Schema(number, fields.text(), fields.text(), bytes(fields.block()))


def unpack_channel(data: bytes | memoryview) -> Channel:
    """A channel from its record."""
    fields = Fields(data, "channel")
    number, schema = fields.numbers("HH")
    return Channel(number, schema, fields.text(), fields.text(), fields.table())


def unpack_chunk(data: bytes | memoryview) -> ChunkHead:
    """A chunk from its record, still compressed."""
    fields = Fields(data, "chunk")
    start, end, size, crc = fields.numbers("QQQI")
    compression = fields.text()
    (length,) = fields.numbers("Q")
    return ChunkHead(start, end, size, crc, compression, fields.take(length))


def unpack_message(data: memoryview) -> Message:
    """A message from its record."""
    if len(data) < MESSAGE_HEAD.size:
        raise BagError(f"a message record of {len(data)} bytes is cut short")
    channel, sequence, log_time, publish_time = MESSAGE_HEAD.unpack_from(data)
    return Message(channel, sequence, log_time, publish_time, bytes(data[MESSAGE_HEAD.size :]))


def unpack_statistics(data: bytes | memoryview) -> Counts:
    """Counts from the statistics record."""
    fields = Fields(data, "statistics")
    fields.numbers("QHIIII")
    start, end = fields.numbers("QQ")
    pairs = fields.block()
    if len(pairs) % 10:
        raise BagError("a statistics record has half a count")
    return Counts(dict(struct.iter_unpack("<HQ", pairs)), start, end)


def unpack_footer(data: bytes | memoryview) -> tuple[int, int, int]:
    """Start of the summary, start of its offsets, CRC."""
    if len(data) < FOOTER_LAYOUT.size:
        raise BagError("a footer record is cut short")
    summary, offsets, crc = FOOTER_LAYOUT.unpack_from(data)
    return summary, offsets, crc


def split(data: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """The records within a decompressed chunk.

    Yields:
        Opcode, offset of the record in the chunk, and what is in it.

    Raises:
        BagError: The last record is cut short.
    """
    at, end = 0, len(data)
    while at < end:
        if end - at < FRAME.size:
            raise BagError("a chunk ends within a record")
        opcode, length = FRAME.unpack_from(data, at)
        start, at = at, at + FRAME.size + length
        if at > end:
            raise BagError("a chunk ends within a record")
        yield opcode, start, data[start + FRAME.size : at]
