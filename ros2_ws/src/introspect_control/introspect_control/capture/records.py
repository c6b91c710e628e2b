"""Records of an MCAP file: what is in them, and how they are packed.

Source: the MCAP specification, https://mcap.dev/spec. Only what a bag needs: no attachments.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

MAGIC = b"\x89MCAP0\r\n"

HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
MESSAGE_INDEX, CHUNK_INDEX, STATISTICS, METADATA = 0x07, 0x08, 0x0B, 0x0C
METADATA_INDEX, SUMMARY_OFFSET, DATA_END = 0x0D, 0x0E, 0x0F

FRAME = struct.Struct("<BQ")  # opcode, length of what follows [bytes]
MESSAGE_HEAD = struct.Struct("<HIQQ")  # channel, sequence, log time [ns], publish time [ns]
FOOTER_LAYOUT = struct.Struct("<QQI")
FOOTER_SIZE = FRAME.size + FOOTER_LAYOUT.size


@dataclass(frozen=True)
class Schema:
    """A message type."""

    id: int
    name: str
    encoding: str
    data: bytes


@dataclass(frozen=True)
class Channel:
    """A topic."""

    id: int
    schema: int
    topic: str
    encoding: str
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """A message, as it lies in the file."""

    channel: int
    sequence: int
    log_time: int  # [ns]
    publish_time: int  # [ns]
    data: bytes


@dataclass(frozen=True)
class ChunkHead:
    """What is known of a chunk before it is decompressed."""

    start_time: int  # earliest log time [ns]
    end_time: int  # latest log time [ns]
    size: int  # decompressed [bytes]
    crc: int  # of the decompressed bytes; 0: not known
    compression: str
    data: memoryview  # compressed


@dataclass
class Counts:
    """What the statistics record tells."""

    messages: dict[int, int] = field(default_factory=dict)  # by channel
    start_time: int = 0  # earliest log time [ns]
    end_time: int = 0  # latest log time [ns]

    @property
    def total(self) -> int:
        """All messages."""
        return sum(self.messages.values())

    def add(self, channel: int, log_time: int) -> None:
        """Count a message."""
        if not self.messages:
            self.start_time = self.end_time = log_time
        self.messages[channel] = self.messages.get(channel, 0) + 1
        self.start_time = min(self.start_time, log_time)
        self.end_time = max(self.end_time, log_time)

    def merge(self, other: Counts) -> None:
        """Add another's counts."""
        if not other.messages:
            return
        if not self.messages:
            self.start_time, self.end_time = other.start_time, other.end_time
        for channel, count in other.messages.items():
            self.messages[channel] = self.messages.get(channel, 0) + count
        self.start_time = min(self.start_time, other.start_time)
        self.end_time = max(self.end_time, other.end_time)


def frame(opcode: int, *parts: bytes | memoryview) -> bytes:
    """A record with its opcode and length."""
    return b"".join((FRAME.pack(opcode, sum(map(len, parts))), *parts))


def text(value: str | bytes | memoryview) -> bytes:
    """A text, or bytes, with its length."""
    data = value.encode() if isinstance(value, str) else bytes(value)
    return struct.pack("<I", len(data)) + data


def table(entries: dict[str, str]) -> bytes:
    """A map of texts with its length."""
    return text(b"".join(text(key) + text(value) for key, value in entries.items()))


def pack_schema(schema: Schema) -> bytes:
    """A schema's record."""
    head = struct.pack("<H", schema.id)
    return frame(SCHEMA, head, text(schema.name), text(schema.encoding), text(schema.data))


def pack_channel(channel: Channel) -> bytes:
    """A channel's record."""
    head = struct.pack("<HH", channel.id, channel.schema)
    return frame(
        CHANNEL, head, text(channel.topic), text(channel.encoding), table(channel.metadata)
    )


def pack_chunk(head: ChunkHead) -> bytes:
    """A chunk's record."""
    times = struct.pack("<QQQI", head.start_time, head.end_time, head.size, head.crc)
    size = struct.pack("<Q", len(head.data))
    return frame(CHUNK, times, text(head.compression), size, head.data)


def pack_message_index(channel: int, entries: list[tuple[int, int]]) -> bytes:
    """The record that says where in a chunk a channel's messages are."""
    head = struct.pack("<HI", channel, 16 * len(entries))
    return frame(MESSAGE_INDEX, head, b"".join(struct.pack("<QQ", *entry) for entry in entries))


def index_chunk(
    head: ChunkHead, start: int, length: int, entries: dict[int, list[tuple[int, int]]]
) -> tuple[bytes, bytes]:
    """What says where everything in a chunk is.

    Args:
        head: of the chunk.
        start: of its record in the file [bytes].
        length: of its record [bytes].
        entries: log time and offset in the chunk of every message, by channel.

    Returns:
        The chunk's record for the summary, and the bytes that follow the chunk.
    """
    at, offsets, indexes = start + length, b"", b""
    for channel, listed in entries.items():
        offsets += struct.pack("<HQ", channel, at + len(indexes))
        indexes += pack_message_index(channel, listed)
    summary = frame(
        CHUNK_INDEX,
        struct.pack("<QQQQ", head.start_time, head.end_time, start, length),
        text(offsets),
        struct.pack("<Q", len(indexes)),
        text(head.compression),
        struct.pack("<QQ", len(head.data), head.size),
    )
    return summary, indexes


def pack_statistics(counts: Counts, schemas: int, channels: int, chunks: int) -> bytes:
    """The record that counts everything."""
    head = struct.pack("<QHIIII", counts.total, schemas, channels, 0, 1, chunks)
    times = struct.pack("<QQ", counts.start_time, counts.end_time)
    by_channel = b"".join(struct.pack("<HQ", *item) for item in counts.messages.items())
    return frame(STATISTICS, head, times, text(by_channel))


def pack_footer(summary: int, offsets: int, crc: int) -> bytes:
    """The last record."""
    return frame(FOOTER, FOOTER_LAYOUT.pack(summary, offsets, crc))
