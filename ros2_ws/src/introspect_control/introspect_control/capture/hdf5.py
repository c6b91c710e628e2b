"""Writes episodes to one HDF5 file, in robomimic's layout; rewards it has none, as bags have none.

data/demo_0/actions             (n, 7)
data/demo_0/obs/NAME            (n, size), one for everything observed
data/demo_0/obs/images.camera   (n, height, width, 3), where images were recorded
data/demo_0/behaviour           (n,) names
data/demo_0/dones               (n,) 1 in the last frame
data/demo_0/stamp               (n,) of the observations [ns]
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from introspect_control.atomic import write_file
from introspect_control.capture.frames import Episode, Recording
from introspect_control.capture.images import IMAGE, Spool
from introspect_control.capture.periods import ACTION

_PREFIX = "observation."


def write_hdf5(
    recording: Recording,
    images: Spool | None,
    target: Path,
    advance: Callable[[int], None] | None = None,
) -> None:
    """Write all episodes, whole or not at all.

    Args:
        recording: what to write.
        images: of all its frames; None where there are none.
        target: the file.
        advance: called after every episode.

    Raises:
        ModuleNotFoundError: h5py is not installed.
    """
    import h5py

    def fill(aside: Path) -> None:
        with h5py.File(aside, "w") as file:
            data = file.create_group("data")
            data.attrs["total"] = recording.frames
            data.attrs["rate"] = recording.rate
            data.attrs["models"] = json.dumps(recording.models)
            data.attrs["env_args"] = json.dumps({"env_name": "introspect", "type": 2})
            for number, episode in enumerate(recording.episodes):
                group = data.create_group(f"demo_{number}")
                group.attrs["num_samples"] = len(episode)
                group.attrs["episode"] = episode.key.episode
                _fill(group, recording, episode, images)
                if advance is not None:
                    advance(number + 1)

    write_file(target, fill)


def _fill(group: Any, recording: Recording, episode: Episode, images: Spool | None) -> None:
    for name, values in episode.columns.items():
        path = "actions" if name == ACTION else f"obs/{name.removeprefix(_PREFIX)}"
        written = group.create_dataset(path, data=values)
        written.attrs["names"] = json.dumps(recording.names[name])
    group.create_dataset("behaviour", data=[name.encode() for name in episode.behaviours])
    group.create_dataset("dones", data=np.arange(1, len(episode) + 1) == len(episode), dtype="u1")
    group.create_dataset("stamp", data=np.array(episode.stamps, np.int64))
    if images is not None:
        from PIL import Image

        path = f"obs/{IMAGE.removeprefix(_PREFIX)}"
        shape = (len(episode), *images.shape)
        written = group.create_dataset(
            path, shape, np.uint8, chunks=(1, *images.shape), compression="gzip"
        )
        for index, number in enumerate(episode.images):
            written[index] = np.asarray(Image.open(io.BytesIO(images.read(number))))
