"""What a bag becomes for other programs is what was in it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sample_runs import ARM, EPISODES, PERIOD, PERIODS, SIZE, record

from introspect_control.capture import BagError
from introspect_control.capture.export import export

pytest.importorskip("pyarrow")
pytest.importorskip("h5py")


def exported(bag: Path, out: Path, kind: str) -> dict[str, Any]:
    return export(bag, out, kind, "pick and place", "panda", lambda *_: None).as_dict()


def expected_stamps(episode: int) -> list[int]:
    """Of the observations that were acted on: the first was asked for twice."""
    start = episode * (PERIODS + 2) * PERIOD
    return [start + (2 + sequence) * PERIOD for sequence in range(PERIODS)]


def test_hdf5_has_every_frame_of_every_episode(tmp_path: Path) -> None:
    import h5py

    result = exported(record(tmp_path / "bag"), tmp_path / "out.h5", "hdf5")
    assert (result["episodes"], result["frames"], result["skipped"]) == (2, 12, 0)
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["data"].attrs["total"] == 12
        assert file["data"].attrs["rate"] == 25.0
        for number in range(EPISODES):
            demo = file[f"data/demo_{number}"]
            stamps = expected_stamps(number)
            assert demo["stamp"][:].tolist() == stamps
            state = demo["obs/state"][:]
            expected = np.arange(7) + 1e-9 * np.array(stamps)[:, None]
            np.testing.assert_allclose(state[:, :7], expected, rtol=1e-6)
            np.testing.assert_allclose(state[:, 7:14], -expected, rtol=1e-6)
            np.testing.assert_allclose(state[:, 14], 0.03 + 2e-9 * np.array(stamps), rtol=1e-6)
            poses = demo["obs/environment_state"][:]
            np.testing.assert_allclose(poses[:, 0], 1e-9 * np.array(stamps), rtol=1e-6)
            assert (poses[:, 7] == number + 1).all()
            assert demo["actions"][:, 0].tolist() == list(range(PERIODS))
            assert (demo["actions"][:, 5] == number + 1).all()
            features = demo["obs/activations.features"][:]
            assert features[:, 0].tolist() == list(range(PERIODS))
            memory = demo["obs/memory"][:]
            assert memory[:, 0].tolist() == list(range(PERIODS))
            assert (memory[:, 1] == number + 1).all()
            assert json.loads(demo["obs/memory"].attrs["names"])[2] == "memory.2"
            assert demo["behaviour"][1] == b"grasp"
            names = json.loads(demo["obs/state"].attrs["names"])
            assert names[0] == f"{ARM.joint_names[0]}.position"


def test_lerobot_has_the_layout_of_version_3(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    exported(record(tmp_path / "bag", images=True), tmp_path / "out", "lerobot")
    out = tmp_path / "out"
    info = json.loads((out / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    assert (info["total_episodes"], info["total_frames"], info["fps"]) == (2, 12, 25)
    data = pq.read_table(out / info["data_path"].format(chunk_index=0, file_index=0))
    assert set(data.column_names) == set(info["features"])
    rows = data.to_pylist()
    assert [row["index"] for row in rows] == list(range(12))
    assert [row["frame_index"] for row in rows] == [*range(6), *range(6)]
    assert [row["action"][0] for row in rows] == [*range(6), *range(6)]
    assert rows[1]["timestamp"] == pytest.approx(0.04)
    assert info["behaviours"][rows[1]["behaviour"]] == "grasp"
    for name, feature in info["features"].items():
        if feature["dtype"] == "float32" and feature["shape"] != [1]:
            assert data.schema.field(name).type.list_size == feature["shape"][0]
            assert len(feature["names"]) == feature["shape"][0]

    episodes = pq.read_table(out / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [(e["dataset_from_index"], e["dataset_to_index"]) for e in episodes] == [(0, 6), (6, 12)]
    assert episodes[0]["tasks"] == ["pick and place"]
    assert episodes[1]["stats/action/max"][5] == 2.0
    statistics = json.loads((out / "meta/stats.json").read_text())
    actions = np.array([row["action"] for row in rows])
    np.testing.assert_allclose(statistics["action"]["mean"], actions.mean(axis=0))
    np.testing.assert_allclose(statistics["action"]["std"], actions.std(axis=0))
    assert statistics["action"]["count"] == [12]
    [task] = pq.read_table(out / "meta/tasks.parquet").to_pylist()
    assert task == {"task_index": 0, "__index_level_0__": "pick and place"}


def test_a_frame_has_the_image_that_was_there_when_it_was_observed(tmp_path: Path) -> None:
    import h5py
    import pyarrow.parquet as pq
    from PIL import Image

    bag = record(tmp_path / "bag", images=True)
    exported(bag, tmp_path / "out", "lerobot")
    exported(bag, tmp_path / "out.h5", "hdf5")
    stamps = expected_stamps(0) + expected_stamps(1)
    rows = pq.read_table(tmp_path / "out/data/chunk-000/file-000.parquet").to_pylist()
    with h5py.File(tmp_path / "out.h5") as file:
        stored = np.concatenate([file[f"data/demo_{n}/obs/images.camera"][:] for n in range(2)])
    for row, pixels, stamp in zip(rows, stored, stamps, strict=True):
        png = Image.open(io.BytesIO(row["observation.images.camera"]["bytes"]))
        assert png.size == SIZE[::-1]
        np.testing.assert_array_equal(np.asarray(png), pixels)
        assert (pixels == stamp // PERIOD % 256).all()
    feature = json.loads((tmp_path / "out/meta/info.json").read_text())["features"]
    assert feature["observation.images.camera"]["shape"] == [*SIZE, 3]


@pytest.mark.parametrize("topic", ["/joint_states", "/goal_pose", "/policy/action"])
def test_a_bag_without_what_frames_are_made_of_is_refused(tmp_path: Path, topic: str) -> None:
    bag = record(tmp_path / "bag", without=topic)
    with pytest.raises(BagError) as error:
        exported(bag, tmp_path / "out", "lerobot")
    assert str(error.value) == f"{bag} has no {topic[1:]}, of which episodes are made"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("kind", "library"), [("lerobot", "pyarrow"), ("hdf5", "h5py")])
def test_a_missing_library_is_one_line(
    tmp_path: Path,
    kind: str,
    library: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from introspect.cli import main

    bag = record(tmp_path / "bag")
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Without(library), *sys.meta_path])
    words = ["bag", "export", str(bag), "--format", kind, "--out", str(tmp_path / "out")]
    assert main(words) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if "introspect:" in line]
    assert line == (
        f"introspect: {library} is needed and not installed; run: "
        "pip install 'introspect_control[export]' (or: make setup-dev)"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["bag"]


class _Without:
    """An import path on which one library is not."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".", maxsplit=1)[0] == self._name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=self._name)
