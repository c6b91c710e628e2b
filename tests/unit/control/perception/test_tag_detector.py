"""Tags are found where they are, to a fraction of a pixel, and nowhere else."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from introspect_control.perception import (
    CameraModel,
    DetectorConfig,
    PerceptionError,
    Pose,
    TagDetector,
    TagFamily,
    TaggedObject,
    TagPlace,
)
from introspect_control.perception.opencv import load_opencv
from introspect_control.perception.pictures import PictureConfig, TagPainter
from introspect_control.perception.pose import rotation_matrix
from introspect_control.perception.tagged_object import tag_corners

cv2 = pytest.importorskip("cv2")

SIZE = 0.06  # [m]
CAMERA = CameraModel.pinhole(640, 480, 0.8)
LENS = CameraModel(640, 480, CAMERA.K, np.array([-0.25, 0.08, 0.001, -0.001, 0.0]))
TAG = TaggedObject("tag", (TagPlace(3, SIZE, Pose.identity()),))
FAMILY = TagFamily()


def placed(rng: np.random.Generator, tilt: float, distance: float) -> Pose:
    """A tag in view, tipped by an angle [rad] from facing the camera."""
    x, y = rng.uniform(-0.15, 0.15, 2)
    facing = Pose.from_xyz_rpy((x, y, distance), (np.pi, 0.0, rng.uniform(-np.pi, np.pi)))
    ray = facing.translation / distance
    angle = rng.uniform(0.0, 2.0 * np.pi)
    tip = rotation_matrix(tilt * np.array([np.cos(angle), np.sin(angle), 0.0]))
    face = rotation_matrix(np.cross([0.0, 0.0, 1.0], ray))  # about, for small angles
    return Pose(face @ facing.rotation @ tip, facing.translation)


def picture(
    camera: CameraModel, T_camera_tag: Pose, rng: np.random.Generator, **config: float
) -> np.ndarray:
    painter = TagPainter(camera, FAMILY, PictureConfig(**config))
    return painter.paint([(TAG, T_camera_tag)], rng)


@pytest.mark.parametrize("camera", [CAMERA, LENS], ids=["pinhole", "distorted"])
def test_corners_are_found_to_a_tenth_of_a_pixel(camera: CameraModel) -> None:
    detector = TagDetector(FAMILY, {3: SIZE}, camera)
    rng = np.random.default_rng(0)
    missed = []
    for _ in range(8):
        T = placed(rng, rng.uniform(0.0, 1.0), rng.uniform(0.5, 1.0))

        [sighting] = detector.detect(picture(camera, T, rng))

        expected = camera.undistort(camera.project(T.apply(tag_corners(SIZE))))
        missed.append(np.abs(sighting.corners.pixels - expected).max())
        assert sighting.id == 3
        assert sighting.correlation > 0.95
    assert np.median(missed) < 0.06
    assert max(missed) < 0.12


def test_oblique_tags_are_never_taken_for_their_mirror_image() -> None:
    detector = TagDetector(FAMILY, {3: SIZE}, CAMERA)
    rng = np.random.default_rng(1)
    for _ in range(10):
        T = placed(rng, np.radians(rng.uniform(20.0, 65.0)), rng.uniform(0.5, 1.0))

        [sighting] = detector.detect(picture(CAMERA, T, rng))

        assert not sighting.ambiguous
        assert sighting.pose.distance(T)[1] < np.radians(4.0)
        rival = sighting.fits[1]  # is told, too
        assert rival.error > sighting.error
        assert rival.pose.distance(T)[1] > np.radians(15.0)


def test_a_tag_far_away_that_faces_the_camera_is_said_to_be_ambiguous() -> None:
    small = TaggedObject("tag", (TagPlace(3, 0.03, Pose.identity()),))
    painter, rng = TagPainter(CAMERA, FAMILY), np.random.default_rng(2)
    detector = TagDetector(FAMILY, {3: 0.03}, CAMERA)
    sure_and_wrong, ambiguous = 0, 0
    for _ in range(10):
        T = placed(rng, np.radians(8.0), 1.0)
        for sighting in detector.detect(painter.paint([(small, T)], rng)):
            ambiguous += sighting.ambiguous
            sure_and_wrong += not sighting.ambiguous and sighting.pose.distance(T)[1] > 0.2
    assert ambiguous >= 3
    assert sure_and_wrong == 0


def test_the_standard_deviation_told_is_that_of_the_errors_made() -> None:
    detector = TagDetector(FAMILY, {3: SIZE}, CAMERA)
    rng = np.random.default_rng(3)
    ratios = []
    for _ in range(12):
        T = placed(rng, 0.7, rng.uniform(0.6, 1.0))
        [sighting] = detector.detect(picture(CAMERA, T, rng))
        ratios.append(sighting.pose.distance(T)[0] / sighting.fits[0].position_std)

    assert 0.2 < np.sqrt(np.mean(np.square(ratios))) < 1.5


@pytest.mark.parametrize("blur", [0.4, 1.2])
def test_the_blur_of_the_lens_need_not_be_known(blur: float) -> None:
    detector = TagDetector(FAMILY, {3: SIZE}, CAMERA)
    rng = np.random.default_rng(4)
    for _ in range(4):
        T = placed(rng, 0.7, 0.7)
        [sighting] = detector.detect(picture(CAMERA, T, rng, blur=blur, samples=8))
        assert sighting.pose.distance(T)[0] < 0.004


def noise(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.integers(0, 256, shape, dtype=np.uint8)


def checkers(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    edge = int(rng.integers(4, 24))
    cells = rng.integers(0, 2, (shape[0] // edge + 1, shape[1] // edge + 1))
    return (np.kron(cells, np.ones((edge, edge)))[: shape[0], : shape[1]] * 180 + 30).astype("u1")


def shapes(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    image = np.full(shape, rng.integers(40, 200), np.uint8)
    for _ in range(150):
        quad = rng.integers(0, shape[1], 2) + rng.normal(0.0, 30.0, (4, 2))
        cv2.fillConvexPoly(image, quad.astype(np.int32), int(rng.integers(0, 255)))
    return image


def strange_tags(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Squares with a black border, and random patterns of the family's own size and others."""
    image = np.full(shape, 128, np.uint8)
    for _ in range(40):
        inner, edge = int(rng.integers(4, 9)), int(rng.integers(3, 7))
        pattern = np.pad(np.pad(rng.integers(0, 2, (inner, inner)), 1), 1, constant_values=1)
        tag = (np.kron(pattern, np.ones((edge, edge))) * 200 + 25).astype(np.uint8)
        y, x = (int(rng.integers(0, size - len(tag))) for size in shape)
        image[y : y + len(tag), x : x + len(tag)] = tag
    return np.clip(image + rng.normal(0.0, 4.0, shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("make", [noise, checkers, shapes, strange_tags])
def test_nothing_is_found_where_there_is_no_tag(make) -> None:
    detector = TagDetector(FAMILY, dict.fromkeys(range(FAMILY.count), SIZE), CAMERA)
    rng = np.random.default_rng(5)
    for _ in range(3):
        assert detector.detect(make(rng, (480, 640))) == []


def test_tags_that_nobody_has_asked_for_are_left_alone() -> None:
    rng = np.random.default_rng(6)
    image = picture(CAMERA, placed(rng, 0.5, 0.7), rng)

    assert TagDetector(FAMILY, {4: SIZE}, CAMERA).detect(image) == []


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (DetectorConfig(min_side=100.0), None),
        (DetectorConfig(min_correlation=0.9999), "pattern differs"),
        (DetectorConfig(min_contrast=250.0), "too little contrast"),
        (DetectorConfig(max_error=0.0001), "not a square"),
        (DetectorConfig(max_distance=0.5), "too far away"),
    ],
)
def test_what_is_refused_is_counted_by_its_reason(
    config: DetectorConfig, reason: str | None
) -> None:
    rng = np.random.default_rng(7)
    detector = TagDetector(FAMILY, {3: SIZE}, CAMERA, config)

    assert detector.detect(picture(CAMERA, placed(rng, 0.5, 0.7), rng)) == []

    assert detector.refused == ({reason: 1} if reason else {})


@pytest.mark.parametrize("name", ["aruco_4x4_50", "aruco_5x5_250", "apriltag_25h9"])
def test_other_families_are_found_just_as_well(name: str) -> None:
    family, rng = TagFamily(name), np.random.default_rng(8)
    detector = TagDetector(family, {3: SIZE}, CAMERA)
    for _ in range(2):
        T = placed(rng, 0.6, 0.8)
        [sighting] = detector.detect(TagPainter(CAMERA, family).paint([(TAG, T)], rng))
        assert sighting.pose.distance(T)[0] < 0.004
        assert sighting.pose.distance(T)[1] < np.radians(3.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TagFamily("aruco"), "tag family 'aruco' does not exist; choose one of apriltag_"),
        (lambda: FAMILY.pattern(587), "family apriltag_36h11 has tags 0 to 586, there is no tag 5"),
        (lambda: TagDetector(FAMILY, {900: SIZE}, CAMERA), "there is no tag 900"),
        (lambda: TagDetector(FAMILY, {1: 0.0}, CAMERA), "size of tag 1 must be positive, got 0.0"),
        (lambda: DetectorConfig(enlargement=9), "enlargement must be 1 to 4, got 9"),
        (lambda: DetectorConfig(min_correlation=1.0), r"min_correlation must be in \[0, 1\)"),
        (lambda: DetectorConfig(max_error=-1.0), "max_error must be positive, got -1.0"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(make, message: str) -> None:
    with pytest.raises(PerceptionError, match=message):
        make()


@pytest.mark.parametrize(
    "image",
    [np.zeros((480, 640, 3), np.uint8), np.zeros((240, 320), np.uint8), np.zeros((480, 640))],
)
def test_a_picture_of_another_camera_is_refused(image: np.ndarray) -> None:
    detector = TagDetector(FAMILY, {3: SIZE}, CAMERA)

    with pytest.raises(PerceptionError, match="pictures must be 640 × 480 px of 8-bit grey"):
        detector.detect(image)


def test_a_machine_without_opencv_reads_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)

    with pytest.raises(
        PerceptionError, match=r"run: pip install 'introspect_control\[perception\]"
    ):
        load_opencv()
