"""A bag of many files is read in the order in which they were recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_bags import ACTIVATIONS, activations, definition

from introspect_control.capture import BagReader
from introspect_control.capture.mcap_file import McapFile
from introspect_control.capture.repair import repair
from introspect_control.capture.verify import inspect

FILES = 12
MESSAGES = [activations(number) for number in range(FILES)]


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Of files with one message each, without the metadata.yaml that tells their order."""
    for number, message in enumerate(MESSAGES):
        file = McapFile(tmp_path / f"bag_{number}.mcap")
        channel = file.add_channel(
            "/activations", file.add_schema(ACTIVATIONS, definition(ACTIVATIONS).text), {}
        )
        file.add_message(channel, number + 1, number + 1, message)
        file.flush()
        file.finish("")
        file.close()
    return tmp_path


def test_without_metadata_numbers_tell_the_order_and_not_the_alphabet(bag: Path) -> None:
    assert inspect(bag).findings == [
        f"{bag}/metadata.yaml is missing; introspect bag repair {bag} writes it"
    ]


def test_a_repair_writes_the_files_in_their_order(bag: Path) -> None:
    assert repair(bag).messages == FILES
    assert [message.data for message in BagReader(bag).messages()] == MESSAGES
    assert inspect(bag).findings == []
