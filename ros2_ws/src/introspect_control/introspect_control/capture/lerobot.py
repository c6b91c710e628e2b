"""Writes episodes as a LeRobot dataset, format v3.0.

    meta/info.json                                 features, rate, counts
    meta/stats.json                                of every feature
    meta/tasks.parquet                             the task
    meta/episodes/chunk-000/file-000.parquet       one row an episode
    data/chunk-000/file-000.parquet                one row a frame; images are PNG within

Source: LeRobot 0.4, ``lerobot/datasets`` (layout, names of columns and statistics).
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_control.atomic import write_folder
from introspect_control.capture.frames import Episode, Recording
from introspect_control.capture.images import IMAGE, Spool

VERSION = "v3.0"
BEHAVIOUR = "behaviour"
_CHUNK_SIZE, _DATA_MB, _VIDEO_MB = 1000, 100, 200  # LeRobot's own
_QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
_IMAGES_FOR_STATISTICS = 100  # of an episode at most
_INDEXES = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
_FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"

Statistics = dict[str, dict[str, Any]]  # by feature, then by name: nested lists


def write_lerobot(
    recording: Recording,
    images: Spool | None,
    target: Path,
    task: str,
    advance: Callable[[int], None] | None = None,
) -> None:
    """Write all episodes, whole or not at all.

    Args:
        recording: what to write.
        images: of all its frames; None where there are none.
        target: the folder.
        task: what the episodes show, in words.
        advance: called after every episode.

    Raises:
        ModuleNotFoundError: pyarrow is not installed.
    """
    import pyarrow.parquet  # noqa: F401 - before anything is written

    def fill(folder: Path) -> None:
        _Dataset(recording, images, folder, task).write(advance)

    write_folder(target, fill)


class _Dataset:
    def __init__(self, recording: Recording, images: Spool | None, folder: Path, task: str) -> None:
        self._recording, self._images = recording, images
        self._folder, self._task = folder, task
        self._fps = max(1, round(recording.rate))
        self._behaviours = recording.behaviours

    def write(self, advance: Callable[[int], None] | None) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._folder / "data" / _FILE.format(chunk_index=0, file_index=0)
        path.parent.mkdir(parents=True)
        rows: list[dict[str, Any]] = []
        all_statistics: list[Statistics] = []
        first = 0
        with pq.ParquetWriter(path, self._schema(), compression="snappy") as writer:
            for number, episode in enumerate(self._recording.episodes):
                columns = self._columns(number, first, episode)
                writer.write_table(pa.table(self._arrow(columns, episode), schema=self._schema()))
                statistics = self._statistics(columns, episode)
                all_statistics.append(statistics)
                rows.append(self._row(number, first, len(episode), statistics))
                first += len(episode)
                if advance is not None:
                    advance(number + 1)
        self._write_episodes(rows)
        self._write_tasks()
        _write_json(self._folder / "meta" / "info.json", self._info())
        _write_json(self._folder / "meta" / "stats.json", _together(all_statistics))

    def _features(self) -> dict[str, Any]:
        features: dict[str, Any] = {
            name: {"dtype": "float32", "shape": [len(names)], "names": list(names)}
            for name, names in self._recording.names.items()
        }
        features[BEHAVIOUR] = {"dtype": "int64", "shape": [1], "names": None}
        if self._images is not None:
            axes = ["height", "width", "channels"]
            features[IMAGE] = {"dtype": "image", "shape": list(self._images.shape), "names": axes}
        for name, kind in _INDEXES.items():
            features[name] = {"dtype": kind, "shape": [1], "names": None}
        return features

    def _info(self) -> dict[str, Any]:
        episodes = len(self._recording.episodes)
        return {
            "codebase_version": VERSION,
            "robot_type": "introspect",
            "total_episodes": episodes,
            "total_frames": self._recording.frames,
            "total_tasks": 1,
            "chunks_size": _CHUNK_SIZE,
            "data_files_size_in_mb": _DATA_MB,
            "video_files_size_in_mb": _VIDEO_MB,
            "fps": self._fps,
            "splits": {"train": f"0:{episodes}"},
            "data_path": f"data/{_FILE}",
            "video_path": None,
            "features": self._features(),
            "behaviours": list(self._behaviours),  # ours: what the numbers mean
            "models": list(self._recording.models),
        }

    def _columns(self, number: int, first: int, episode: Episode) -> dict[str, NDArray[Any]]:
        """All numbers of an episode, a row a frame."""
        count = len(episode)
        index = np.arange(count)
        chosen = [self._behaviours.index(name) for name in episode.behaviours]
        return {
            **episode.columns,
            BEHAVIOUR: np.array(chosen, np.int64),
            "timestamp": (index / self._fps).astype(np.float32),
            "frame_index": index,
            "episode_index": np.full(count, number),
            "index": first + index,
            "task_index": np.zeros(count, np.int64),
        }

    def _arrow(self, columns: dict[str, NDArray[Any]], episode: Episode) -> dict[str, Any]:
        import pyarrow as pa

        arrays: dict[str, Any] = {}
        for name, values in columns.items():
            if values.ndim == 1:
                arrays[name] = pa.array(values)
            elif values.shape[1] == 1:  # LeRobot has single numbers as such
                arrays[name] = pa.array(values[:, 0])
            else:
                flat = pa.array(values.reshape(-1))
                arrays[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        if self._images is not None:
            listed = [{"bytes": self._images.read(n), "path": None} for n in episode.images]
            arrays[IMAGE] = pa.array(listed, type=_image_type())
        return arrays

    def _schema(self) -> Any:
        import pyarrow as pa

        fields = []
        for name, feature in self._features().items():
            if feature["dtype"] == "image":
                kind = _image_type()
            else:
                kind = pa.from_numpy_dtype(np.dtype(feature["dtype"]))
                if feature["shape"] != [1]:
                    kind = pa.list_(kind, feature["shape"][0])
            fields.append(pa.field(name, kind))
        return pa.schema(fields)

    def _statistics(self, columns: dict[str, NDArray[Any]], episode: Episode) -> Statistics:
        found = {name: _of_rows(values) for name, values in columns.items()}
        if self._images is not None:
            found[IMAGE] = _of_images(self._images, episode)
        return found

    def _row(self, number: int, first: int, count: int, statistics: Statistics) -> dict[str, Any]:
        row: dict[str, Any] = {
            "episode_index": number,
            "tasks": [self._task],
            "length": count,
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": first,
            "dataset_to_index": first + count,
        }
        for feature, figures in statistics.items():
            row |= {f"stats/{feature}/{name}": value for name, value in figures.items()}
        return row | {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}

    def _write_episodes(self, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._folder / "meta" / "episodes" / _FILE.format(chunk_index=0, file_index=0)
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), path, compression="snappy")

    def _write_tasks(self) -> None:
        """As pandas writes it: the task's name is the index of the table."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        index = "__index_level_0__"
        columns = [
            {
                "name": "task_index",
                "field_name": "task_index",
                "pandas_type": "int64",
                "numpy_type": "int64",
                "metadata": None,
            },
            {
                "name": None,
                "field_name": index,
                "pandas_type": "unicode",
                "numpy_type": "object",
                "metadata": None,
            },
        ]
        pandas = {"index_columns": [index], "column_indexes": [], "columns": columns}
        table = pa.table({"task_index": pa.array([0]), index: pa.array([self._task])})
        table = table.replace_schema_metadata({"pandas": json.dumps(pandas)})
        pq.write_table(table, self._folder / "meta" / "tasks.parquet")


def _image_type() -> Any:
    import pyarrow as pa

    return pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _of_rows(values: NDArray[Any]) -> dict[str, Any]:
    """Figures of each element over all rows."""
    rows = values.reshape(len(values), -1).astype(np.float64)
    figures = {
        "min": rows.min(axis=0),
        "max": rows.max(axis=0),
        "mean": rows.mean(axis=0),
        "std": rows.std(axis=0),
    }
    figures |= {name: np.quantile(rows, share, axis=0) for name, share in _QUANTILES.items()}
    return {name: value.tolist() for name, value in figures.items()} | {"count": [len(rows)]}


def _of_images(images: Spool, episode: Episode) -> dict[str, Any]:
    """Figures of each channel, 0 to 1, over some images of an episode."""
    from PIL import Image

    step = max(1, len(episode) // _IMAGES_FOR_STATISTICS)
    chosen = episode.images[::step]
    pixels = np.concatenate(
        [np.asarray(Image.open(io.BytesIO(images.read(n)))).reshape(-1, 3) for n in chosen]
    )
    figures = _of_rows(pixels / 255.0)
    shaped = {name: [[[value]] for value in values] for name, values in figures.items()}
    return shaped | {"count": [len(chosen)]}


def _together(episodes: list[Statistics]) -> Statistics:
    """Figures of all episodes from those of each; quantiles are averaged, as LeRobot does."""
    together: Statistics = {}
    for feature in episodes[0]:
        figures = [statistics[feature] for statistics in episodes]
        counts = np.array([figure["count"][0] for figure in figures], np.float64)

        def stacked(name: str, figures: list[dict[str, Any]] = figures) -> NDArray[np.float64]:
            return np.array([figure[name] for figure in figures], np.float64)

        share = counts / counts.sum()
        mean = np.tensordot(share, stacked("mean"), 1)
        variance = np.tensordot(share, stacked("std") ** 2 + (stacked("mean") - mean) ** 2, 1)
        found = {
            "min": stacked("min").min(axis=0),
            "max": stacked("max").max(axis=0),
            "mean": mean,
            "std": np.sqrt(variance),
        }
        found |= {name: np.tensordot(share, stacked(name), 1) for name in _QUANTILES}
        together[feature] = {name: value.tolist() for name, value in found.items()}
        together[feature]["count"] = [int(counts.sum())]
    return together


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=4, ensure_ascii=False), encoding="utf-8")
