"""Where a camera is: in the arm's base frame, or on its tool. A file that calibration writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from introspect_control.atomic import write_text
from introspect_control.perception.document import Document
from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.pose import Pose

if TYPE_CHECKING:
    from introspect_description import ArmDescription

FIXED, TOOL = MOUNTS = ("fixed", "tool")
"""A camera that stands still (eye to hand), and one that rides on the tool (eye in hand)."""

_KEYS = ("mount", "arm", "parent_frame", "camera_frame", "xyz", "quaternion", "quality")
_HEADER = """\
# Pose of the camera's optical frame (z forward, x right, y down) in the parent frame.
# mount: fixed (the parent is the arm's base frame) or tool (it is its tool frame).
# xyz in metres; quaternion: x, y, z, w; quality: what `introspect calibrate` knows of its error.
"""


@dataclass(frozen=True, eq=False)
class CameraPose:
    """Where a camera is, and how that was found."""

    mount: str  # one of MOUNTS
    arm: str  # by the name of its data file
    parent_frame: str  # the arm's base frame for a fixed camera, else its tool frame
    camera_frame: str  # frame_id of the camera's images
    T_parent_camera: Pose
    quality: Mapping[str, float] = field(default_factory=dict)  # figures by name; empty: unknown

    def __post_init__(self) -> None:
        """Refuse what is no place for a camera."""
        if self.mount not in MOUNTS:
            raise PerceptionError(f"mount must be {' or '.join(MOUNTS)}, got {self.mount!r}")
        for name in ("arm", "parent_frame", "camera_frame"):
            if not getattr(self, name):
                raise PerceptionError(f"{name} must not be empty")

    @classmethod
    def read(cls, path: Path) -> CameraPose:
        """Read a file.

        Raises:
            PerceptionError: It is not valid; the text names the file and the key.
        """
        data = Document.read(path)
        data.refuse_unknown(_KEYS)
        mount = data.choice("mount", MOUNTS)
        vector = [*data.numbers("xyz", 3), *data.numbers("quaternion", 4)]
        quality = {}
        if data.has("quality"):
            part = data.part("quality")
            quality = {key: part.number(key) for key in part.names}
        try:
            pose = Pose.from_vector(vector)
        except PerceptionError as error:
            data.refuse("quaternion", str(error))
        return cls(
            mount,
            data.text("arm"),
            data.text("parent_frame"),
            data.text("camera_frame"),
            pose,
            quality,
        )

    def write(self, path: Path) -> None:
        """Replace a file as a whole; ``read`` gives the same again."""
        vector = self.T_parent_camera.vector().tolist()
        content = {
            "mount": self.mount,
            "arm": self.arm,
            "parent_frame": self.parent_frame,
            "camera_frame": self.camera_frame,
            "xyz": vector[:3],
            "quaternion": vector[3:],
        }
        if self.quality:
            content["quality"] = {name: float(value) for name, value in self.quality.items()}
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None)
        write_text(path, _HEADER + text)


def described_camera(arm: ArmDescription) -> CameraPose:
    """Where the arm's description has its camera: upright, looking at its target."""
    camera = arm.camera
    pose = Pose.looking(camera.position, camera.target)
    return CameraPose(FIXED, arm.name, arm.base_frame, camera.frame, pose)
