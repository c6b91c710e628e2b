"""Writes one MCAP file, chunk by chunk: what has been flushed stays readable whatever comes."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import zstandard

from introspect_control.capture.lock import hold
from introspect_control.capture.records import (
    FRAME,
    HEADER,
    MAGIC,
    MESSAGE,
    MESSAGE_HEAD,
    Channel,
    ChunkHead,
    Counts,
    Schema,
    frame,
    index_chunk,
    pack_channel,
    pack_chunk,
    pack_schema,
    text,
)
from introspect_control.capture.summary import closing

LIBRARY = "introspect"
PROFILE, SCHEMA_ENCODING, MESSAGE_ENCODING = "ros2", "ros2msg", "cdr"
_LEVEL = 1  # of compression: the processor is the control loop's


class McapFile:
    """An MCAP file that is being written.

    Types and topics are written outside chunks and before them, so that no broken chunk takes them
    along. Every method may raise ``OSError``; the file then ends where it ended before the call,
    and what could not be written is dropped. Until it is closed it is locked, so that nobody mends
    it meanwhile.

    Args:
        path: of the file, which must not exist.

    Attributes:
        counts: messages that are in the file.
        size: of the file [bytes].
        pending: messages that are not in the file yet.
        pending_bytes: their size [bytes].
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        hold(self._descriptor)
        self.size = 0
        self.schemas: list[Schema] = []
        self.channels: list[Channel] = []
        self.counts = Counts()
        self._chunks: list[bytes] = []  # of each, what the summary will say: packed, for hours
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._start_chunk()
        try:
            self._write(MAGIC + frame(HEADER, text(PROFILE), text(LIBRARY)))
        except OSError:
            self.close()
            raise

    def add_schema(self, name: str, definition: str) -> int:
        """Write a type, unless it is there; return its number."""
        for known in self.schemas:
            if known.name == name:
                return known.id
        schema = Schema(len(self.schemas) + 1, name, SCHEMA_ENCODING, definition.encode())
        self._write(pack_schema(schema))
        self.schemas.append(schema)
        return schema.id

    def add_channel(self, topic: str, schema: int, metadata: dict[str, str]) -> int:
        """Write a topic; return its number."""
        number = len(self.channels) + 1
        channel = Channel(number, schema, topic, MESSAGE_ENCODING, metadata)
        self._write(pack_channel(channel))
        self.channels.append(channel)
        return channel.id

    def add_message(self, channel: int, log_time: int, publish_time: int, data: bytes) -> None:
        """Put a message into the present chunk; only ``flush`` writes."""
        self._index.setdefault(channel, []).append((log_time, len(self._chunk)))
        sequence = self.counts.messages.get(channel, 0) + len(self._index[channel])
        self._chunk += FRAME.pack(MESSAGE, MESSAGE_HEAD.size + len(data))
        self._chunk += MESSAGE_HEAD.pack(channel, sequence & 0xFFFFFFFF, log_time, publish_time)
        self._chunk += data
        self._chunk_counts.add(channel, log_time)

    @property
    def pending(self) -> int:
        """Messages that are not in the file yet."""
        return self._chunk_counts.total

    @property
    def pending_bytes(self) -> int:
        """Their size [bytes]."""
        return len(self._chunk)

    def flush(self) -> None:
        """Write the present chunk: what is in it survives the end of this process."""
        if not self.pending:
            return
        chunk, index, counts = bytes(self._chunk), self._index, self._chunk_counts
        self._start_chunk()
        head = ChunkHead(
            counts.start_time,
            counts.end_time,
            len(chunk),
            zlib.crc32(chunk),
            "zstd",
            memoryview(self._compressor.compress(chunk)),
        )
        record = pack_chunk(head)
        summary, indexes = index_chunk(head, self.size, len(record), index)
        self._write(record + indexes)
        self._chunks.append(summary)
        self.counts.merge(counts)

    def finish(self, bag_metadata: str) -> None:
        """Write the end of the file; ``flush`` comes before it.

        Args:
            bag_metadata: content of metadata.yaml.
        """
        self._write(
            closing(self.size, self.schemas, self.channels, self._chunks, self.counts, bag_metadata)
        )

    def sync(self) -> None:
        """Wait until the disk has everything that was written; may be called by another thread."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file as it is."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _start_chunk(self) -> None:
        self._chunk = bytearray()
        self._index: dict[int, list[tuple[int, int]]] = {}
        self._chunk_counts = Counts()

    def _write(self, data: bytes) -> None:
        """Write all or nothing."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            os.lseek(self._descriptor, self.size, os.SEEK_SET)
            raise
        self.size += len(data)
