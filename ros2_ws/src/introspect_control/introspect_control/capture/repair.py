"""Mends a bag that was never closed, or was cut short: everything that is whole is kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from introspect_control.atomic import sync
from introspect_control.capture.errors import BagError
from introspect_control.capture.lock import under_way
from introspect_control.capture.metadata import (
    describe,
    mcap_files,
    read_metadata,
    write_metadata,
)
from introspect_control.capture.records import Channel, Counts, Schema
from introspect_control.capture.salvage import Salvage, examine, rewrite

_ASIDE = ".repair"  # suffix of what is written aside


@dataclass(frozen=True)
class Repair:
    """What was done."""

    changed: bool  # whether anything had to be
    messages: int  # that are in the bag now
    dropped: int  # pieces of files that were not whole


def repair(path: Path) -> Repair:
    """Make a bag readable again; one that is, is left as it is.

    Files are written anew beside the old ones and take their places when they are complete, then
    metadata.yaml does: whenever this is interrupted, it can be done again. A second repair changes
    nothing. Kept is every whole chunk and message up to the first place where the file's structure
    is broken.

    Args:
        path: folder of the bag.

    Raises:
        BagError: It is no folder of a bag, a file is not MCAP, or it cannot be written; or it is
            being recorded, then nothing has been touched.
    """
    if not path.is_dir():
        raise BagError(f"{path} is not a folder; a bag is a folder with a .mcap file in it")
    files = mcap_files(path)
    if not files:
        raise BagError(f"{path} has no MCAP file: it is not the folder of a bag")
    for file in files:  # a recorder would go on writing into the file that is replaced
        if text := under_way(file):
            raise BagError(text)
    try:
        for left in path.glob(f"*{_ASIDE}"):  # by a repair that was interrupted
            left.unlink()
        found = [examine(file) for file in files]
        damaged = [salvage.file for salvage in found if not salvage.sound]
        for file in damaged:
            _replace(file)
        content = _describe(found)
        stale = _is_stale(path, content)
        if stale:
            write_metadata(path, content)
    except OSError as error:
        raise BagError(
            f"{path} cannot be repaired: {error.strerror}; every file of it is whole or as it was"
        ) from error
    return Repair(
        changed=bool(damaged) or stale,
        messages=sum(salvage.counts.total for salvage in found),
        dropped=sum(salvage.dropped for salvage in found),
    )


def _replace(file: Path) -> None:
    aside = file.with_name(file.name + _ASIDE)
    try:
        rewrite(file, aside)
        os.replace(aside, file)
    except (OSError, BagError):
        aside.unlink(missing_ok=True)
        raise
    sync(file.parent)


def _describe(found: Sequence[Salvage]) -> dict[str, Any]:
    """metadata.yaml of all files: every file numbers its topics on its own, here they are one."""
    schemas: dict[str, Schema] = {}
    channels: dict[str, Channel] = {}
    files: list[tuple[str, Counts]] = []
    for salvage in found:
        counts = Counts(start_time=salvage.counts.start_time, end_time=salvage.counts.end_time)
        for number, channel in salvage.channels.channels.items():
            schema = salvage.channels.schemas[channel.schema]
            kind = schemas.setdefault(schema.name, replace(schema, id=len(schemas) + 1))
            known = channels.setdefault(
                channel.topic, replace(channel, id=len(channels) + 1, schema=kind.id)
            )
            if count := salvage.counts.messages.get(number, 0):
                counts.messages[known.id] = counts.messages.get(known.id, 0) + count
        files.append((salvage.file.name, counts))
    return describe(files, list(schemas.values()), list(channels.values()))


def _is_stale(path: Path, content: dict[str, Any]) -> bool:
    """Whether metadata.yaml is missing, broken, or tells something else."""
    try:
        there = read_metadata(path)
    except BagError:
        return True
    counts = {
        topic["topic_metadata"]["name"]: topic["message_count"]
        for topic in content["topics_with_message_count"]
    }
    return there.counts != counts or list(there.files) != content["relative_file_paths"]
