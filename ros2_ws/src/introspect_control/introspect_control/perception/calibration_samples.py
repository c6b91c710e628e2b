"""What is recorded for hand-eye calibration, and the camera's pose that follows from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from introspect_control.atomic import write_text
from introspect_control.kinematics import KinematicChain
from introspect_control.perception.camera import CameraModel
from introspect_control.perception.camera_pose import FIXED, MOUNTS, CameraPose
from introspect_control.perception.document import Document
from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.families import FAMILIES
from introspect_control.perception.hand_eye import (
    HandEyeConfig,
    HandEyeResult,
    HandEyeSample,
    calibrate_eye_in_hand,
    calibrate_eye_to_hand,
)
from introspect_control.perception.pose import Pose

if TYPE_CHECKING:
    from introspect_description import ArmDescription

Array = NDArray[np.float64]

_KEYS = (
    *("arm", "mount", "joint_names", "family", "tag", "size", "camera_frame", "camera", "samples"),
)


@dataclass(frozen=True, eq=False)
class RecordedSample:
    """The arm at rest, and the tag's corners as the camera saw them meanwhile."""

    joints: Array  # (7,) in the order of the arm's joint names [rad]
    pixels: Array  # (4, 2) without distortion [px]


@dataclass(frozen=True)
class CalibrationSamples:
    """All that hand-eye calibration needs to know."""

    arm: str  # by the name of its data file
    mount: str  # one of MOUNTS
    joint_names: tuple[str, ...]
    family: str  # of the tag, one of FAMILIES
    tag: int  # its id
    size: float  # edge of its black square [m]
    camera_frame: str
    camera: CameraModel
    samples: tuple[RecordedSample, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be solved."""
        if self.mount not in MOUNTS:
            raise PerceptionError(f"mount must be {' or '.join(MOUNTS)}, got {self.mount!r}")
        if not 0.001 <= self.size <= 5.0:
            raise PerceptionError(f"size must be 0.001 to 5 m, got {self.size} m")
        for number, sample in enumerate(self.samples):
            if sample.joints.shape != (len(self.joint_names),) or sample.pixels.shape != (4, 2):
                raise PerceptionError(
                    f"sample {number} must have {len(self.joint_names)} joints and 4 corners, got "
                    f"{sample.joints.shape} and {sample.pixels.shape}"
                )

    def plus(self, sample: RecordedSample) -> CalibrationSamples:
        """The same with one more sample."""
        return replace(self, samples=(*self.samples, sample))

    @classmethod
    def read(cls, path: Path) -> CalibrationSamples:
        """Read a file.

        Raises:
            PerceptionError: It is not valid; the text names the file and the key.
        """
        data = Document.read(path)
        data.refuse_unknown(_KEYS)
        names = data.texts("joint_names")
        samples = []
        for item in data.parts("samples"):
            item.refuse_unknown(("joints", "pixels"))
            joints = item.numbers("joints", len(names))
            samples.append(RecordedSample(joints, item.numbers("pixels", 8).reshape(4, 2)))
        camera = data.part("camera")
        camera.refuse_unknown(("width", "height", "K", "distortion", "model"))
        model = camera.text("model") if len(camera.numbers("distortion")) else ""
        try:
            return cls(
                arm=data.text("arm"),
                mount=data.choice("mount", MOUNTS),
                joint_names=names,
                family=data.choice("family", FAMILIES),
                tag=data.whole("tag"),
                size=data.number("size"),
                camera_frame=data.text("camera_frame"),
                camera=CameraModel(
                    camera.whole("width"),
                    camera.whole("height"),
                    camera.numbers("K", 9).reshape(3, 3),
                    camera.numbers("distortion"),
                    model,
                ),
                samples=tuple(samples),
            )
        except PerceptionError as error:
            text = str(error)
            raise PerceptionError(text if str(path) in text else f"{path}: {text}") from error

    def write(self, path: Path) -> None:
        """Replace a file as a whole; ``read`` gives the same again, to the last bit."""
        camera = self.camera
        content = {
            "arm": self.arm,
            "mount": self.mount,
            "joint_names": list(self.joint_names),
            "family": self.family,
            "tag": self.tag,
            "size": self.size,
            "camera_frame": self.camera_frame,
            "camera": {
                "width": camera.width,
                "height": camera.height,
                "K": camera.K.ravel().tolist(),
                "distortion": camera.distortion.tolist(),
                "model": camera.model,
            },
            "samples": [
                {"joints": s.joints.tolist(), "pixels": s.pixels.ravel().tolist()}
                for s in self.samples
            ],
        }
        write_text(path, json.dumps(content, indent=1) + "\n")


def tool_poses(samples: Sequence[RecordedSample], arm: ArmDescription) -> list[Pose]:
    """Pose of the tool in the arm's base frame at each sample."""
    if not samples:
        return []
    chain = KinematicChain(arm.chain())
    places, rotations = chain.forward(np.array([sample.joints for sample in samples]))
    return [Pose(rotation, place) for place, rotation in zip(places, rotations, strict=True)]


def solve(
    recorded: CalibrationSamples,
    arm: ArmDescription,
    rng: np.random.Generator,
    config: HandEyeConfig | None = None,
) -> tuple[CameraPose, HandEyeResult]:
    """Find where the camera is.

    Args:
        recorded: samples.
        arm: that was moved.
        rng: chooses the samples for first guesses.
        config: what it takes.

    Returns:
        What to write to a file, and everything else that is known.

    Raises:
        PerceptionError: Another arm, or samples that say too little or do not agree.
    """
    if recorded.joint_names != arm.joint_names:
        raise PerceptionError(
            f"the samples have the joints {', '.join(recorded.joint_names)}, but arm {arm.name} "
            f"has {', '.join(arm.joint_names)}"
        )
    samples = [
        HandEyeSample(pose, sample.pixels)
        for pose, sample in zip(tool_poses(recorded.samples, arm), recorded.samples, strict=True)
    ]
    fixed = recorded.mount == FIXED
    calibrate = calibrate_eye_to_hand if fixed else calibrate_eye_in_hand
    result = calibrate(samples, recorded.camera, recorded.size, rng, config)
    pose = CameraPose(
        mount=recorded.mount,
        arm=arm.name,
        parent_frame=arm.base_frame if fixed else arm.tool_frame,
        camera_frame=recorded.camera_frame,
        T_parent_camera=result.camera,
        quality={
            "samples": float(len(samples)),
            "samples_left_out": float(len(result.rejected)),
            "error_px": result.error,
            "position_std_m": result.position_std,
            "rotation_std_rad": result.rotation_std,
            "std_at_tag_m": result.std_at_tag,
            "tag_size_ratio": result.size_ratio,
        },
    )
    return pose, result
