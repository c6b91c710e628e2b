"""Reads bags: the raw bytes of messages, decoded when they are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from introspect_control.capture.cdr import Decoder
from introspect_control.capture.definition import Definition, parse_definition
from introspect_control.capture.errors import BagError, naming
from introspect_control.capture.lock import under_way
from introspect_control.capture.metadata import read_metadata
from introspect_control.capture.records import (
    CHANNEL,
    CHUNK,
    DATA_END,
    MESSAGE,
    MESSAGE_HEAD,
    SCHEMA,
    Channel,
    Schema,
)
from introspect_control.capture.scan import McapScan, decompress
from introspect_control.capture.unpacking import split, unpack_channel, unpack_chunk, unpack_schema

_LONGEST_NAME = 1000  # [characters]; ROS allows 255


@dataclass(frozen=True)
class Topic:
    """A topic of a bag, with the type that the bag says it has."""

    name: str
    type: str  # such as introspect_msgs/msg/Activations
    type_hash: str  # as it was on the wire; "" where the bag does not tell
    schema: Schema
    file: Path  # that it is in

    @cached_property
    def definition(self) -> Definition:
        """Of the type.

        Raises:
            BagError: The bag has it in another language, or it is broken.
        """
        if self.schema.encoding != "ros2msg":
            encoding = self.schema.encoding[:40]
            raise BagError(f"{self.name}: schema encoding is {encoding!r}; allowed: 'ros2msg'")
        try:
            return parse_definition(self.type, self.schema.data.decode())
        except UnicodeDecodeError as error:
            raise BagError(f"{self.name}: the definition of {self.type} is not UTF-8") from error

    @cached_property
    def decoder(self) -> Decoder:
        """Of its messages.

        Raises:
            BagError: The definition is broken.
        """
        return Decoder(self.definition)


class BagMessage:
    """One message of a bag.

    Attributes:
        topic: its topic.
        log_time: when it was received [ns since 1970].
        publish_time: when it was sent [ns since 1970].
        data: its bytes, as they were on the wire.
    """

    __slots__ = ("_message", "_topic", "data", "log_time", "publish_time")

    def __init__(self, topic: Topic, log_time: int, publish_time: int, data: bytes) -> None:
        self._topic = topic
        self._message: Any = None
        self.log_time, self.publish_time, self.data = log_time, publish_time, data

    @property
    def topic(self) -> str:
        """Name of its topic."""
        return self._topic.name

    @property
    def type(self) -> str:
        """Full name of its type."""
        return self._topic.type

    @property
    def message(self) -> Any:
        """The message itself, decoded now: fields by name, arrays of numbers as numpy arrays.

        Raises:
            BagError: The bytes are no message of the topic's type.
        """
        if self._message is None:
            try:  # of every message: no context manager
                self._message = self._topic.decoder(self.data)
            except BagError as error:
                raise BagError(f"{self._topic.file}: {error}") from error
        return self._message


class BagReader:
    """A bag that was recorded and closed.

    Args:
        path: folder of the bag, or one MCAP file.

    Raises:
        BagError: There is no bag, or it is broken: the text says what would mend it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = bag_files(path)
        for file in self.files:
            with McapScan(file) as scan:
                if not scan.closed:
                    raise BagError(
                        under_way(file)
                        or f"{file} was not closed; introspect bag repair {path} mends it"
                    )

    @cached_property
    def topics(self) -> Mapping[str, Topic]:
        """All topics by name, also those without messages.

        Raises:
            BagError: As ``messages``.
        """
        found: dict[str, Topic] = {}
        for file in self.files:
            with naming(file), McapScan(file) as scan:
                found |= {topic.name: topic for topic in topics_of(scan).topics.values()}
        return MappingProxyType(found)

    def messages(self, *topics: str) -> Iterator[BagMessage]:
        """The messages, in the order in which they were written.

        Args:
            *topics: which topics; none: all.

        Raises:
            BagError: The bag is broken here; or, before the first message, it lacks a topic.
        """
        if missing := sorted(set(topics) - set(self.topics) if topics else ()):
            raise BagError(
                f"{self.path} has no topic {', '.join(missing)}. It has: {', '.join(self.topics)}"
            )
        wanted = frozenset(topics)
        for file in self.files:
            with McapScan(file) as scan:
                yield from _messages(scan, wanted)


class Channels:
    """The topics of one file, as they are met.

    Args:
        file: for errors.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.schemas: dict[int, Schema] = {}
        self.channels: dict[int, Channel] = {}
        self.topics: dict[int, Topic] = {}
        self.added: list[Topic] = []  # in their order

    def see(self, opcode: int, data: bytes | memoryview) -> None:
        """Take in a record if it is a type or a topic, also those within a chunk.

        Raises:
            BagError: It is broken.
        """
        if opcode == SCHEMA:
            schema = unpack_schema(data)
            self._check(schema.name)
            self.schemas[schema.id] = schema
        elif opcode == CHANNEL:
            self._add(unpack_channel(data))

    def _check(self, name: str) -> None:
        """Refuse a name that a terminal would obey."""
        if not name.isprintable() or len(name) > _LONGEST_NAME:
            raise BagError(f"{self._file}: {name[:80]!r} is no name of a topic or type")

    def _add(self, channel: Channel) -> None:
        if self.channels.get(channel.id) == channel:
            return
        schema = self.schemas.get(channel.schema)
        if schema is None:
            raise BagError(f"{self._file}: topic {channel.topic[:80]!r} has no type")
        self._check(channel.topic)
        if channel.encoding != "cdr":
            raise BagError(
                f"{self._file}: {channel.topic} is in {channel.encoding[:40]!r}; allowed: 'cdr'"
            )
        self.channels[channel.id] = channel
        type_hash = channel.metadata.get("topic_type_hash", "")
        self.topics[channel.id] = Topic(channel.topic, schema.name, type_hash, schema, self._file)
        self.added.append(self.topics[channel.id])


def bag_files(path: Path) -> tuple[Path, ...]:
    """The MCAP files of a bag.

    Raises:
        BagError: There is no bag.
    """
    if path.is_dir():
        files = tuple(path / name for name in read_metadata(path).files)
        if not files:
            raise BagError(f"{path} names no file in its metadata.yaml")
        return files
    if not path.exists():
        raise BagError(f"{path} does not exist")
    return (path,)


def topics_of(scan: McapScan) -> Channels:
    """From the summary if there are any in it, else from all of the file."""
    channels = Channels(scan.path)
    if start := scan.summary:
        for record in scan.records(start):
            channels.see(record.opcode, record.data)
    if not channels.topics:
        for record in scan.records():
            if record.opcode == CHUNK:
                for opcode, _, data in split(decompress(unpack_chunk(record.data))):
                    channels.see(opcode, data)
            channels.see(record.opcode, record.data)
    return channels


def _messages(scan: McapScan, wanted: frozenset[str]) -> Iterator[BagMessage]:
    channels = Channels(scan.path)
    head, size = MESSAGE_HEAD.unpack_from, MESSAGE_HEAD.size

    def message(data: bytes | memoryview) -> BagMessage | None:
        if len(data) < size:
            raise BagError(f"a message record of {len(data)} bytes is cut short")
        channel, _, log_time, publish_time = head(data)
        topic = channels.topics.get(channel)
        if topic is None:
            raise BagError(f"a message of topic number {channel}, which does not exist")
        if wanted and topic.name not in wanted:
            return None
        return BagMessage(topic, log_time, publish_time, bytes(data[size:]))

    for record in scan.records():
        if record.opcode == DATA_END:
            return
        try:
            if record.opcode == CHUNK:
                for opcode, _, data in split(decompress(unpack_chunk(record.data))):
                    if opcode != MESSAGE:
                        channels.see(opcode, data)
                    elif (found := message(data)) is not None:
                        yield found
            elif record.opcode == MESSAGE:
                if (found := message(record.data)) is not None:
                    yield found
            else:
                channels.see(record.opcode, record.data)
        except BagError as error:
            raise BagError(f"{scan.path}, byte {record.start}: {error}") from error
