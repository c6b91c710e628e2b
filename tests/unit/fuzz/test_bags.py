"""Recordings from anywhere: read as far as they are whole, or refused; mended without harm."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
import yaml
import zstandard
from hostile import SEEDS, bounded, documents, fuzz, mutated, read_or_refuse
from hypothesis import given
from hypothesis import strategies as st
from sample_bags import MODEL, definition, mcap
from sample_runs import ARM, TYPES, record

from introspect_control.capture import BagError, BagReader
from introspect_control.capture.definition import parse_definition
from introspect_control.capture.frames import read_recording
from introspect_control.capture.images import spool_images
from introspect_control.capture.mcap_file import McapFile
from introspect_control.capture.metadata import FILE
from introspect_control.capture.records import (
    CHANNEL,
    CHUNK,
    DATA_END,
    FOOTER,
    FRAME,
    HEADER,
    MAGIC,
    MESSAGE,
    SCHEMA,
    Channel,
    ChunkHead,
    Schema,
    frame,
    pack_channel,
    pack_chunk,
    pack_schema,
    text,
)
from introspect_control.capture.repair import repair
from introspect_control.capture.scan import McapScan, decompress
from introspect_control.capture.unpacking import unpack_chunk
from introspect_control.capture.verify import inspect
from introspect_learning.data.activations import DataError
from introspect_learning.data.bag import activations_of
from introspect_learning.models import ContractError, shipped
from introspect_learning.models.contract import WEIGHTS, Contract

CONTRACT = Contract.read(shipped() / "behaviours", "behaviours")
CONTRACT = replace(CONTRACT, sha256=dict(CONTRACT.sha256) | {WEIGHTS: MODEL})


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of two episodes, with pictures."""
    return record(tmp_path_factory.mktemp("sound") / "bag", images=True)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile_bags") / "bag"


def lay(scratch: Path, data: bytes, metadata: bytes | None = None) -> Path:
    """A bag with one file; without metadata.yaml where none is given."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    (scratch / "bag_0.mcap").write_bytes(data)
    if metadata is not None:
        (scratch / FILE).write_bytes(metadata)
    return scratch


def opened(bag: Path) -> BagReader:
    """The bag, or its file where nothing stands beside it."""
    return BagReader(bag if (bag / FILE).exists() else bag / "bag_0.mcap")


def read(bag: Path) -> int:
    reader = opened(bag)
    assert reader.topics is not None
    return sum(item.message is not None for item in reader.messages())


def export(bag: Path) -> int:
    pytest.importorskip("PIL", reason="exports are an extra")
    reader = opened(bag)
    recording = read_recording(reader, ARM)
    spool_images(reader, recording)
    return recording.frames


def learn_from(bag: Path) -> int:
    return len(activations_of(opened(bag).path, ("features",), CONTRACT))


LEARNING = (BagError, DataError, ContractError)


def try_everything(bag: Path) -> None:
    """Whatever can be done with a bag gives something, or an error that names it."""
    read_or_refuse(lambda: inspect(bag), BagError, bag.name)
    try_to_use(bag)
    mend(bag)


def try_to_use(bag: Path) -> None:
    read_or_refuse(lambda: read(bag), BagError, bag.name)
    read_or_refuse(lambda: export(bag), BagError, bag.name)
    read_or_refuse(lambda: learn_from(bag), LEARNING, bag.name)


def mend(bag: Path) -> None:
    """A repair ends in a bag that can be read, and a second one changes nothing."""
    found = read_or_refuse(lambda: repair(bag), BagError, bag.name)
    if found is None:
        return
    with bounded():
        report = inspect(bag)
        assert report.closed, report.findings
        assert report.messages == found.messages
        assert not repair(bag).changed


def test_what_was_not_changed_can_be_used(sound: Path) -> None:
    assert read(sound) > 50
    assert export(sound) == 12
    assert learn_from(sound) == 12
    assert inspect(sound).findings == []


@fuzz
@given(seed=SEEDS)
def test_a_file_with_other_bytes(sound: Path, scratch: Path, seed: int) -> None:
    data = mutated(mcap(sound).read_bytes(), seed)
    try_everything(lay(scratch, data, (sound / FILE).read_bytes()))


def unpacked(file: Path) -> bytes:
    """The same recording, of which no chunk is compressed or summed: anything can be changed."""
    data = MAGIC
    with McapScan(file) as scan:
        for item in scan.records():
            if item.opcode == DATA_END:
                break
            if item.opcode == CHUNK:
                head = unpack_chunk(item.data)
                content = bytes(decompress(head))
                data += pack_chunk(replace(head, compression="", crc=0, data=memoryview(content)))
            else:
                data += frame(item.opcode, item.data)
    return data


def closed(data: bytes) -> bytes:
    """Records with the end that a file has that was closed, but without a summary."""
    end = frame(DATA_END, struct.pack("<I", 0)) + frame(FOOTER, struct.pack("<QQI", 0, 0, 0))
    return data + end + MAGIC


@fuzz
@given(seed=SEEDS)
def test_records_and_messages_with_other_bytes(sound: Path, scratch: Path, seed: int) -> None:
    try_everything(lay(scratch, closed(mutated(unpacked(mcap(sound)), seed))))


@pytest.mark.parametrize("part", range(3))
def test_wherever_a_file_is_cut_it_can_be_mended(sound: Path, scratch: Path, part: int) -> None:
    data = mcap(sound).read_bytes()
    for end in range(part, len(data), 2003):
        mend(lay(scratch, data[:end]))


@fuzz
@given(data=st.data())
def test_metadata_with_other_values(sound: Path, scratch: Path, data: st.DataObject) -> None:
    document = data.draw(documents(yaml.safe_load((sound / FILE).read_bytes())))
    bag = lay(scratch, mcap(sound).read_bytes(), yaml.safe_dump(document).encode())
    read_or_refuse(lambda: read(bag), BagError, bag.name)
    read_or_refuse(lambda: inspect(bag), BagError, bag.name)
    mend(bag)


@fuzz
@given(seed=SEEDS)
def test_metadata_with_other_bytes(sound: Path, scratch: Path, seed: int) -> None:
    metadata = mutated((sound / FILE).read_bytes(), seed)
    bag = lay(scratch, mcap(sound).read_bytes(), metadata)
    read_or_refuse(lambda: read(bag), BagError, bag.name)
    mend(bag)


# --- types that are not what they are called ---


def with_types(scratch: Path, sound: Path, change: Callable[[str, str], str]) -> Path:
    """The same messages, of types of the same names with other definitions."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    file = McapFile(scratch / "bag_0.mcap")
    numbers = {}
    for topic, kind in TYPES.items():
        schema = file.add_schema(kind, change(topic, definition(kind).text))
        numbers[topic] = file.add_channel(topic, schema, {})
    for item in BagReader(sound).messages():
        file.add_message(numbers[item.topic], item.log_time, item.publish_time, item.data)
    file.flush()
    file.finish("")
    file.close()
    return scratch


WORDS = ("string", "float64", "uint8", "int64[]", "float32[4]", "string[]", "bool", "wstring")


@fuzz
@given(seed=st.randoms(use_true_random=False))
def test_types_with_other_fields(sound: Path, scratch: Path, seed: Any) -> None:
    def change(_: str, whole: str) -> str:
        lines = whole.splitlines()
        for _ in range(seed.randrange(1, 4)):
            at = seed.randrange(len(lines))
            words = lines[at].split()
            if not words or words[0].startswith(("#", "=", "MSG:")):
                continue
            kind = seed.randrange(3)
            if kind == 0:
                words[0] = seed.choice(WORDS)
            elif kind == 1 and len(words) > 1:
                words[1] = "renamed"
            else:
                words = []
            lines[at] = " ".join(words)
        return "\n".join(lines) + "\n"

    try_to_use(with_types(scratch, sound, change))


def test_types_that_were_not_changed_are_used(sound: Path, scratch: Path) -> None:
    bag = with_types(scratch, sound, lambda _, whole: whole)
    assert (export(bag), learn_from(bag)) == (12, 12)


@pytest.mark.parametrize(
    "line", ["string sec\nuint32 nanosec", "int32[] sec\nuint32 nanosec", "int32 sec"]
)
def test_a_stamp_of_another_kind_is_refused_and_multiplied_by_nothing(
    sound: Path, scratch: Path, line: str
) -> None:
    """A text times a thousand million would be gigabytes."""

    def change(_: str, whole: str) -> str:
        head, _, _ = whole.partition("MSG: builtin_interfaces/Time\n")
        return f"{head}MSG: builtin_interfaces/Time\n{line}\n"

    texts = {topic: definition(kind).text for topic, kind in TYPES.items()}
    order = {topic: change(topic, text) for topic, text in texts.items()}
    bag = with_types(scratch, sound, lambda topic, _: order[topic])
    with bounded(memory=256 << 20), pytest.raises(BagError):
        export(bag)


def hostile(scratch: Path, kind: str, whole: str, *messages: bytes) -> Path:
    """A closed bag with one type, and messages of it."""
    records = MAGIC + frame(HEADER, text("ros2") + text(""))
    records += pack_schema(Schema(1, kind, "ros2msg", whole.encode()))
    records += pack_channel(Channel(1, 1, "/topic", "cdr", {}))
    for number, message in enumerate(messages):
        records += frame(MESSAGE, struct.pack("<HIQQ", 1, number, number, number) + message)
    return lay(scratch, closed(records))


CDR = b"\0\1\0\0"
SEPARATOR = "=" * 80


def nested(levels: int, leaf: str) -> str:
    """Two of a type, of which each is two of another, and so on."""
    whole = "x/T1 a\nx/T1 b\n"
    for level in range(1, levels):
        whole += f"{SEPARATOR}\nMSG: x/T{level}\nx/T{level + 1} a\nx/T{level + 1} b\n"
    return whole + f"{SEPARATOR}\nMSG: x/T{levels}\n{leaf}\n"


MANY_PARTS = struct.pack("<I", 900) + b"\0" * 4000


@pytest.mark.parametrize(
    ("whole", "message", "reason"),
    [
        (nested(40, ""), b"\0" * 1000, "parts; allowed: 2000000"),
        (nested(40, "uint8 a"), b"\0" * 1000, "parts; allowed: 2000000"),
        (f"x/T0[] all\n{SEPARATOR}\nMSG: x/T0\n{nested(18, '')}", MANY_PARTS, "2000000 elements"),
        ("uint8[] a", struct.pack("<I", 2**32 - 1), "more than there are bytes"),
        ("string a", struct.pack("<I", 2**32 - 1), "where 0 are left"),
        ("string[] a", struct.pack("<I", 2**32 - 1), "more than there are bytes"),
        ("float64[4294967295] a", b"", "more than there are bytes"),
        ("x/T a", b"", "is missing"),
        (f"x/T a\n{SEPARATOR}\nMSG: x/T\nx/T a\n", b"", "is made of itself"),
        ("string a", struct.pack("<I", 3) + b"\xff\xfe\0", "utf-8"),
        ("float64 a", b"", "requires a buffer"),
        ("a" * 300_000, b"", "is not a field"),
        ("uint8 a\n" * 2, b"\0\0", "a field comes twice"),
    ],
)
def test_a_message_that_would_be_endless_is_a_finding(
    scratch: Path, whole: str, message: bytes, reason: str
) -> None:
    bag = hostile(scratch, "x/msg/T", whole, CDR + message)
    with bounded(memory=256 << 20):
        report = inspect(bag)
    assert any(part in " ".join(report.findings) for part in reason.split("|")), report.findings
    assert all(len(finding) < 1000 for finding in report.findings)
    mend(bag)


@fuzz
@given(body=st.text(alphabet="abTx/ \n[]<=#019_=MSG:" + SEPARATOR[0], max_size=300))
def test_any_text_is_a_definition_or_is_refused(body: str) -> None:
    found = read_or_refuse(lambda: parse_definition("x/msg/T", body), BagError, "x/msg/T")
    if found is not None:
        assert parse_definition("x/msg/T", found.text).fields == found.fields
        assert found.hash.startswith("RIHS01_")


# --- sizes that are not what they are said to be ---


def chunk(size: int, compression: str, content: bytes) -> bytes:
    return pack_chunk(ChunkHead(0, 0, size, 0, compression, memoryview(content)))


def zeros(size: int, compression: str) -> bytes:
    if compression == "zstd":
        return zstandard.ZstdCompressor(level=3).compress(bytes(size))
    return lz4.frame.compress(bytes(size))


BOMBS = {
    "a claim of 100 GB in zstd": chunk(100 << 30, "zstd", zeros(1 << 20, "zstd")),
    "a claim of 100 GB in lz4": chunk(100 << 30, "lz4", zeros(1 << 20, "lz4")),
    "a claim of 2^64 bytes": chunk(2**64 - 1, "", b""),
    "more in it than it claims": chunk(1000, "zstd", zeros(64 << 20, "zstd")),
    "more in it than it claims, lz4": chunk(1000, "lz4", zeros(64 << 20, "lz4")),
    "a frame that claims more": chunk(
        10, "zstd", b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 8 + b"\0" * 8
    ),
    "a compression of its own": chunk(10, "x" * 10_000, b""),
    "a record of 2^63 bytes": FRAME.pack(CHUNK, 2**63),
    "a record in a chunk, larger than it": chunk(9, "", FRAME.pack(MESSAGE, 2**40)),
    "a text of 4 GB": frame(SCHEMA, struct.pack("<HI", 1, 2**32 - 1)),
    "a table of 4 GB": frame(
        CHANNEL, struct.pack("<HH", 1, 1) + text("/a") + text("cdr") + b"\xff" * 4
    ),
    "a chunk of 4 GB": frame(CHUNK, struct.pack("<QQQI", 0, 0, 9, 0) + text("") + b"\xff" * 8),
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_memory_is_taken_for_what_is_only_claimed(sound: Path, scratch: Path, name: str) -> None:
    whole = unpacked(mcap(sound))
    bag = lay(scratch, closed(whole + BOMBS[name]))
    with bounded(memory=256 << 20):
        report = inspect(bag)
        assert report.findings
        assert all(len(finding) < 1000 for finding in report.findings)
        with pytest.raises(BagError):
            read(bag)
    mend(bag)
    assert read(bag) == report.messages


def test_many_topics_and_many_messages_take_no_longer_together_than_one_by_one(
    scratch: Path,
) -> None:
    count = 4000
    records = MAGIC + frame(HEADER, text("") + text(""))
    records += pack_schema(Schema(1, "x/msg/T", "ros2msg", b"uint8 a\n"))
    channels = (pack_channel(Channel(n, 1, f"/t{n}", "cdr", {})) for n in range(1, count))
    messages = (
        frame(MESSAGE, struct.pack("<HIQQ", n, 0, 0, 0) + CDR + b"\0") for n in range(1, count)
    )
    bag = lay(scratch, closed(records + b"".join(channels) + b"".join(messages)))
    with bounded(seconds=3.0):
        assert inspect(bag).messages == count - 1


# --- files that are none ---


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.mcap"
    file.write_bytes(MAGIC + b"not for everybody")
    return file


@pytest.mark.parametrize("name", ["../secret.mcap", "/etc/passwd", "sub/x.mcap", "", ".", "a\0b"])
def test_metadata_names_no_file_outside_of_the_bag(
    sound: Path, tmp_path: Path, secret: Path, name: str
) -> None:
    document = yaml.safe_load((sound / FILE).read_bytes())
    document["rosbag2_bagfile_information"]["relative_file_paths"] = [name]
    bag = lay(tmp_path / "bag", mcap(sound).read_bytes(), yaml.safe_dump(document).encode())
    with pytest.raises(BagError, match="bag"):
        BagReader(bag)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_refused_and_not_waited_for(scratch: Path, kind: str) -> None:
    bag = lay(scratch, b"")
    file = bag / "bag_0.mcap"
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero")
    with bounded():
        assert "cannot be read" in " ".join(inspect(bag).findings)
        with pytest.raises(BagError, match=r"bag_0\.mcap cannot be read"):
            repair(bag)


def test_a_repair_writes_through_no_link(sound: Path, tmp_path: Path, secret: Path) -> None:
    bag = lay(tmp_path / "bag", mcap(sound).read_bytes()[:-30])
    before = secret.read_bytes()
    (bag / "bag_0.mcap.repair").symlink_to(secret)
    (bag / FILE).symlink_to(tmp_path / "elsewhere.yaml")
    mend(bag)
    assert secret.read_bytes() == before
    assert not (tmp_path / "elsewhere.yaml").exists()
    assert not (bag / FILE).is_symlink()


@pytest.mark.parametrize("name", ["/a\x1b[2J", "/a\nb", "/" + "a" * 5000])
def test_a_name_that_a_terminal_would_obey_is_refused(scratch: Path, name: str) -> None:
    records = MAGIC + frame(HEADER, text("") + text(""))
    records += pack_schema(Schema(1, "x/msg/T", "ros2msg", b"uint8 a\n"))
    bag = lay(scratch, closed(records + pack_channel(Channel(1, 1, name, "cdr", {}))))
    with pytest.raises(BagError, match="is no name of a topic or type") as error:
        read(bag)
    assert str(error.value).isprintable()
    assert all(finding.isprintable() for finding in inspect(bag).findings)
