"""The end of an MCAP file: what it holds and where, so that a reader need not look for it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from introspect_control.capture.records import (
    CHANNEL,
    CHUNK_INDEX,
    DATA_END,
    FOOTER,
    FRAME,
    MAGIC,
    METADATA,
    METADATA_INDEX,
    SCHEMA,
    STATISTICS,
    SUMMARY_OFFSET,
    Channel,
    Counts,
    Schema,
    frame,
    pack_channel,
    pack_footer,
    pack_schema,
    pack_statistics,
    table,
    text,
)

BAG_RECORD = "rosbag2"  # name of the metadata record that has metadata.yaml's content


def closing(
    at: int,
    schemas: Sequence[Schema],
    channels: Sequence[Channel],
    chunks: Sequence[bytes],
    counts: Counts,
    bag_metadata: str,
) -> bytes:
    """Everything that follows the last chunk.

    Args:
        at: where in the file it will be [bytes].
        schemas: all types.
        channels: all topics.
        chunks: records of all chunks, from ``index_chunk``.
        counts: of all messages.
        bag_metadata: content of metadata.yaml, for a bag whose folder is lost.
    """
    metadata = frame(METADATA, text(BAG_RECORD), table({"serialized_metadata": bag_metadata}))
    data_end = frame(DATA_END, struct.pack("<I", 0))
    start = at + len(metadata) + len(data_end)
    groups = {
        SCHEMA: b"".join(map(pack_schema, schemas)),
        CHANNEL: b"".join(map(pack_channel, channels)),
        STATISTICS: pack_statistics(counts, len(schemas), len(channels), len(chunks)),
        CHUNK_INDEX: b"".join(chunks),
        METADATA_INDEX: frame(
            METADATA_INDEX, struct.pack("<QQ", at, len(metadata)), text(BAG_RECORD)
        ),
    }
    summary, offsets = b"", b""
    for opcode, group in groups.items():
        if group:
            entry = struct.pack("<BQQ", opcode, start + len(summary), len(group))
            offsets += frame(SUMMARY_OFFSET, entry)
        summary += group
    offset_start = start + len(summary)
    summary += offsets
    checked = summary + FRAME.pack(FOOTER, 20) + struct.pack("<QQ", start, offset_start)
    footer = pack_footer(start, offset_start, zlib.crc32(checked))
    return metadata + data_end + summary + footer + MAGIC
