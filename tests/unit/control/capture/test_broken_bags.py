"""Bags that are cut short, damaged or hostile: read, mended or refused, and never believed."""

from __future__ import annotations

import contextlib
import struct
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_bags import ACTIVATIONS, activations, definition, mcap

from introspect_control.capture import BagError, BagMessage, BagReader
from introspect_control.capture.mcap_file import McapFile
from introspect_control.capture.metadata import describe, write_metadata
from introspect_control.capture.records import (
    CHANNEL,
    CHUNK,
    FRAME,
    MAGIC,
    SCHEMA,
    ChunkHead,
    frame,
    pack_chunk,
)
from introspect_control.capture.repair import repair
from introspect_control.capture.scan import McapScan
from introspect_control.capture.verify import inspect

CHUNKS, PER_CHUNK = 6, 5


def chunked(folder: Path) -> tuple[Path, list[int]]:
    """A closed bag of several chunks, and the size of its file after each of them."""
    folder.mkdir()
    file = McapFile(folder / "bag_0.mcap")
    schema = file.add_schema(ACTIVATIONS, definition(ACTIVATIONS).text)
    channel = file.add_channel("/activations", schema, {"offered_qos_profiles": ""})
    sizes = []
    for chunk in range(CHUNKS):
        for message in range(PER_CHUNK):
            number = chunk * PER_CHUNK + message
            file.add_message(channel, number, number, activations(number))
        file.flush()
        sizes.append(file.size)
    content = describe([("bag_0.mcap", file.counts)], file.schemas, file.channels)
    file.finish("")
    file.close()
    write_metadata(folder, content)
    return folder, sizes


with tempfile.TemporaryDirectory() as _folder:
    _bag, SIZES = chunked(Path(_folder) / "bag")
    DATA = mcap(_bag).read_bytes()
    METADATA = (_bag / "metadata.yaml").read_text()
SOUND = [activations(number) for number in range(CHUNKS * PER_CHUNK)]


def lay(folder: Path, data: bytes) -> Path:
    folder.mkdir()
    (folder / "bag_0.mcap").write_bytes(data)
    (folder / "metadata.yaml").write_text(METADATA)
    return folder


def read(bag: Path) -> list[bytes]:
    found = []
    for message in BagReader(bag).messages():
        assert message.message is not None
        found.append(message.data)
    return found


def told(bag: Path) -> list[tuple[object, ...]] | None:
    """All that a bag says; None where it cannot be read."""
    try:
        return [
            (item.topic, item.type, item.log_time, item.data, str(item.message))
            for item in BagReader(bag).messages()
        ]
    except BagError:
        return None


def decodes(message: BagMessage) -> bool:
    try:
        return message.message is not None
    except BagError:
        return False


def content(bag: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in bag.iterdir()}


with tempfile.TemporaryDirectory() as _folder:
    TOLD = told(lay(Path(_folder) / "bag", DATA))


def test_a_sound_bag_is_left_as_it_is(tmp_path: Path) -> None:
    bag = lay(tmp_path / "bag", DATA)
    before = content(bag)
    assert inspect(bag).findings == []
    assert not repair(bag).changed
    assert content(bag) == before


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(DATA) - 1))
def test_wherever_a_file_is_cut_all_that_was_flushed_before_is_recovered(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bag = lay(Path(folder) / "bag", DATA[:cut])
        with pytest.raises(BagError, match=r"was not closed|too few"):
            read(bag)
        assert inspect(bag).findings

        result = repair(bag)

        whole = sum(size <= cut for size in SIZES) * PER_CHUNK
        found = read(bag)
        assert result.changed
        assert result.messages == len(found) >= whole
        assert found == SOUND[: len(found)]
        assert inspect(bag).findings == []
        before = content(bag)
        assert not repair(bag).changed
        assert content(bag) == before
        assert set(before) == {"bag_0.mcap", "metadata.yaml"}


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_flipped_bits_are_found_and_mended_or_refused(data: st.DataObject) -> None:
    raw = bytearray(DATA)
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with tempfile.TemporaryDirectory() as folder:
        bag = lay(Path(folder) / "bag", bytes(raw))
        if told(bag) != TOLD:
            assert inspect(bag).findings  # and no error, whatever was flipped
        try:
            repair(bag)
        except BagError:
            assert content(bag)["bag_0.mcap"] == raw
            return
        for message in BagReader(bag).messages():
            assert message.data in SOUND or not decodes(message)
        before = content(bag)
        assert not repair(bag).changed
        assert content(bag) == before


@pytest.mark.parametrize("opcode", [SCHEMA, CHANNEL])
def test_a_topic_whose_own_record_is_broken_is_taken_from_the_summary(
    tmp_path: Path, opcode: int
) -> None:
    bag = lay(tmp_path / "bag", DATA)
    with McapScan(mcap(bag)) as scan:
        at = next(record.start for record in scan.records() if record.opcode == opcode)
    raw = bytearray(DATA)
    raw[at + FRAME.size] ^= 64  # its number
    mcap(bag).write_bytes(raw)
    with pytest.raises(BagError, match=r"topic number 1, which does not exist|has no type"):
        read(bag)
    assert inspect(bag).findings
    assert repair(bag).changed
    assert read(bag) == SOUND
    assert inspect(bag).findings == []


def test_a_file_that_was_only_not_closed_has_lost_nothing(tmp_path: Path) -> None:
    bag = lay(tmp_path / "bag", DATA[: SIZES[-1]])
    result = repair(bag)
    assert (result.changed, result.messages, result.dropped) == (True, len(SOUND), 0)
    assert read(bag) == SOUND


def test_a_damaged_chunk_is_left_out_and_those_around_it_stay(tmp_path: Path) -> None:
    raw = bytearray(DATA)
    raw[SIZES[1] + 80] ^= 255  # within the third chunk
    bag = lay(tmp_path / "bag", bytes(raw))
    assert any("byte" in finding for finding in inspect(bag).findings)
    result = repair(bag)
    assert (result.messages, result.dropped) == (25, 1)
    assert read(bag) == SOUND[:10] + SOUND[15:]


def test_missing_or_wrong_metadata_is_a_finding_and_written_anew(tmp_path: Path) -> None:
    bag = lay(tmp_path / "bag", DATA)
    (bag / "metadata.yaml").unlink()
    assert inspect(bag).findings == [
        f"{bag}/metadata.yaml is missing; introspect bag repair {bag} writes it"
    ]
    assert repair(bag).changed
    assert inspect(bag).findings == []
    text = (bag / "metadata.yaml").read_text()
    (bag / "metadata.yaml").write_text(text.replace("message_count: 30", "message_count: 31"))
    assert inspect(bag).findings == [
        "metadata.yaml counts 31 messages of /activations, 30 are there"
    ]
    assert repair(bag).changed
    assert (bag / "metadata.yaml").read_text() == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!python/object/apply:os.system ['touch owned']", "is not YAML that rosbag2 writes"),
        ("a: [", "is not YAML that rosbag2 writes"),
        ("[]", "is not the metadata of a rosbag2 bag"),
        (METADATA.replace("storage_identifier: mcap", "storage_identifier: sqlite3"), "'sqlite3'"),
        (METADATA.replace("- bag_0.mcap", "- ../../etc/passwd"), "is not in the bag's folder"),
        (METADATA.replace("- bag_0.mcap", "- &a [x, *a]"), "refers to nothing that is complete"),
        (METADATA.replace("- bag_0.mcap", "- [x]"), "has a list where a text should be"),
        ("[" * 5000, "is not YAML"),
        ("\0", "is not YAML that rosbag2 writes"),
    ],
)
def test_hostile_metadata_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    bag = lay(tmp_path / "bag", DATA)
    (bag / "metadata.yaml").write_text(text)
    with pytest.raises(BagError) as error:
        BagReader(bag)
    assert message in str(error.value)
    assert len(str(error.value)) < 600
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "0 bytes, too few for an MCAP file"),
        (b"PK\3\4" + bytes(100), "is not an MCAP file: it begins with '504b0304"),
        (MAGIC, "was not closed"),
        (MAGIC + struct.pack("<BQ", CHUNK, 1 << 60), "was not closed"),
    ],
)
def test_what_is_no_closed_mcap_file_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    bag = lay(tmp_path / "bag", data)
    with pytest.raises(BagError) as error:
        read(bag)
    assert message in str(error.value)


def bomb(claimed: int, size: int, compression: str = "zstd") -> bytes:
    """A chunk that becomes large when it is decompressed."""
    data = zstandard.ZstdCompressor().compress(bytes(size))
    return pack_chunk(ChunkHead(0, 0, claimed, 0, compression, memoryview(data)))


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        (bomb(1 << 40, 10), "a chunk claims 1099511627776 bytes; allowed: 268435456"),
        (bomb(10, 1 << 28), "a chunk has another size than its frame says"),
        (bomb(10, 10, "lzma"), "a chunk's compression is 'lzma'; allowed: 'zstd', 'lz4', ''"),
        (bomb(10, 10, "lz4"), "a chunk cannot be decompressed"),
        (frame(CHUNK, b"\0\0"), "a chunk record of 2 bytes is cut short"),
    ],
)
def test_a_hostile_chunk_is_refused_before_memory_is_taken_and_left_out_by_a_repair(
    tmp_path: Path, chunk: bytes, message: str
) -> None:
    bag = lay(tmp_path / "bag", DATA[: SIZES[1]] + chunk + DATA[SIZES[1] :])
    with pytest.raises(BagError) as error:
        list(BagReader(bag).messages())
    assert message in str(error.value)
    assert any(message in finding for finding in inspect(bag).findings)
    repair(bag)
    assert read(bag) == SOUND


def test_what_is_no_bag_is_refused(tmp_path: Path) -> None:
    for call in (inspect, repair):
        with pytest.raises(BagError, match="has no MCAP file: it is not the folder of a bag"):
            call(tmp_path)
    with pytest.raises(BagError, match=r"nothing does not exist"):
        inspect(tmp_path / "nothing")
    with pytest.raises(BagError, match=r"has no topic /nothing\. It has: /activations"):
        list(BagReader(lay(tmp_path / "bag", DATA)).messages("/nothing"))


def test_a_repair_that_finds_no_space_leaves_everything_as_it_was(
    tmp_path: Path, small_disk: Path
) -> None:
    bag = lay(small_disk / "bag", DATA[:-20])
    with (small_disk / "rest").open("wb", buffering=0) as rest, contextlib.suppress(OSError):
        while True:
            rest.write(bytes(4096))
    before = content(bag)
    with pytest.raises(
        BagError,
        match="cannot be repaired: No space left on device; every file of it is whole or as it",
    ):
        repair(bag)
    assert content(bag) == before
    (small_disk / "rest").unlink()
    assert repair(bag).changed
    assert read(bag) == SOUND
