"""A camera's model undoes its own distortion, and refuses to be none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from introspect_control.perception import CameraModel, PerceptionError

K = np.array([[600.0, 0.0, 320.0], [0.0, 605.0, 240.0], [0.0, 0.0, 1.0]])
small = st.floats(-0.1, 0.1)


@given(st.tuples(small, small, st.floats(-0.003, 0.003), st.floats(-0.003, 0.003), small))
@settings(max_examples=40, deadline=None)
def test_undistorting_undoes_distorting_all_over_the_picture(D: tuple[float, ...]) -> None:
    camera = CameraModel(640, 480, K, np.array(D))
    u, v = np.meshgrid(np.linspace(0, 639, 20), np.linspace(0, 479, 15))
    pixels = np.stack([u.ravel(), v.ravel()], axis=1)

    assert np.abs(camera.distort(camera.undistort(pixels)) - pixels).max() < 0.05


@pytest.mark.parametrize(
    ("model", "D"),
    [
        ("", []),
        ("plumb_bob", [0.1, -0.2, 0.001, -0.002]),
        ("plumb_bob", [0.1, -0.2, 0.001, -0.002, 0.05]),
        ("rational_polynomial", [0.4, 0.1, 0.001, -0.002, 0.01, 0.3, 0.05, 0.002]),
    ],
)
def test_places_are_seen_where_opencv_sees_them(model: str, D: list[float]) -> None:
    cv2 = pytest.importorskip("cv2")
    camera = CameraModel(640, 480, K, np.array(D), model)
    points = np.random.default_rng(0).uniform([-0.3, -0.2, 0.6], [0.3, 0.2, 1.5], (50, 3))

    theirs, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), K, np.array(D))

    np.testing.assert_allclose(camera.project(points), theirs[:, 0], atol=1e-6)


def test_a_rectified_camera_is_described_by_its_projection_matrix() -> None:
    P = [500.0, 0.0, 310.0, 0.0, 0.0, 500.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    D = [0.1, 0.1, 0.0, 0.0, 0.0]
    camera = CameraModel.from_arrays((640, 480), K.ravel().tolist(), D, "plumb_bob", P, True)

    assert camera.K[0, 0] == 500.0
    assert not camera.distortion.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width must be 1 to 20000 px, got 0"),
        ({"height": 480.0}, "height must be 1 to 20000 px, got 480.0"),
        ({"K": np.zeros((3, 3))}, "positive focal lengths, got 0 and 0 px; a camera that is not"),
        ({"K": K + np.eye(3, k=1)}, r"K must be \[\[fx, 0, cx\]"),
        ({"K": K * np.nan}, r"K must be \(3, 3\) and finite"),
        ({"width": 200}, r"K has the middle at \(320, 240\), outside the picture of 200 × 480 px"),
        ({"model": "equidistant"}, "'equidistant' is not supported; supported are plumb_bob, rat"),
        ({"distortion": np.ones(3)}, "'plumb_bob' has 0 or 4 or 5 coefficients, got 3"),
        ({"distortion": np.array([-9.0, 0, 0, 0])}, r"cannot be undone at pixel \(\d+, \d+\)"),
    ],
)
def test_what_is_no_camera_is_refused_with_its_value(change: dict, message: str) -> None:
    good = {"width": 640, "height": 480, "K": K, "distortion": np.zeros(5)}

    with pytest.raises(PerceptionError, match=message):
        CameraModel(**(good | change))


def test_arrays_of_another_length_are_refused() -> None:
    with pytest.raises(PerceptionError, match="K must have 9 numbers, got 8"):
        CameraModel.from_arrays((640, 480), [1.0] * 8, [], "plumb_bob")
    with pytest.raises(PerceptionError, match="P must have 12 numbers, got 0"):
        CameraModel.from_arrays((640, 480), [1.0] * 9, [], "plumb_bob", rectified=True)
