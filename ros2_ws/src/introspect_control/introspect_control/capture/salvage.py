"""What is whole in an MCAP file, and a file made of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from introspect_control.capture.errors import BagError, Truncated, Unclosed
from introspect_control.capture.metadata import as_text, describe
from introspect_control.capture.reader import Channels, topics_of
from introspect_control.capture.records import (
    CHANNEL,
    CHUNK,
    DATA_END,
    FOOTER,
    HEADER,
    MAGIC,
    MESSAGE,
    SCHEMA,
    STATISTICS,
    Channel,
    Counts,
    frame,
    index_chunk,
    pack_channel,
    pack_schema,
    text,
)
from introspect_control.capture.scan import McapScan, Record, decompress
from introspect_control.capture.summary import closing
from introspect_control.capture.unpacking import (
    split,
    unpack_channel,
    unpack_chunk,
    unpack_message,
    unpack_schema,
    unpack_statistics,
)

_Entries = dict[int, list[tuple[int, int]]]


@dataclass
class Salvage:
    """What was found whole in one file."""

    file: Path
    channels: Channels
    counts: Counts
    dropped: int = 0  # pieces that are not whole
    sound: bool = False  # whether the file needs no mending


def examine(file: Path) -> Salvage:
    """Look through a file without changing it.

    Raises:
        BagError: It is no MCAP file, or cannot be read.
    """
    return _Pass(file, None).run()


def rewrite(file: Path, target: Path) -> Salvage:
    """Write what is whole in a file into a new one, with everything that a closed file has.

    Raises:
        BagError: The file is no MCAP file, or cannot be read.
        OSError: The new one cannot be written.
    """
    # Not through a link that somebody has put there.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(target, flags, 0o666)
    try:
        return _Pass(file, descriptor).run()
    finally:
        os.close(descriptor)


class _Pass:
    """One way through a file, with or without writing."""

    def __init__(self, file: Path, target: int | None) -> None:
        self._file, self._target = file, target
        self._channels = Channels(file)
        self._found = Salvage(file, self._channels, Counts())
        self._chunks: list[bytes] = []
        self._there: set[tuple[int, int]] = set()  # types and topics in the file: opcode, number
        self._announced = False  # whether one had to be written that was not there
        self._said: Counts | None = None  # by the file's own summary
        self._size = 0  # of what was written [bytes]

    def run(self) -> Salvage:
        try:
            with McapScan(self._file) as scan:
                self._write(MAGIC)
                self._know_channels(scan)
                self._follow(scan)
        except Truncated:
            if not self._size:  # not even the magic bytes: there is nothing to keep
                self._write(MAGIC + frame(HEADER, text("ros2"), text("introspect")))
            self._found.dropped += 1
        self._finish()
        return self._found

    def _follow(self, scan: McapScan) -> None:
        """Keep what is whole, up to where the file's structure ends or is broken."""
        in_summary = False
        records = scan.records()
        while True:
            try:
                record = next(records, None)
            except Unclosed:
                return
            except BagError:  # a length that cannot be: nothing behind it can be found
                self._found.dropped += not in_summary
                return
            if record is None:
                return
            if record.opcode == FOOTER:
                whole = scan.closed and record.end + len(MAGIC) == scan.size
                same = self._said is not None and self._said.messages == self._found.counts.messages
                complete = not self._found.dropped and not self._announced
                self._found.sound = whole and same and complete
                return
            in_summary = in_summary or record.opcode == DATA_END
            try:
                if record.opcode == STATISTICS:
                    self._said = unpack_statistics(record.data)
                elif not in_summary:
                    self._keep(record)
            except BagError:
                self._found.dropped += not in_summary

    def _keep(self, record: Record) -> None:
        if record.opcode == CHUNK:
            self._keep_chunk(record)
        elif record.opcode == MESSAGE:
            message = unpack_message(memoryview(record.data))
            self._require(message.channel)
            self._announce([message.channel])
            self._found.counts.add(message.channel, message.log_time)
            self._write_record(record)
        elif record.opcode in (SCHEMA, CHANNEL):
            self._see(record.opcode, record.data)
            if record.opcode == CHANNEL:
                self._announce_type(unpack_channel(record.data))
            self._write_record(record)
        elif record.opcode == HEADER:
            self._write_record(record)

    def _keep_chunk(self, record: Record) -> None:
        head = unpack_chunk(record.data)
        entries: _Entries = {}
        counts = Counts()
        there = set(self._there)
        try:
            for opcode, offset, data in split(decompress(head)):
                if opcode == MESSAGE:
                    message = unpack_message(data)
                    self._require(message.channel)
                    counts.add(message.channel, message.log_time)
                    entries.setdefault(message.channel, []).append((message.log_time, offset))
                else:
                    self._see(opcode, data)
        except BagError:
            self._there = there  # what this chunk had goes with it
            raise
        self._announce(entries)
        length = record.end - record.start
        index, follows = index_chunk(head, self._size, length, entries)
        self._write_record(record)
        self._write(follows)
        self._chunks.append(index)
        self._found.counts.merge(counts)

    def _see(self, opcode: int, data: bytes | memoryview) -> None:
        self._channels.see(opcode, data)
        if opcode == SCHEMA:
            self._there.add((SCHEMA, unpack_schema(data).id))
        elif opcode == CHANNEL:
            self._there.add((CHANNEL, unpack_channel(data).id))

    def _announce(self, channels: Iterable[int]) -> None:
        """Write what only the summary knows of topics: readers want it before their messages."""
        for number in channels:
            channel = self._channels.channels[number]
            if self._announce_type(channel) or (CHANNEL, number) not in self._there:
                self._announced = True
                self._there.add((CHANNEL, number))
                self._write(pack_channel(channel))

    def _announce_type(self, channel: Channel) -> bool:
        """Write a topic's type, which readers want before the topic; return if it was not there."""
        if (SCHEMA, channel.schema) in self._there:
            return False
        self._announced = True
        self._there.add((SCHEMA, channel.schema))
        self._write(pack_schema(self._channels.schemas[channel.schema]))
        return True

    def _require(self, channel: int) -> None:
        if channel not in self._channels.channels:
            raise BagError(f"a message of topic number {channel}, which does not exist")

    def _know_channels(self, scan: McapScan) -> None:
        """Topics from an intact summary, in case the chunk that has them is broken."""
        if scan.closed:
            try:
                known = topics_of(scan)
            except BagError:
                return
            self._channels.schemas.update(known.schemas)
            self._channels.channels.update(known.channels)
            self._channels.topics.update(known.topics)

    def _finish(self) -> None:
        schemas = list(self._channels.schemas.values())
        channels = list(self._channels.channels.values())
        counts = self._found.counts
        name = self._file.name
        content = as_text(describe([(name, counts)], schemas, channels))
        self._write(closing(self._size, schemas, channels, self._chunks, counts, content))
        if self._target is not None:
            os.fsync(self._target)

    def _write_record(self, record: Record) -> None:
        self._write(frame(record.opcode, record.data))

    def _write(self, data: bytes) -> None:
        self._size += len(data)
        rest = memoryview(data)
        while rest and self._target is not None:
            rest = rest[os.write(self._target, rest) :]
