"""Where the camera is, from the arm's motions and what the camera sees of a tag meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.camera import CameraModel
from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.hand_eye_model import HandEyeModel, HandEyeState, closed_form
from introspect_control.perception.pose import Pose, mean_pose, rotation_vector
from introspect_control.perception.tag_pose import Corners, fit_tag
from introspect_control.perception.tagged_object import tag_corners

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HandEyeConfig:
    """What it takes, and what counts as an outlier."""

    min_samples: int = 8  # that agree
    min_rotation: float = 0.5  # between two of the arm's poses [rad]
    min_second_rotation: float = 0.25  # about an axis across the main one [rad]
    min_agreeing: float = 0.6  # share of the samples
    outlier: float = 4.0  # times the typical error is an outlier
    error_floor: float = 0.5  # typical error that none is held to be below [px]
    max_error: float = 8.0  # typical error with which nothing has been found [px]
    trials: int = 50  # of few samples each, for a first guess

    def __post_init__(self) -> None:
        """Refuse what would find anything, or nothing."""
        if self.min_samples < 4:
            raise PerceptionError(f"min_samples must be at least 4, got {self.min_samples}")
        if not 0.0 < self.min_agreeing <= 1.0:
            raise PerceptionError(f"min_agreeing must be in (0, 1], got {self.min_agreeing}")


@dataclass(frozen=True, eq=False)
class HandEyeSample:
    """One pose of the arm, and what the camera saw."""

    T_base_tool: Pose
    pixels: Array  # (4, 2) of the tag's corners, without distortion [px]


@dataclass(frozen=True, eq=False)
class HandEyeResult:
    """Where the camera is, and how sure that is.

    Standard deviations are the jackknife's: from leaving out one sample after the other. They know
    nothing of an error that all samples share, such as a wrong model of the arm.
    """

    camera: Pose  # in the base frame (fixed), or in the tool frame
    tag: Pose  # in the tool frame (camera fixed), or in the base frame
    errors: Array  # (n,) of each sample, those left out among them [px]
    used: tuple[int, ...]  # samples that agree
    position_std: float  # of the camera's place [m]
    rotation_std: float  # of its rotation [rad]
    std_at_tag: float  # of a place told by the camera, where the tag was on average [m]
    size_ratio: float  # of the tag's size, as it would fit best, to the size told
    size_ratio_std: float

    @property
    def error(self) -> float:
        """Root mean square over the samples that were used [px]."""
        return float(np.sqrt((self.errors[list(self.used)] ** 2).mean()))

    @property
    def rejected(self) -> tuple[int, ...]:
        """Samples that do not agree with the others."""
        return tuple(i for i in range(len(self.errors)) if i not in self.used)

    @property
    def size_is_wrong(self) -> bool:
        """Whether another size of the tag fits clearly better: more than 1 %, and no chance."""
        off = abs(self.size_ratio - 1.0)
        return off > 0.01 and off > 4.0 * self.size_ratio_std


def calibrate_eye_to_hand(
    samples: Sequence[HandEyeSample],
    camera: CameraModel,
    size: float,
    rng: np.random.Generator,
    config: HandEyeConfig | None = None,
) -> HandEyeResult:
    """The pose of a fixed camera in the arm's base frame; the tag is held by the gripper.

    Args:
        samples: of which each pose of the arm should differ from the others, in rotation above all.
        camera: intrinsics.
        size: edge of the tag [m].
        rng: chooses the samples for first guesses.
        config: what it takes.

    Raises:
        PerceptionError: Too few samples, too little rotation, or they do not agree; with figures.
    """
    arms = tuple(sample.T_base_tool for sample in samples)
    return _calibrate(arms, samples, camera, size, rng, config or HandEyeConfig())


def calibrate_eye_in_hand(
    samples: Sequence[HandEyeSample],
    camera: CameraModel,
    size: float,
    rng: np.random.Generator,
    config: HandEyeConfig | None = None,
) -> HandEyeResult:
    """The pose of a camera that rides on the tool, in the tool frame; the tag lies somewhere still.

    Arguments and errors are those of ``calibrate_eye_to_hand``.
    """
    arms = tuple(sample.T_base_tool.inverse() for sample in samples)
    return _calibrate(arms, samples, camera, size, rng, config or HandEyeConfig())


def check_motion(arms: Sequence[Pose], config: HandEyeConfig) -> tuple[float, float]:
    """See that the arm has been turned enough, and about more than one axis.

    Args:
        arms: poses of the arm.
        config: how much is enough.

    Returns:
        The largest rotation between two poses, and the largest about an axis across it [rad].

    Raises:
        PerceptionError: Too few poses, or too little rotation.
    """
    if len(arms) < config.min_samples:
        raise PerceptionError(
            f"{len(arms)} samples are too few: at least {config.min_samples} are needed, "
            "15 to 25 are good"
        )
    largest, across = turned(arms)
    if largest < config.min_rotation or across < config.min_second_rotation:
        raise PerceptionError(
            f"the arm was turned by {np.degrees(largest):.0f}° at most, and by "
            f"{np.degrees(across):.0f}° about a second axis; needed are "
            f"{np.degrees(config.min_rotation):.0f}° and "
            f"{np.degrees(config.min_second_rotation):.0f}°: tip the hand to all sides, too"
        )
    return largest, across


def turned(arms: Sequence[Pose]) -> tuple[float, float]:
    """The largest rotation between two poses, and the largest about an axis across it [rad].

    Told in the tool frame: if all turns are about one axis of it, a shift along it goes unseen.
    """
    pairs = [(i, j) for i in range(len(arms)) for j in range(i)]
    if not pairs:
        return 0.0, 0.0
    turns = np.array([rotation_vector(arms[j].rotation.T @ arms[i].rotation) for i, j in pairs])
    axis = np.linalg.eigh(turns.T @ turns)[1][:, -1]
    across = turns - np.outer(turns @ axis, axis)
    largest = np.linalg.norm(turns, axis=1).max()
    return float(largest), float(np.linalg.norm(across, axis=1).max())


def _calibrate(
    arms: tuple[Pose, ...],
    samples: Sequence[HandEyeSample],
    camera: CameraModel,
    size: float,
    rng: np.random.Generator,
    config: HandEyeConfig,
) -> HandEyeResult:
    check_motion(arms, config)
    pixels = np.array([sample.pixels for sample in samples])
    model = HandEyeModel(camera, size, arms, pixels)
    state, used = _agree(model, _first_guess(model, rng, config), config)
    check_motion([arms[i] for i in used], config)
    return _result(model, state, used)


def _first_guess(
    model: HandEyeModel, rng: np.random.Generator, config: HandEyeConfig
) -> HandEyeState:
    """The best of closed forms of few samples each: most of them have no outlier."""
    tags = [_tag_pose(model, i) for i in range(len(model.arms))]
    seen = [i for i, tag in enumerate(tags) if tag is not None]
    if len(seen) < config.min_samples:
        raise PerceptionError(
            f"in {len(tags) - len(seen)} of {len(tags)} samples the corners are those of no square "
            f"in front of the camera; at least {config.min_samples} others are needed"
        )
    best, least = None, np.inf
    for _ in range(config.trials):
        few = rng.choice(seen, size=min(5, len(seen)), replace=False)
        arms = [model.arms[i] for i in few]
        state = closed_form(arms, [tag for i in few if (tag := tags[i]) is not None])
        typical = float(np.median(model.errors(state)))
        if typical < least:
            best, least = state, typical
    if best is None:
        raise PerceptionError(
            "no pose of the camera explains what it saw, not even half of it; was the tag held "
            "firmly, and is this the arm that was moved?"
        )
    return best


def _agree(
    model: HandEyeModel, state: HandEyeState, config: HandEyeConfig
) -> tuple[HandEyeState, tuple[int, ...]]:
    """Fit to those samples that agree with one another, and find out which these are."""
    used: tuple[int, ...] = ()
    for _ in range(20):
        errors = model.errors(state)
        typical = float(np.median(errors))
        limit = config.outlier * max(typical, config.error_floor)
        agreeing = tuple(int(i) for i in np.flatnonzero(errors <= limit))
        if agreeing == used:
            break
        used = agreeing
        state = model.only(used).refine(state).state
    typical = float(np.median(model.errors(state)[list(used)])) if used else np.inf
    needed = max(config.min_samples, int(np.ceil(config.min_agreeing * len(model.arms))))
    if len(used) < needed or typical > config.max_error:
        raise PerceptionError(
            f"{len(used)} of {len(model.arms)} samples agree, to {typical:.1f} px; needed are "
            f"{needed}, to {config.max_error:g} px: was the tag held firmly, and are the arm, the "
            "tag's size and whether the camera rides on the tool told rightly?"
        )
    return state, used


def _result(model: HandEyeModel, state: HandEyeState, used: tuple[int, ...]) -> HandEyeResult:
    chosen = model.only(used)
    without = [
        chosen.only([k for k in range(len(used)) if k != left]).refine(state).state.X
        for left in range(len(used))
    ]
    mean = mean_pose(without)
    turns = np.array([rotation_vector(mean.rotation.T @ pose.rotation) for pose in without])
    where = np.mean(
        [(state.X.inverse() @ arm @ state.Y).translation for arm in chosen.arms], axis=0
    )
    places = np.array([pose.apply(where[None])[0] for pose in without])
    scaled = chosen.refine(state, with_scale=True)
    noise = scaled.cost / max(1, len(scaled.residuals) - scaled.jacobian.shape[1])
    covariance = noise * np.linalg.pinv(scaled.jacobian.T @ scaled.jacobian, hermitian=True)
    return HandEyeResult(
        camera=state.X,
        tag=state.Y,
        errors=model.errors(state),
        used=used,
        position_std=_jackknife(np.array([pose.translation for pose in without])),
        rotation_std=_jackknife(turns),
        std_at_tag=_jackknife(places),
        size_ratio=scaled.state.scale,
        size_ratio_std=float(np.sqrt(covariance[12, 12])),
    )


def _jackknife(values: Array) -> float:
    """Standard deviation of an estimate, from the values (n, 3) it has without one sample each."""
    n = len(values)
    return float(np.sqrt((n - 1) / n * ((values - values.mean(axis=0)) ** 2).sum()))


def _tag_pose(model: HandEyeModel, sample: int) -> Pose | None:
    corners = Corners(tag_corners(model.size), model.pixels[sample], np.eye(8))
    fits = fit_tag(corners, model.size, model.camera)
    return fits[0].pose if fits else None
