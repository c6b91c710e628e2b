"""Turns a bag into what other programs learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from introspect_control.capture.errors import BagError
from introspect_control.capture.frames import read_recording
from introspect_control.capture.hdf5 import write_hdf5
from introspect_control.capture.images import spool_images
from introspect_control.capture.lerobot import write_lerobot
from introspect_control.capture.reader import BagReader
from introspect_description import ArmDescription

FORMATS = ("lerobot", "hdf5")


@dataclass(frozen=True)
class Exported:
    """What was written."""

    bag: str
    out: str
    format: str
    episodes: int
    frames: int
    skipped: int  # periods of the policy that were not complete in the bag
    images: bool

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def export(
    bag: Path,
    out: Path,
    kind: str,
    task: str,
    arm: str,
    report: Callable[[str, float, str], None],
) -> Exported:
    """Export a bag.

    Args:
        bag: its folder.
        out: new folder (lerobot) or file (hdf5).
        kind: one of FORMATS.
        task: what the episodes show, in words; only LeRobot has it.
        arm: by the name of its data file.
        report: told of the stage, the share done of it, and nothing else.

    Raises:
        BagError: The bag is broken, or not of such a system; or nothing can be written.
        ModuleNotFoundError: A library is not installed.
    """
    if kind not in FORMATS:
        raise BagError(f"format {kind!r} is not known; allowed: {', '.join(FORMATS)}")
    reader = BagReader(bag)
    recording = read_recording(reader, ArmDescription.load(arm))
    report("read", 1.0, "")
    images = spool_images(reader, recording)

    def advance(episodes: int) -> None:
        report("write", episodes / len(recording.episodes), "")

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if kind == "hdf5":
            write_hdf5(recording, images, out, advance)
        else:
            write_lerobot(recording, images, out, task, advance)
    except OSError as error:
        raise BagError(f"{out} cannot be written: {error.strerror or error}") from error
    return Exported(
        bag=str(bag),
        out=str(out),
        format=kind,
        episodes=len(recording.episodes),
        frames=recording.frames,
        skipped=recording.skipped,
        images=images is not None,
    )
