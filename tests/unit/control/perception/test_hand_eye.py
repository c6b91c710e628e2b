"""Calibration finds the camera, says how sure it is, and refuses what cannot tell."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from introspect_control.perception import (
    CameraModel,
    HandEyeConfig,
    HandEyeSample,
    PerceptionError,
    Pose,
    calibrate_eye_in_hand,
    calibrate_eye_to_hand,
)
from introspect_control.perception.hand_eye_model import HandEyeModel, HandEyeState
from introspect_control.perception.pose import rotation_matrix
from introspect_control.perception.tagged_object import tag_corners

pytest.importorskip("cv2")

CAMERA = CameraModel.pinhole(640, 480, 0.8)
SIZE = 0.06  # of the tag [m]
FIXED = Pose.looking([1.2, 0.1, 0.6], [0.45, 0.0, 0.3])  # the camera in the base frame
ON_TOOL = Pose.from_xyz_rpy((0.05, 0.01, -0.06), (0.1, -0.15, 1.5))  # the camera in the tool frame
HELD = Pose.from_xyz_rpy((0.02, 0.01, 0.05), (0.2, 0.1, 0.3))  # the tag in the tool frame
ON_TABLE = Pose.from_xyz_rpy((0.5, 0.05, 0.0), (0.0, 0.0, 0.4))  # the tag in the base frame


def seen(T_camera_tag: Pose, rng: np.random.Generator, noise: float) -> np.ndarray | None:
    corners = T_camera_tag.apply(tag_corners(SIZE))
    if (corners[:, 2] < 0.1).any():
        return None
    pixels = CAMERA.project(corners)
    if (pixels < 2.0).any() or (pixels > [637.0, 477.0]).any():
        return None
    return pixels + rng.normal(0.0, noise, (4, 2))


def record(
    rng: np.random.Generator,
    mount: str = "fixed",
    count: int = 20,
    noise: float = 0.1,  # of a corner [px]
    arm_shift: float = 0.0005,  # error of the arm's own model [m]
    arm_turn: float = 0.001,  # [rad]
    turns: tuple[float, float, float] = (0.5, 0.5, 0.5),  # most of them, about each axis [rad]
) -> list[HandEyeSample]:
    """Samples of an arm that is moved about, a little other than its model says."""
    samples: list[HandEyeSample] = []
    while len(samples) < count:
        tip = rotation_matrix(rng.uniform(-1.0, 1.0, 3) * turns)
        if mount == "fixed":
            facing = FIXED.rotation @ np.diag([1.0, -1.0, -1.0])
            place = rng.uniform([0.35, -0.2, 0.15], [0.6, 0.2, 0.45])
            T_base_tag = Pose(facing @ tip, place)
            tool = T_base_tag @ HELD.inverse()
            pixels = seen(FIXED.inverse() @ T_base_tag, rng, noise)
        else:
            above = Pose.from_xyz_rpy(rng.uniform([0.4, -0.1, 0.3], [0.6, 0.2, 0.5]), (np.pi, 0, 0))
            camera = Pose(above.rotation @ tip, above.translation)
            tool = camera @ ON_TOOL.inverse()
            pixels = seen(camera.inverse() @ ON_TABLE, rng, noise)
        if pixels is None:
            continue
        told = Pose(
            rotation_matrix(rng.normal(0.0, arm_turn, 3)) @ tool.rotation,
            tool.translation + rng.normal(0.0, arm_shift, 3),
        )
        samples.append(HandEyeSample(told, pixels))
    return samples


@pytest.mark.parametrize(
    ("mount", "calibrate", "true", "tag"),
    [
        ("fixed", calibrate_eye_to_hand, FIXED, HELD),
        ("tool", calibrate_eye_in_hand, ON_TOOL, ON_TABLE),
    ],
)
class TestBothMounts:
    def test_a_perfect_arm_and_camera_give_the_pose_exactly(
        self, mount, calibrate, true: Pose, tag: Pose
    ) -> None:
        rng = np.random.default_rng(0)
        samples = record(rng, mount, noise=0.0, arm_shift=0.0, arm_turn=0.0)

        result = calibrate(samples, CAMERA, SIZE, rng)

        assert max(result.camera.distance(true)) < 1e-6
        assert max(result.tag.distance(tag)) < 1e-6
        assert result.error < 1e-5
        assert result.size_ratio == pytest.approx(1.0, abs=1e-6)

    def test_noise_and_a_worn_arm_leave_millimetres(
        self, mount, calibrate, true: Pose, tag: Pose
    ) -> None:
        missed, told = [], []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            samples = record(rng, mount)
            result = calibrate(samples, CAMERA, SIZE, rng)
            shift, turn = result.camera.distance(true)
            missed.append((shift, turn))
            told.append((result.position_std, result.rotation_std))
            assert not result.size_is_wrong
        shift, turn = np.median(missed, axis=0)
        assert shift < 0.005
        assert turn < np.radians(0.5)
        # What it says of its own error is about the error it makes.
        ratio = np.median(missed, axis=0) / np.median(told, axis=0)
        assert (ratio > 0.2).all()
        assert (ratio < 2.5).all()

    def test_samples_that_went_wrong_are_left_out(
        self, mount, calibrate, true: Pose, tag: Pose
    ) -> None:
        rng = np.random.default_rng(3)
        samples = record(rng, mount)
        for k in (2, 5, 11, 17):  # the arm was not where it said
            off = Pose(rotation_matrix(rng.normal(0.0, 0.3, 3)), rng.normal(0.0, 0.03, 3))
            samples[k] = HandEyeSample(samples[k].T_base_tool @ off, samples[k].pixels)

        result = calibrate(samples, CAMERA, SIZE, rng)

        assert result.rejected == (2, 5, 11, 17)
        assert result.camera.distance(true)[0] < 0.008


def test_more_samples_leave_less_error() -> None:
    def spread(count: int) -> float:
        rng = np.random.default_rng(1)
        return calibrate_eye_to_hand(record(rng, count=count), CAMERA, SIZE, rng).std_at_tag

    assert spread(25) < spread(9)


def test_a_tag_of_another_size_than_told_is_found_out() -> None:
    rng = np.random.default_rng(2)

    result = calibrate_eye_to_hand(record(rng), CAMERA, 1.03 * SIZE, rng)

    assert result.size_is_wrong
    assert result.size_ratio == pytest.approx(1.0 / 1.03, rel=0.005)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"count": 7}, "7 samples are too few: at least 8 are needed, 15 to 25 are good"),
        (
            {"turns": (0, 0, 0)},
            r"turned by 0° at most, and by 0° about a second axis; needed are 2",
        ),
        ({"turns": (0, 0, 0.7)}, r"turned by \d\d° at most, and by 0° about a second axis; needed"),
        ({"turns": (0.15, 0.1, 0.1)}, r"turned by \d\d° at most, .* 29° and 14°: tip the hand to"),
    ],
)
def test_motions_that_cannot_tell_are_refused_with_figures(given: dict, message: str) -> None:
    rng = np.random.default_rng(4)
    samples = record(rng, arm_shift=0.0, arm_turn=0.0, **given)

    with pytest.raises(PerceptionError, match=message):
        calibrate_eye_to_hand(samples, CAMERA, SIZE, rng)


def test_samples_that_do_not_belong_together_are_refused_with_figures() -> None:
    rng = np.random.default_rng(5)
    samples = record(rng)
    arms = [sample.T_base_tool for sample in samples]
    shuffled = [
        HandEyeSample(arms[k], sample.pixels)
        for k, sample in zip(rng.permutation(len(arms)), samples, strict=True)
    ]

    with pytest.raises(
        PerceptionError, match=r"of 20 samples agree, to .* px; needed are 12|no po"
    ):
        calibrate_eye_to_hand(shuffled, CAMERA, SIZE, rng)


def test_the_wrong_mount_is_refused() -> None:
    rng = np.random.default_rng(6)

    with pytest.raises(PerceptionError, match="whether the camera rides on the tool"):
        calibrate_eye_in_hand(record(rng), CAMERA, SIZE, rng)


def test_corners_of_no_square_are_refused() -> None:
    rng = np.random.default_rng(7)
    flat = [HandEyeSample(sample.T_base_tool, np.zeros((4, 2))) for sample in record(rng)]

    with pytest.raises(PerceptionError, match="in 20 of 20 samples the corners are those of no sq"):
        calibrate_eye_to_hand(flat, CAMERA, SIZE, rng)


def test_the_slopes_of_what_is_seen_are_those_of_small_steps() -> None:
    rng = np.random.default_rng(8)
    samples = record(rng, count=4)
    arms = tuple(sample.T_base_tool for sample in samples)
    model = HandEyeModel(CAMERA, SIZE, arms, np.array([sample.pixels for sample in samples]))
    state = HandEyeState(FIXED, HELD)
    missed, slopes = model.missed(state)
    for k in range(13):
        step = np.zeros(13)
        step[k] = 1e-6
        by_steps = (model.missed(state.moved(step))[0] - missed) / 1e-6
        np.testing.assert_allclose(slopes[..., k], by_steps, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(HandEyeConfig, min_samples=3), "min_samples must be at least 4, got 3"),
        (partial(HandEyeConfig, min_agreeing=0.0), r"min_agreeing must be in \(0, 1\], got 0.0"),
    ],
)
def test_settings_that_would_find_anything_are_refused(make, message: str) -> None:
    with pytest.raises(PerceptionError, match=message):
        make()
