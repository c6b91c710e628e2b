"""What is handed to the writer is in a bag that everybody can read, or is said to be lost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest
import yaml
from mcap.reader import make_reader
from mcap_ros2.reader import read_ros2_messages
from rosbags.highlevel import AnyReader
from sample_bags import ACTIVATIONS, activations, definition, mcap, store, write_bag

from benchmarks.capture_kill import LOST_AT_MOST, kill_once
from introspect_control.capture import BagError, BagReader, BagWriter
from introspect_control.capture.mcap_file import McapFile
from introspect_control.capture.offered_qos import OfferedQos
from introspect_control.capture.repair import repair
from introspect_control.capture.verify import inspect

MESSAGES = [activations(number) for number in range(300)]


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    return write_bag(tmp_path / "bag", MESSAGES)


def test_it_is_read_back_bit_by_bit(bag: Path) -> None:
    read = list(BagReader(bag).messages())
    assert [message.data for message in read] == MESSAGES
    assert [message.message.sequence for message in read] == list(range(300))
    assert read[7].log_time == 8_000_000_000
    assert read[7].message.values.tolist() == [7.0 + unit for unit in range(8)]


def test_rosbags_reads_it(bag: Path) -> None:
    with AnyReader([bag]) as reader:
        [connection] = reader.connections
        read = [
            (time, reader.deserialize(raw, connection.msgtype))
            for connection, time, raw in reader.messages()
        ]
        assert connection.digest == store().hash_rihs01(ACTIVATIONS)
        assert connection.ext.offered_qos_profiles[0].reliability.name == "RELIABLE"
    assert [message.sequence for _, message in read] == list(range(300))
    assert [time for time, _ in read] == [(number + 1) * 1_000_000_000 for number in range(300)]


def test_the_reader_and_the_decoder_of_mcap_read_it_and_its_checksums_hold(bag: Path) -> None:
    with mcap(bag).open("rb") as file:
        assert [m.ros_msg.sequence for m in read_ros2_messages(file)] == list(range(300))
    with mcap(bag).open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        assert reader.get_header().profile == "ros2"
        summary = reader.get_summary()
        assert summary is not None
        assert summary.statistics is not None
        assert summary.statistics.message_count == 300
        [schema] = summary.schemas.values()
        assert (schema.name, schema.encoding) == (ACTIVATIONS, "ros2msg")
        [channel] = summary.channels.values()
        assert channel.metadata["topic_type_hash"] == definition(ACTIVATIONS).hash
        assert yaml.safe_load(channel.metadata["offered_qos_profiles"])[0]["depth"] == 10
        [metadata] = reader.iter_metadata()
        inner = yaml.safe_load(metadata.metadata["serialized_metadata"])
    outer = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert metadata.name == "rosbag2"
    assert inner == outer
    assert outer["version"] == 9
    assert outer["storage_identifier"] == "mcap"
    assert outer["message_count"] == 300


def test_times_in_between_are_found_by_the_index(bag: Path) -> None:
    with mcap(bag).open("rb") as file:
        times = make_reader(file).iter_messages(starting_at=10**10, ending_before=2 * 10**10)
        assert [m.log_time for _, _, m in times] == [n * 10**9 for n in range(10, 20)]


def test_a_folder_that_exists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BagError) as error:
        BagWriter(tmp_path)
    assert str(error.value) == f"{tmp_path} exists already; name a folder that does not"


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BagError, match=r"cannot record into .*/file/bag: Not a directory"):
        BagWriter(tmp_path / "file/bag")
    with pytest.raises(BagError, match="cannot record into /proc/bag: "):
        BagWriter(Path("/proc/bag"))


def test_a_read_only_disk_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(BagError, match=r"cannot record into .*: Read-only file system"):
        BagWriter(small_disk / "bag")


def test_a_queue_that_is_full_loses_what_comes_and_counts_it_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    flush = McapFile.flush

    def stall(self: McapFile) -> None:
        gate.wait()
        flush(self)

    monkeypatch.setattr(McapFile, "flush", stall)
    writer = BagWriter(tmp_path / "bag", queue_bytes=100_000)
    topic = writer.add_topic("/activations", definition(ACTIVATIONS))
    taken = [writer.write(topic, 1, bytes(2 << 20)) for _ in range(2)]
    assert taken == [False, False]  # more than ever fits
    while writer.write(topic, 1, MESSAGES[0]):
        pass
    before = writer.progress
    assert before.lost == 3
    gate.set()
    after = writer.close()
    assert (after.messages, after.lost, after.failure) == (before.messages, 3, "")
    assert len(list(BagReader(tmp_path / "bag").messages())) == after.messages


def test_a_full_disk_ends_the_recording_and_what_was_written_stays_readable(
    small_disk: Path,
) -> None:
    folder = small_disk / "bag"
    with BagWriter(folder) as writer:
        topic = writer.add_topic("/activations", definition(ACTIVATIONS), [OfferedQos()])
        tried = 0
        while not writer.progress.failure:
            tried += 1
            writer.write(topic, tried, MESSAGES[0][:-32] + os.urandom(32))
    progress = writer.progress
    assert progress.failure == (
        f"recording into {folder}/bag_0.mcap stopped: No space left on device; "
        "what was written until then stays readable"
    )
    assert not writer.write(topic, 0, MESSAGES[0])
    read = len(list(BagReader(folder).messages()))
    assert 0 < read == progress.messages
    assert writer.progress.lost == tried + 1 - read
    assert not list(folder.glob(".*"))


def test_a_limit_on_the_size_of_files_ends_it_as_well(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; import resource, signal\n"
        "from introspect_control.capture import BagWriter\n"
        "from introspect_control.capture.definition import parse_definition\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "definition = parse_definition('test_msgs/msg/Test', 'uint8[1000] noise')\n"
        "with BagWriter(Path(sys.argv[1])) as writer:\n"
        "    topic = writer.add_topic('/noise', definition)\n"
        "    while not writer.progress.failure:\n"
        "        writer.write(topic, 1, b'\\0\\1\\0\\0' + os.urandom(1000))\n"
        "print(writer.progress.failure)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "bag")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "stopped: File too large; " in done.stdout
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    repair(tmp_path / "bag")
    assert inspect(tmp_path / "bag").findings == []


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.0, 0.3, 0.61, 0.97])
def test_a_kill_loses_less_than_a_second(tmp_path: Path, after: float) -> None:
    kill = kill_once(tmp_path, after)  # which also repairs, verifies and reads
    assert kill.seconds_lost <= LOST_AT_MOST


def test_what_a_chunk_leaves_in_memory_is_small(tmp_path: Path) -> None:
    """A recording with images has ten a second, for hours."""
    file = McapFile(tmp_path / "a.mcap")
    schema = file.add_schema("std_msgs/msg/Empty", "")
    channels = [file.add_channel(f"/topic_{k}", schema, {}) for k in range(20)]

    def write(chunks: int) -> None:
        for _ in range(chunks):
            for channel in channels:
                file.add_message(channel, time.time_ns(), 0, b"\0\1\0\0\0")
            file.flush()

    write(50)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    write(500)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    file.close()

    assert after - before < 500 * 500  # bytes
