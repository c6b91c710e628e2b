"""A bag that is still being recorded is left alone, and nobody is told to mend it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sample_bags import ACTIVATIONS, activations, definition, mcap

from introspect_control.capture import BagError, BagReader, BagWriter
from introspect_control.capture.repair import repair
from introspect_control.capture.verify import inspect

MESSAGES = [activations(number) for number in range(20)]
RECORDER = """
import sys, time
from pathlib import Path
from introspect_control.capture import BagWriter
from introspect_control.capture.definition import parse_definition
writer = BagWriter(Path(sys.argv[1]))
topic = writer.add_topic('/number', parse_definition('test_msgs/msg/Number', 'uint8 value'))
for value in range(5):
    writer.write(topic, value + 1, bytes([0, 1, 0, 0, value]))
while True:
    time.sleep(1.0)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[BagWriter]:
    """Of a bag with half of the messages in its file."""
    with BagWriter(tmp_path / "bag") as writer:
        topic = writer.add_topic("/activations", definition(ACTIVATIONS))
        write(writer, topic, MESSAGES[:10])
        wait_until_in_the_file(writer.folder, 10)
        yield writer


def write(writer: BagWriter, topic: int, messages: list[bytes]) -> None:
    for message in messages:
        assert writer.write(topic, 1, message)


def wait_until_in_the_file(bag: Path, count: int) -> None:
    deadline = time.monotonic() + 60.0
    while not (bag / "metadata.yaml").exists() or inspect(bag).messages < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def said(bag: Path) -> str:
    return f"{mcap(bag)} is being recorded: stop the recording first"


def test_a_repair_is_refused_and_the_recording_goes_on_whole(writer: BagWriter) -> None:
    bag = writer.folder
    (bag / "left.repair").touch()
    before = {path: path.read_bytes() for path in bag.iterdir()}
    with pytest.raises(BagError) as error:
        repair(bag)
    assert str(error.value) == said(bag)
    assert {path: path.read_bytes() for path in bag.iterdir()} == before

    write(writer, 1, MESSAGES[10:])
    assert writer.close().messages == 20
    assert [message.data for message in BagReader(bag).messages()] == MESSAGES
    assert not repair(bag).changed


def test_who_reads_or_verifies_it_is_told_to_stop_the_recording(writer: BagWriter) -> None:
    bag = writer.folder
    for path in (bag, mcap(bag)):
        with pytest.raises(BagError) as error:
            BagReader(path)
        assert str(error.value) == said(bag)
    report = inspect(bag)
    assert said(bag) in report.findings
    assert report.messages == 10
    assert not report.closed
    assert not any("repair" in finding for finding in report.findings)
    writer.close()
    assert inspect(bag).findings == []


def test_a_recording_that_was_killed_can_be_repaired_at_once(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    recorder = subprocess.Popen([sys.executable, "-c", RECORDER, str(bag)])
    try:
        wait_until_in_the_file(bag, 5)
        with pytest.raises(BagError, match="is being recorded"):
            repair(bag)
    finally:
        recorder.kill()
        recorder.wait()
    with pytest.raises(BagError, match=r"was not closed; introspect bag repair .* mends it"):
        BagReader(bag)
    assert repair(bag).messages == 5
    assert inspect(bag).findings == []
