"""Pictures of the usual encodings become grey; others are refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from introspect_control.perception import PerceptionError
from introspect_control.perception.greyscale import ENCODINGS, to_grey

pytest.importorskip("cv2")

RED, GREEN, BLUE = 76, 150, 29  # how bright they are, of 255


@pytest.mark.parametrize(
    ("encoding", "pixel", "brightness"),
    [
        ("mono8", [90], 90),
        ("rgb8", [255, 0, 0], RED),
        ("bgr8", [255, 0, 0], BLUE),
        ("rgba8", [0, 255, 0, 7], GREEN),
        ("bgra8", [0, 0, 255, 7], RED),
    ],
)
def test_each_encoding_is_read_in_its_own_order(
    encoding: str, pixel: list[int], brightness: int
) -> None:
    width, height, padding = 5, 3, 4
    row = np.array(pixel * width + [1] * padding, np.uint8)
    data = np.tile(row, height).tobytes()

    grey = to_grey(data, width, height, len(row), encoding)

    assert grey.shape == (height, width)
    assert grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - brightness).max() <= 1


@pytest.mark.parametrize("encoding", ["yuv422", "16UC1", "bayer_rggb8", ""])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    with pytest.raises(PerceptionError) as refusal:
        to_grey(b"", 1, 1, 1, encoding)

    assert str(refusal.value) == (
        f"image encoding {encoding!r} is not supported; "
        "supported are mono8, rgb8, bgr8, rgba8, bgra8"
    )


sizes = st.integers(0, 9)


@given(st.binary(max_size=200), sizes, sizes, st.integers(0, 40), st.sampled_from([*ENCODINGS]))
@settings(max_examples=100, deadline=None)
def test_data_of_another_size_than_told_is_refused(
    data: bytes, width: int, height: int, step: int, encoding: str
) -> None:
    try:
        grey = to_grey(data, width, height, step, encoding)
    except PerceptionError:
        return
    assert grey.shape == (height, width)
    assert len(data) == step * height
