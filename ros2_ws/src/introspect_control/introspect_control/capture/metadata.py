"""metadata.yaml of a bag: what rosbag2 reads before it opens a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from introspect_control.atomic import write_text
from introspect_control.capture.errors import BagError
from introspect_control.capture.records import Channel, Counts, Schema
from introspect_description.plain_yaml import LARGEST, PlainYamlError, read_yaml
from introspect_description.untrusted import read_file

FILE = "metadata.yaml"
VERSION = 9
_ROOT = "rosbag2_bagfile_information"


@dataclass(frozen=True)
class BagMetadata:
    """What metadata.yaml says of a bag.

    Attributes:
        files: names of the MCAP files, in order.
        counts: messages by topic.
    """

    files: tuple[str, ...]
    counts: dict[str, int]

    @property
    def messages(self) -> int:
        """All messages."""
        return sum(self.counts.values())


def describe(
    files: Sequence[tuple[str, Counts]], schemas: Sequence[Schema], channels: Sequence[Channel]
) -> dict[str, Any]:
    """The content of metadata.yaml.

    Args:
        files: name and counts of every file.
        schemas: all types.
        channels: all topics.
    """
    total = Counts()
    for _, counts in files:
        total.merge(counts)
    types = {schema.id: schema.name for schema in schemas}
    return {
        "version": VERSION,
        "storage_identifier": "mcap",
        "relative_file_paths": [name for name, _ in files],
        **_span(total),
        "topics_with_message_count": [
            {
                "topic_metadata": {
                    "name": channel.topic,
                    "type": types.get(channel.schema, ""),
                    "serialization_format": channel.encoding,
                    "offered_qos_profiles": _profiles(channel),
                    "type_description_hash": channel.metadata.get("topic_type_hash", ""),
                },
                "message_count": total.messages.get(channel.id, 0),
            }
            for channel in channels
        ],
        "compression_format": "",
        "compression_mode": "",
        "files": [{"path": name, **_span(counts)} for name, counts in files],
        "custom_data": None,
        "ros_distro": "kilted",
    }


def as_text(content: dict[str, Any]) -> str:
    """The content as it also stands in the MCAP file itself."""
    return yaml.safe_dump(content, sort_keys=False).strip()


def write_metadata(folder: Path, content: dict[str, Any]) -> None:
    """Write metadata.yaml, whole or not at all.

    Raises:
        OSError: It could not be written.
    """
    write_text(folder / FILE, yaml.safe_dump({_ROOT: content}, sort_keys=False))


def read_metadata(folder: Path) -> BagMetadata:
    """Read what matters of metadata.yaml.

    Raises:
        BagError: It is missing, or not what it should be.
    """
    path = folder / FILE
    try:
        content = read_yaml(read_file(path, LARGEST))
    except FileNotFoundError as error:
        raise BagError(f"{path} is missing; introspect bag repair {folder} writes it") from error
    except OSError as error:
        raise BagError(f"{path} cannot be read: {error.strerror}") from error
    except PlainYamlError as error:
        raise BagError(f"{path} is not YAML that rosbag2 writes: {error}") from error
    try:
        return _parse(path, content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BagError(
            f"{path} is not the metadata of a rosbag2 bag: {type(error).__name__} {error}"
        ) from error


def mcap_files(folder: Path) -> list[Path]:
    """The MCAP files of a folder in their order, where no metadata.yaml tells it.

    Files of a split bag are numbered: bag_9.mcap comes before bag_10.mcap.
    """

    def place(file: Path) -> tuple[str, int]:
        stem, _, number = file.stem.rpartition("_")
        return (stem, int(number)) if number.isdecimal() else (file.stem, -1)

    return sorted(folder.glob("*.mcap"), key=place)


def _parse(path: Path, content: Any) -> BagMetadata:
    root = content[_ROOT]
    storage = _word(root["storage_identifier"])
    if storage != "mcap":
        raise BagError(f"{path}: storage is {storage!r}; allowed: 'mcap'")
    if mode := _word(root.get("compression_mode") or ""):
        raise BagError(f"{path}: compression mode is {mode!r}; allowed: ''")
    files = tuple(_word(name) for name in root["relative_file_paths"])
    for name in files:
        if Path(name).name != name or name in ("", ".", "..") or not name.isprintable():
            raise BagError(f"{path}: file {name[:200]!r} is not in the bag's folder")
    counts: dict[str, int] = {}
    for topic in root["topics_with_message_count"]:
        name = _word(topic["topic_metadata"]["name"])
        counts[name] = counts.get(name, 0) + int(topic["message_count"])
    return BagMetadata(files, counts)


def _word(value: Any) -> str:
    """A text; anything else could be endless by YAML's references, and is not even printed."""
    if not isinstance(value, str):
        raise TypeError(f"has a {type(value).__name__} where a text should be")
    return value[:1000]


def _span(counts: Counts) -> dict[str, Any]:
    return {
        "duration": {"nanoseconds": counts.end_time - counts.start_time},
        "starting_time": {"nanoseconds_since_epoch": counts.start_time},
        "message_count": counts.total,
    }


def _profiles(channel: Channel) -> list[Any]:
    try:
        profiles = read_yaml(channel.metadata.get("offered_qos_profiles", "")) or []
    except PlainYamlError:
        return []
    return profiles if isinstance(profiles, list) else []
