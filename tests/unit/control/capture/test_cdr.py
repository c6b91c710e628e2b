"""Messages are decoded as another implementation serialised them, and nothing else is."""

from __future__ import annotations

import contextlib
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_bags import ACTIVATIONS, activations, definition, header, serialised, store

from introspect_control.capture import BagError
from introspect_control.capture.cdr import Decoder
from introspect_control.capture.definition import parse_definition

JOINTS = "sensor_msgs/msg/JointState"


def joints() -> bytes:
    return serialised(
        JOINTS,
        header=header(1_500_000_000),
        name=["one", "Größe", ""],
        position=np.array([1.0, -2.0, 3.5]),
        velocity=np.array([]),
        effort=np.array([np.inf]),
    )


def decode(text: str, data: bytes) -> object:
    return Decoder(parse_definition("test_msgs/msg/Test", text))(b"\0\1\0\0" + data)


def test_fields_come_out_as_they_went_in() -> None:
    message = Decoder(definition(JOINTS))(joints())
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1, 500_000_000)
    assert message.header.frame_id == "panda_link0"
    assert message.name == ["one", "Größe", ""]
    np.testing.assert_array_equal(message.position, [1.0, -2.0, 3.5])
    assert message.velocity.shape == (0,)
    np.testing.assert_array_equal(message.effort, [np.inf])
    assert not message.position.flags.writeable


def test_both_byte_orders_are_read() -> None:
    message = store().deserialize_cdr(joints(), JOINTS)
    big = bytes(store().serialize_cdr(message, JOINTS, little_endian=False))
    assert big[1] == 0
    np.testing.assert_array_equal(Decoder(definition(JOINTS))(big).position, [1.0, -2.0, 3.5])


def test_fixed_arrays_nested_types_and_alignment() -> None:
    name = "sensor_msgs/msg/CameraInfo"
    types = store().types
    region = types["sensor_msgs/msg/RegionOfInterest"](1, 2, 3, 4, True)
    info = types[name](
        header=header(),
        height=64,
        width=65,
        distortion_model="plumb_bob",
        d=np.arange(5.0),
        k=np.arange(9.0),
        r=np.arange(9.0) + 1,
        p=np.arange(12.0),
        binning_x=7,
        binning_y=8,
        roi=region,
    )
    message = Decoder(definition(name))(bytes(store().serialize_cdr(info, name)))
    np.testing.assert_array_equal(message.r, np.arange(9.0) + 1)
    assert (message.width, message.binning_y, message.roi.width) == (65, 8, 4)
    assert message.roi.do_rectify is True


@pytest.mark.parametrize(
    ("text", "data", "message"),
    [
        ("uint8[] a", b"\xff\xff\xff\xff", "a has 4294967295 elements, more than there are"),
        ("string[] a", b"\xff\xff\xff\xff", "a has 4294967295 elements, more than there are"),
        ("float64[4000000000] a", b"\0" * 16, "a has 4000000000 elements, more than there are"),
        ("string[] a", struct.pack("<I", 3_000_000) + bytes(3_000_000), "more than 2000000 elem"),
        ("string a", b"\xff\xff\xff\x7f", "a text of 2147483647 bytes, where 0 are left"),
        ("string a", b"\2\0\0\0\xff\0", "can't decode byte 0xff"),
        ("uint32 a", b"\0", "a message of 5 bytes"),
        ("uint8 a", b"\0" * 9, "13 bytes, of which the fields take 5"),
    ],
)
def test_sizes_that_cannot_be_are_refused_at_once(text: str, data: bytes, message: str) -> None:
    began = time.monotonic()
    with pytest.raises(BagError) as error:
        decode(text, data)
    assert message in str(error.value)
    assert time.monotonic() - began < 0.5


def test_what_is_not_cdr_is_refused() -> None:
    with pytest.raises(BagError, match="not CDR, it begins with '00070000'"):
        Decoder(definition(JOINTS))(b"\0\7\0\0")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_messages_are_decoded_or_refused(data: st.DataObject) -> None:
    raw = bytearray(activations(3))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    with contextlib.suppress(BagError):
        Decoder(definition(ACTIVATIONS))(bytes(raw[:cut]))
