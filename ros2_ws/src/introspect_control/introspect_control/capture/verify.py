"""Reads a whole bag back and says what is in it, and what is wrong with it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from introspect_control.capture.continuity import Continuity
from introspect_control.capture.errors import BagError, Truncated
from introspect_control.capture.lock import under_way
from introspect_control.capture.metadata import FILE, BagMetadata, mcap_files, read_metadata
from introspect_control.capture.reader import Channels, Topic
from introspect_control.capture.records import CHUNK, DATA_END, MESSAGE, STATISTICS, Counts, Message
from introspect_control.capture.report import BagReport, TopicReport
from introspect_control.capture.scan import McapScan, Record, decompress
from introspect_control.capture.unpacking import (
    split,
    unpack_chunk,
    unpack_message,
    unpack_statistics,
)

_TELL = 1.0  # between two words on how far it is [s]


def inspect(path: Path, advance: Callable[[float], None] | None = None) -> BagReport:
    """Read a bag, also a broken one, and report.

    Every message is decoded. Messages that carry episode and sequence must be consecutive.

    Args:
        path: folder of the bag, or one MCAP file.
        advance: called about once a second with the share that is done, 0 to 1.

    Raises:
        BagError: There is nothing there that could be a bag.
    """
    report = BagReport(path)
    metadata = None
    if path.is_dir():
        files = mcap_files(path)
        try:
            metadata = read_metadata(path)
            files = [path / name for name in metadata.files]
        except BagError as error:
            report.find(str(error))
        if not files:
            raise BagError(f"{path} has no MCAP file: it is not the folder of a bag")
    elif path.exists():
        files = [path]
    else:
        raise BagError(f"{path} does not exist")
    continuity = Continuity()
    pace = _Pace(len(files), advance)
    for file in files:
        _Inspection(file, report, continuity, pace).run()
    report.episodes = continuity.episodes
    for text in continuity.findings():
        report.find(text)
    if metadata is not None:
        _compare(report, metadata)
    return report


class _Pace:
    """Tells how far it is, but only of what takes long."""

    def __init__(self, files: int, advance: Callable[[float], None] | None) -> None:
        self._files, self._advance = files, advance
        self._done, self._shown = 0, False
        self._told = time.monotonic()

    def at(self, share: float) -> None:
        """Within the present file."""
        if self._advance is not None and time.monotonic() - self._told > _TELL:
            self._told, self._shown = time.monotonic(), True
            self._advance((self._done + share) / self._files)

    def next(self) -> None:
        """A file is done."""
        self._done += 1
        if self._advance is not None and self._shown:
            self._advance(self._done / self._files)


class _Inspection:
    """Of one file."""

    def __init__(self, file: Path, report: BagReport, continuity: Continuity, pace: _Pace) -> None:
        self._file, self._report, self._continuity = file, report, continuity
        self._pace = pace
        self._channels = Channels(file)
        self._repeated = Channels(file)  # as the summary has them
        self._counts = Counts()
        self._broken: Counter[str] = Counter()  # messages that cannot be decoded, by topic

    def run(self) -> None:
        try:
            with McapScan(self._file) as scan:
                self._read(scan)
        except Truncated as error:
            self._report.closed = False
            cure = f"introspect bag repair {self._report.path} mends it"
            self._report.find(under_way(self._file) or f"{error}; {cure}")
        except BagError as error:
            self._report.closed = False
            self._report.find(str(error))
        self._pace.next()
        for topic, count in self._broken.items():
            self._report.find(f"{topic}: {count} messages cannot be decoded")

    def _read(self, scan: McapScan) -> None:
        in_summary = False
        for record in scan.records():
            self._pace.at(record.start / scan.size)
            try:
                if record.opcode == DATA_END:
                    in_summary = True
                elif record.opcode == STATISTICS:
                    self._check(unpack_statistics(record.data))
                elif in_summary:
                    self._repeated.see(record.opcode, record.data)
                else:
                    self._see(record)
            except BagError as error:
                self._report.find(f"{self._file}, byte {record.start}: {error}")
        if not scan.closed:
            raise Truncated(f"{self._file} goes on behind its end")
        schemas, channels = self._channels.schemas, self._channels.channels
        for number, schema in self._repeated.schemas.items():
            if schemas.get(number, schema) != schema:
                self._report.find(f"{self._file}: {schema.name} is another one in its summary")
        for number, channel in self._repeated.channels.items():
            if channels.get(number, channel) != channel:
                self._report.find(f"{self._file}: {channel.topic} is another one in its summary")

    def _see(self, record: Record) -> None:
        if record.opcode == CHUNK:
            for opcode, _, data in split(decompress(unpack_chunk(record.data))):
                if opcode == MESSAGE:
                    self._message(unpack_message(data))
                else:
                    self._channels.see(opcode, data)
        elif record.opcode == MESSAGE:
            self._message(unpack_message(memoryview(record.data)))
        else:
            self._channels.see(record.opcode, record.data)
        while self._channels.added:  # not all of them each time: a hostile file has many
            topic = self._channels.added.pop()
            self._report.topics.setdefault(topic.name, TopicReport(topic.name, topic.type))

    def _message(self, message: Message) -> None:
        topic = self._channels.topics.get(message.channel)
        if topic is None:
            raise BagError(f"a message of topic number {message.channel}, which does not exist")
        self._counts.add(message.channel, message.log_time)
        found = self._report.topics.setdefault(topic.name, TopicReport(topic.name, topic.type))
        if not found.messages:
            found.first = found.last = message.log_time
        found.first = min(found.first, message.log_time)
        found.last = max(found.last, message.log_time)
        found.messages += 1
        found.bytes += len(message.data)
        self._decode(topic, message.data)

    def _decode(self, topic: Topic, data: bytes) -> None:
        try:
            message = topic.decoder(data)
        except BagError as error:
            if not self._broken[topic.name]:
                self._report.find(f"{self._file}: {topic.name}: {error}")
            self._broken[topic.name] += 1
            return
        self._continuity.see(topic.name, topic.type, message)

    def _check(self, counts: Counts) -> None:
        if counts.messages != self._counts.messages:
            self._report.find(
                f"{self._file}: its summary counts {counts.total} messages, "
                f"{self._counts.total} are there"
            )


def _compare(report: BagReport, metadata: BagMetadata) -> None:
    """Counts of metadata.yaml with what is there."""
    for name in sorted(set(metadata.counts) | set(report.topics)):
        said = metadata.counts.get(name)
        there = report.topics[name].messages if name in report.topics else 0
        if said is None and there:
            report.find(f"{FILE} lacks {name}, which has {there} messages")
        elif said is not None and said != there:
            report.find(f"{FILE} counts {said} messages of {name}, {there} are there")
