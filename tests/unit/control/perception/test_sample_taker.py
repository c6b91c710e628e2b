"""A calibration sample is taken when the arm is at rest and the tag is seen, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from introspect_control.perception import (
    CameraModel,
    PerceptionError,
    Pose,
    TagDetector,
    TagFamily,
    TaggedObject,
    TagPlace,
)
from introspect_control.perception.calibration_samples import RecordedSample
from introspect_control.perception.pictures import TagPainter
from introspect_control.perception.sample_taker import SampleConfig, SampleTaker

pytest.importorskip("cv2")

CAMERA = CameraModel.pinhole(320, 240, 0.8)
FAMILY = TagFamily()
TAG = TaggedObject("tag", (TagPlace(7, 0.06, Pose.identity()),))
NAMES = tuple(f"joint{k}" for k in range(7))


def picture(shift: float = 0.0, seed: int = 0) -> np.ndarray:
    T = Pose.from_xyz_rpy((shift, 0.0, 0.5), (np.pi - 0.4, 0.2, 0.0))
    return TagPainter(CAMERA, FAMILY).paint([(TAG, T)], np.random.default_rng(seed))


TAG_SEEN, NOTHING = picture(), np.full((240, 320), 100, np.uint8)


class Scene:
    """An arm that tells its joints a hundred times a second, and a camera with ten pictures."""

    def __init__(self) -> None:
        detector = TagDetector(FAMILY, {7: 0.06}, CAMERA)
        self.taker = SampleTaker(NAMES, detector, 7, SampleConfig(pictures=3))
        self.time, self.q = 100.0, np.linspace(-1.0, 1.0, 7)

    def run(
        self, seconds: float, image: np.ndarray | None = TAG_SEEN, speed: float = 0.0
    ) -> list[RecordedSample]:
        """Let time go by; returns the samples that were completed."""
        samples = []
        for tick in range(round(seconds * 100)):
            self.time += 0.01
            self.q = self.q + 0.01 * speed
            positions = dict(zip(reversed(NAMES), self.q[::-1], strict=True)) | {"finger": 0.0}
            self.taker.see_joints(positions, self.time)
            if image is not None and tick % 10 == 9:
                sample = self.taker.see_picture(image, self.time)
                samples += [] if sample is None else [sample]
        return samples


def test_a_sample_is_the_joints_by_name_and_the_corners_of_the_tag() -> None:
    scene = Scene()
    scene.run(1.0)
    scene.taker.ask(scene.time)

    [sample] = scene.run(1.0)

    np.testing.assert_allclose(sample.joints, np.linspace(-1.0, 1.0, 7))
    assert sample.pixels.shape == (4, 2)
    assert not scene.taker.asked


def test_nothing_is_taken_unasked() -> None:
    assert Scene().run(2.0) == []


def test_it_waits_until_the_arm_has_come_to_rest() -> None:
    scene = Scene()
    scene.taker.ask(scene.time)

    assert scene.run(2.0, speed=0.05) == []
    assert scene.taker.missing(scene.time) == "the arm does not rest for 0.5 s"
    rest = scene.q.copy()
    [sample] = scene.run(1.0)

    np.testing.assert_allclose(sample.joints, rest, atol=1e-9)


@pytest.mark.parametrize(
    ("image", "speed", "message"),
    [
        (TAG_SEEN, 0.1, "no sample after 10 s: the arm does not rest for 0.5 s"),
        (NOTHING, 0.0, r"no sample after 10 s: tag 7 is seen in 0 of \d\d pictures"),
    ],
)
def test_patience_ends_with_what_was_missing(image: np.ndarray, speed: float, message: str) -> None:
    scene = Scene()
    scene.taker.ask(scene.time)

    with pytest.raises(PerceptionError, match=message):
        scene.run(11.0, image, speed)

    assert not scene.taker.asked


def test_joint_states_that_stop_are_missed() -> None:
    scene = Scene()
    scene.run(1.0)
    scene.taker.ask(scene.time)
    scene.time += 1.0  # without a word

    assert scene.taker.see_picture(TAG_SEEN, scene.time) is None
    assert "no joint states of joint0 and the others arrive" in scene.taker.missing(scene.time)


def test_joint_states_of_another_device_or_not_finite_are_none() -> None:
    scene = Scene()
    scene.taker.see_joints({"finger": 0.0}, scene.time)
    scene.taker.see_joints(dict.fromkeys(NAMES, np.nan), scene.time)

    assert "no joint states" in scene.taker.missing(scene.time)


def test_a_tag_that_swings_while_the_arm_rests_is_refused() -> None:
    scene = Scene()
    scene.run(1.0, NOTHING)
    scene.taker.ask(scene.time)
    scene.run(0.1, picture(0.0))
    scene.run(0.1, picture(0.003))

    with pytest.raises(
        PerceptionError, match=r"corners moved by \d.* px while the arm was at rest"
    ):
        scene.run(0.1, picture(0.006))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pictures": 0}, "pictures must be at least 1, got 0"),
        ({"still": 0.0}, "still must be positive, got 0.0"),
    ],
)
def test_settings_that_take_no_sample_are_refused(change: dict, message: str) -> None:
    with pytest.raises(PerceptionError, match=message):
        SampleConfig(**change)
