"""Records samples for hand-eye calibration; ``introspect calibrate --record`` becomes this."""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from sensor_msgs.msg import JointState

from introspect.cli.calibrate import solve_file
from introspect.errors import IntrospectError, UsageError
from introspect_control.nodes.camera_feed import CameraFeed, CameraParameters, View
from introspect_control.nodes.runtime import (
    STREAM,
    ConfigurationError,
    ManagedNode,
    parameter,
    spin,
)
from introspect_control.perception import (
    FAMILIES,
    CalibrationSamples,
    HandEyeConfig,
    PerceptionError,
    TagDetector,
    TagFamily,
)
from introspect_control.perception.calibration_samples import RecordedSample, tool_poses
from introspect_control.perception.camera_pose import MOUNTS
from introspect_control.perception.hand_eye import turned
from introspect_control.perception.sample_taker import SampleTaker
from introspect_description import ArmDescription, DescriptionError

_TICK = 0.05  # between two looks at the keyboard [s]
_LINE = 0.25  # between two status lines [s]
_COEFFICIENTS = 8  # of the camera model with most of them
_KEYS = "Enter: take a sample, d: drop the latest, q: end and solve (each with Enter)"


@dataclass(frozen=True)
class CalibrationParameters(CameraParameters):
    """What is recorded."""

    samples: str = parameter("calibration.json", "file to write; samples in it are gone on with")
    arm: str = parameter("panda", "arm, by the name of its data file")
    mount: str = parameter("fixed", "where the camera is: still, or on the tool", choices=MOUNTS)
    tag: int = parameter(0, "id of the tag that is looked at", minimum=0)
    tag_size: float = parameter(0.06, "edge of its black square [m]", minimum=0.004, maximum=1.0)
    tag_family: str = parameter("apriltag_36h11", "its family", choices=tuple(FAMILIES))


class CalibrationTerminal(ManagedNode[CalibrationParameters]):
    """Takes a sample whenever the person at the keyboard asks, and writes it down at once."""

    def __init__(self) -> None:
        super().__init__("calibration_terminal", CalibrationParameters)
        self.recorded: CalibrationSamples | None = None
        self._live = sys.stderr.isatty()
        self._typed, self._told = b"", 0.0
        self._taker: SampleTaker | None = None
        self._state = "no picture has arrived"

    def configure(self) -> None:
        """Load the arm, and what was recorded before."""
        given = self.parameters
        self._path = Path(given.samples)
        try:
            self._arm = ArmDescription.load(given.arm)
            self._family = TagFamily(given.tag_family)
            self._family.check(given.tag)
            if self._path.exists():
                self.recorded = CalibrationSamples.read(self._path)
        except (DescriptionError, PerceptionError) as error:
            raise ConfigurationError(str(error)) from error
        topic = self._arm.controller.state_topic
        self.create_subscription(JointState, topic, self._on_joint_states, STREAM)

    def activate(self) -> None:
        """Look at the camera and the keyboard."""
        self._feed = CameraFeed(self, self.parameters, self._on_view)
        self.create_timer(_TICK, self._look_at_keys, clock=Clock(clock_type=ClockType.STEADY_TIME))
        print(_KEYS, flush=True)

    def deactivate(self) -> None:
        """Look no more."""
        self._feed.close()

    def _on_joint_states(self, message: JointState) -> None:
        if self._taker is not None:
            positions = dict(zip(message.name, message.position, strict=False))
            self._taker.see_joints(positions, time.monotonic())

    def _on_view(self, view: View) -> None:
        if self._taker is None and not self._begin(view):
            return
        assert self._taker is not None
        now = time.monotonic()
        try:
            sample = self._taker.see_picture(view.picture, now)
        except PerceptionError as error:
            self._say(f"not taken: {error}")
            return
        if sample is not None:
            self._keep(sample)
        elif self._taker.asked:
            self._state = f"wait: {self._taker.missing(now)}"

    def _begin(self, view: View) -> bool:
        """Now that the camera is known: see whether it is that of the samples there are."""
        given = self.parameters
        blank = CalibrationSamples(
            arm=given.arm,
            mount=given.mount,
            joint_names=self._arm.joint_names,
            family=given.tag_family,
            tag=given.tag,
            size=given.tag_size,
            camera_frame=view.header.frame_id,
            camera=view.camera,
        )
        if not view.header.frame_id:
            self._fail("the camera's pictures have no frame_id: set it in its driver")
            return False
        if self.recorded is None:
            self.recorded = blank
        elif (problem := difference(self.recorded, blank)) is not None:
            self._fail(f"{self._path} was recorded with another {problem}; name another file")
            return False
        else:
            self._say(f"{len(self.recorded.samples)} samples are there already")
        sizes = {given.tag: given.tag_size}
        detector = TagDetector(self._family, sizes, view.camera)
        self._taker = SampleTaker(self._arm.joint_names, detector, given.tag)
        self._state = "ready"
        return True

    def _keep(self, sample: RecordedSample) -> None:
        assert self.recorded is not None
        self.recorded = self.recorded.plus(sample)
        self.recorded.write(self._path)
        self._state = "ready"
        self._say(f"sample {len(self.recorded.samples)} taken; {self._progress()}")

    def _drop(self) -> None:
        if self.recorded is None or not self.recorded.samples:
            self._say("there is no sample to drop")
            return
        self.recorded = replace(self.recorded, samples=self.recorded.samples[:-1])
        self.recorded.write(self._path)
        self._say(f"dropped; {self._progress()}")

    def _progress(self) -> str:
        """How much there is, and how much it takes."""
        assert self.recorded is not None
        config, count = HandEyeConfig(), len(self.recorded.samples)
        largest, across = np.degrees(turned(tool_poses(self.recorded.samples, self._arm)))
        return (
            f"{count} of at least {config.min_samples}, the hand turned by {largest:.0f}° of "
            f"{np.degrees(config.min_rotation):.0f}° and across by {across:.0f}° of "
            f"{np.degrees(config.min_second_rotation):.0f}°"
        )

    def _look_at_keys(self) -> None:
        while select.select([sys.stdin], [], [], 0.0)[0]:
            typed = os.read(sys.stdin.fileno(), 4096)
            if not typed:
                self.finish(0)  # the keyboard has gone
                return
            self._typed += typed
        *lines, self._typed = self._typed.split(b"\n")
        for line in lines:
            self._on_line(line.decode(errors="replace").strip().lower())
        if self._live and time.monotonic() - self._told > _LINE:
            self._told = time.monotonic()
            state = self._feed.problem or self._state
            print(f"\r\x1b[K{state}", end="", file=sys.stderr, flush=True)

    def _on_line(self, word: str) -> None:
        if word == "q":
            self.finish(0)
        elif word == "d":
            self._drop()
        elif word:
            self._say(f"'{word}' means nothing here. {_KEYS}")
        elif self._taker is None:
            self._say(f"not taken: {self._feed.problem or self._state}")
        elif not self._taker.asked:
            self._taker.ask(time.monotonic())

    def _say(self, text: str) -> None:
        start = "\r\x1b[K" if self._live else ""
        print(f"{start}{text}", flush=True)

    def _fail(self, text: str) -> None:
        print(f"introspect: {text}", file=sys.stderr, flush=True)
        self.finish(1)


def difference(one: CalibrationSamples, other: CalibrationSamples) -> str | None:
    """What two recordings do not have in common, in words; None where they go together."""
    pairs = {
        "arm": (one.arm, other.arm),
        "mount of the camera": (one.mount, other.mount),
        "list of joints": (one.joint_names, other.joint_names),
        "tag": ((one.family, one.tag, one.size), (other.family, other.tag, other.size)),
        "camera frame": (one.camera_frame, other.camera_frame),
        "picture size": (
            (one.camera.width, one.camera.height),
            (other.camera.width, other.camera.height),
        ),
        "camera matrix": (one.camera.K.tolist(), other.camera.K.tolist()),
        "distortion": (_lens(one), _lens(other)),
    }
    return next((name for name, (mine, yours) in pairs.items() if mine != yours), None)


def _lens(recording: CalibrationSamples) -> list[float]:
    """Coefficients of the camera's distortion; those that its model does not have are 0."""
    told: list[float] = recording.camera.distortion.tolist()
    return told + [0.0] * (_COEFFICIENTS - len(told))


def main() -> int:
    """Record as the words ask, which ``introspect calibrate`` has checked; then solve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--json", action="store_true")
    options, _ = parser.parse_known_args()
    made: list[CalibrationTerminal] = []

    def make() -> CalibrationTerminal:
        made.append(CalibrationTerminal())
        return made[0]

    code = spin(make)
    recorded = made[0].recorded if made else None
    if code or recorded is None or not recorded.samples:
        if not code:
            print("introspect: no sample was taken", file=sys.stderr)
        return code or 1
    path = Path(made[0].parameters.samples)
    try:
        return solve_file(path, options.out, options.seed, options.json)
    except IntrospectError as error:
        print(f"introspect: {error}", file=sys.stderr)
        print(f"to go on: introspect calibrate --record --samples {path}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1


if __name__ == "__main__":
    sys.exit(main())
