"""Definitions of types: what ROS says of them, and what a hostile bag could say."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_typestore
from sample_bags import ACTIVATIONS, definition, share, store

from introspect_control.capture import BagError
from introspect_control.capture.cdr import Decoder
from introspect_control.capture.definition import load_definition, parse_definition

INSTALLED = [
    name
    for name in sorted(get_typestore(Stores.ROS2_KILTED).fielddefs)
    if (share(name.split("/")[0]) / "msg" / f"{name.split('/')[-1]}.msg").exists()
]


def test_there_are_types_to_compare() -> None:
    assert len(INSTALLED) > 100


def test_hashes_are_those_of_another_implementation() -> None:
    wrong = [n for n in INSTALLED if definition(n).hash != store().hash_rihs01(n)]
    assert not wrong
    assert definition(ACTIVATIONS).hash == store().hash_rihs01(ACTIVATIONS)


def test_a_definition_comes_back_from_its_complete_text() -> None:
    for name in INSTALLED:
        parsed = parse_definition(name, definition(name).text)
        assert parsed.fields == definition(name).fields
        assert parsed.hash == definition(name).hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uint8[", "'uint8[' is not a field"),
        ("uint8[0] a", "'uint8[0] a' is an array of nothing"),
        ("uint8 a\nuint8 a", "a field comes twice"),
        ("other_msgs/Thing a", "the text of other_msgs/msg/Thing is missing"),
        ("uint8 a\n" + "=" * 80 + "\nIDL: a/B\n", "'IDL: a/B' where 'MSG: <type>' should be"),
        ("uint8 __class__", "'uint8 __class__' is not a field"),
        ("uint8 a" + " " * (1 << 20), "1048583 characters; allowed: 1048576"),
    ],
)
def test_a_text_that_is_no_definition_is_refused(text: str, message: str) -> None:
    with pytest.raises(BagError) as error:
        parse_definition("test_msgs/msg/Test", text)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["Test", "a/b/c/d", "a/msg/../../etc", "a/msg/B\nC"])
def test_what_is_no_name_of_a_type_is_refused(name: str) -> None:
    with pytest.raises(BagError, match="is not the name of a message type"):
        parse_definition(name, "uint8 a")


def test_a_type_that_is_not_installed_is_named() -> None:
    with pytest.raises(BagError, match="type std_msgs/msg/Nothing is not installed"):
        load_definition("std_msgs/msg/Nothing", share)


def test_a_type_without_end_is_refused() -> None:
    text = "test_msgs/Test again\n"
    with pytest.raises(BagError, match="is made of itself"):
        Decoder(parse_definition("test_msgs/msg/Test", text))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="uint8 string[]<=0123456789#=/\nMSG:ab\"'\\", max_size=200))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(BagError):
        Decoder(parse_definition("test_msgs/msg/Test", text))
