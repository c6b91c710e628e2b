"""Printed tags are true to scale, and a camera finds them on the page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from introspect_control.perception import PerceptionError, TagFamily
from introspect_control.perception.tag_sheet import tag_sheet

cv2 = pytest.importorskip("cv2")

SVG = "{http://www.w3.org/2000/svg}"
FAMILY = TagFamily()


def drawn(text: str, dots: int) -> np.ndarray:
    """The page as a printer with so many dots a millimetre would print its black squares."""
    page = np.full((297 * dots, 210 * dots), 255, np.uint8)
    for path in ElementTree.fromstring(text).iter(f"{SVG}path"):
        transform = path.get("transform")
        if transform is None:
            continue  # the ruler
        x, y, scale = map(float, re.findall(r"[\d.]+", transform))
        for column, row in re.findall(r"M(\d+) (\d+)h1v1h-1z", path.get("d", "")):
            left, top = x + scale * int(column), y + scale * int(row)
            box = np.round(dots * np.array([left, top, left + scale, top + scale])).astype(int)
            page[box[1] : box[3], box[0] : box[2]] = 0
    return page


def test_every_tag_is_found_on_the_page_and_has_the_size_asked_for() -> None:
    dots, size = 5, 0.032
    page = drawn(tag_sheet(FAMILY, [0, 1, 2, 3, 4, 5, 586], size), dots)

    corners, ids, _ = cv2.aruco.ArucoDetector(FAMILY.dictionary).detectMarkers(page)

    assert sorted(np.ravel(ids)) == [0, 1, 2, 3, 4, 5, 586]
    for quad in corners:
        edges = np.linalg.norm(quad[0] - np.roll(quad[0], 1, axis=0), axis=1)
        np.testing.assert_allclose(edges, 1000.0 * size * dots, atol=2.0)  # dots


def test_the_page_has_its_size_in_millimetres_and_a_ruler_to_check_the_print_by() -> None:
    root = ElementTree.fromstring(tag_sheet(FAMILY, [0], 0.1))

    assert (root.get("width"), root.get("height")) == ("210mm", "297mm")
    assert root.get("viewBox") == "0 0 210 297"
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert any(text.startswith("100 mm: measure it") for text in texts)
    assert "apriltag_36h11 0, 100 mm" in texts


@pytest.mark.parametrize(
    ("tags", "size", "message"),
    [
        ([], 0.03, "no tag is asked for; give at least one id"),
        ([587], 0.03, "there is no tag 587"),
        ([-1], 0.03, "there is no tag -1"),
        ([0], 0.0, "size must be 0.002 to 1 m, got 0 m"),
        ([0], 0.2, "has room for 0: print smaller ones"),
        (range(9), 0.08, r"9 tags of 80 mm are asked for; a page .* has room for 2: print smaller"),
    ],
)
def test_what_does_not_fit_or_exist_is_refused(tags: list, size: float, message: str) -> None:
    with pytest.raises(PerceptionError, match=message):
        tag_sheet(FAMILY, list(tags), size)
