"""Runs, checkpoints, metrics and what studies keep: read as they were written, or refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import SEEDS, bounded, documents, fuzz, mutated, read_or_refuse, trap
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="training is an extra")

from introspect_learning.data.activations import ActivationDataset, DataError  # noqa: E402
from introspect_learning.runs.checkpoint import (  # noqa: E402
    Checkpoints,
    restore_module,
    restore_optimiser,
)
from introspect_learning.runs.errors import CheckpointError, RunError  # noqa: E402
from introspect_learning.runs.metrics import METRICS, Metrics  # noqa: E402
from introspect_learning.runs.run_folder import RunFolder  # noqa: E402
from introspect_learning.runs.stage import RecordedStage  # noqa: E402
from introspect_learning.studies import pool  # noqa: E402
from introspect_learning.studies.cell import Cell  # noqa: E402
from introspect_learning.studies.encoders import Shared  # noqa: E402

Make = Callable[..., Path]
Files = dict[str, bytes]

STATE = {"step": 7, "epoch": 2, "curve": [[0, 0.5], [1, 0.75]], "best": {"value": 0.5}}
TENSORS = {"net.weight": torch.arange(6.0).reshape(2, 3), "rng": torch.arange(4)}


@pytest.fixture(autouse=True)
def without_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorBoard's files are not what is read here, and take long to open."""
    monkeypatch.setattr("introspect_learning.runs.metrics._summary_writer", lambda _: None)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile_runs")


def afresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


# --- checkpoints ---


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of a checkpoint."""
    folder = tmp_path_factory.mktemp("written")
    Checkpoints(folder).save(7, TENSORS, STATE)
    [step] = folder.iterdir()
    return {file.name: file.read_bytes() for file in step.iterdir()}


@pytest.fixture(scope="module")
def checkpoint(scratch: Path, written: Files) -> Make:
    """Makes a folder with one checkpoint, of whose files the manifest knows."""

    def make(**files: bytes) -> Path:
        step = afresh(scratch / "checkpoint" / "step-00000007")
        content = written | {name.replace("_", "."): data for name, data in files.items()}
        if "manifest_json" not in files:
            names = ("tensors.safetensors", "state.json")
            digests = {name: hashlib.sha256(content[name]).hexdigest() for name in names}
            content["manifest.json"] = json.dumps({"step": 7, "sha256": digests}).encode()
        for name, data in content.items():
            (step / name).write_bytes(data)
        return step.parent

    return make


def go_on(folder: Path) -> dict[str, Any]:
    """Take up a stage, as a trainer does."""
    run = afresh(folder.parent / "run")
    metrics = Metrics(run)
    try:
        saved = RecordedStage("stage", Checkpoints(folder), metrics).load()
        assert saved is not None
        tensors, state = saved
        net = torch.nn.Linear(3, 2, bias=False)
        restore_module(net, tensors, "net")
        restore_optimiser(torch.optim.Adam(net.parameters()), tensors, "optimiser")
        assert isinstance(tensors["rng"], torch.Tensor)
        return {"epoch": state["epoch"], "weight": net.weight.detach().numpy()}
    finally:
        metrics.close()


def test_a_checkpoint_that_was_not_changed_is_read_as_it_was_written(checkpoint: Make) -> None:
    found = go_on(checkpoint())
    assert found["epoch"] == 2
    assert np.array_equal(found["weight"], TENSORS["net.weight"].numpy())


@fuzz
@given(seed=SEEDS)
def test_tensors_with_other_bytes(checkpoint: Make, written: Files, seed: int) -> None:
    data = mutated(written["tensors.safetensors"], seed)
    folder = checkpoint(tensors_safetensors=data)
    read_or_refuse(lambda: go_on(folder), CheckpointError, "checkpoint")


@fuzz
@given(document=documents(STATE))
def test_a_state_with_other_values(checkpoint: Make, document: Any) -> None:
    folder = checkpoint(state_json=json.dumps(document).encode())
    read_or_refuse(lambda: go_on(folder), CheckpointError, "checkpoint")


@fuzz
@given(seed=SEEDS, name=st.sampled_from(["state_json", "manifest_json"]))
def test_texts_with_other_bytes(checkpoint: Make, written: Files, seed: int, name: str) -> None:
    data = mutated(written[name.replace("_", ".")], seed)
    folder = checkpoint(**{name: data})
    read_or_refuse(lambda: go_on(folder), CheckpointError, "checkpoint")


@pytest.mark.parametrize(
    "files",
    [
        {"manifest_json": b"[]"},
        {"manifest_json": b"[" * 200_000},
        {"manifest_json": b'{"sha256": 3}'},
        {"state_json": b"[]"},
        {"state_json": b'{"a":' * 200_000},
        {"state_json": b'{"step": 7' + b"0" * 10_000 + b"}"},
        {"state_json": b'{"step": "../../etc"}'},
        {"tensors_safetensors": b""},
        {"tensors_safetensors": b"\xff" * 100},
        {"tensors_safetensors": (2**63).to_bytes(8, "little") + b"{}"},
    ],
)
def test_a_checkpoint_that_is_none(checkpoint: Make, files: dict[str, bytes]) -> None:
    folder = checkpoint(**files)
    with bounded(), pytest.raises(CheckpointError, match="checkpoint"):
        go_on(folder)


def test_a_pickle_in_a_checkpoint_is_not_run(checkpoint: Make, tmp_path: Path) -> None:
    payload, made = trap(tmp_path)
    for name in ("tensors_safetensors", "state_json", "manifest_json"):
        folder = checkpoint(**{name: payload})
        [step] = folder.iterdir()
        (step / "optimiser.pt").write_bytes(payload)
        with pytest.raises(CheckpointError):
            go_on(folder)
    assert not made.exists()


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json", "manifest.json"])
def test_what_is_no_file_in_a_checkpoint_is_refused(checkpoint: Make, name: str) -> None:
    for kind in ("pipe", "device"):
        folder = checkpoint()
        [step] = folder.iterdir()
        (step / name).unlink()
        os.mkfifo(step / name) if kind == "pipe" else (step / name).symlink_to("/dev/zero")
        with bounded(), pytest.raises(CheckpointError, match="not a regular file"):
            go_on(folder)


def test_a_checkpoint_of_another_stage_is_refused_by_what_it_lacks(scratch: Path) -> None:
    folder = afresh(scratch / "checkpoint")
    Checkpoints(folder).save(7, {"other": torch.zeros(1)}, STATE)
    with pytest.raises(CheckpointError, match="no such module 'net'"):
        go_on(folder)
    Checkpoints(folder).save(8, {"net.weight": torch.zeros(2, 3)}, STATE)
    with pytest.raises(CheckpointError, match="is not a checkpoint of this stage: it lacks rng"):
        go_on(folder)


# --- config.json and metrics.jsonl ---


@dataclass(frozen=True)
class Config:
    size: int = 1
    names: tuple[str, ...] = ("a", "b")


CONFIG = json.loads(json.dumps(asdict(Config())))
ROWS = [
    {"stage": "one", "unit": "episodes", "episodes": 10 * n, "seconds": 1.5 * n, "success": 0.1 * n}
    for n in range(4)
]


def resume(run: Path) -> None:
    with RunFolder(run, Config(), resume=True) as folder:
        folder.stage("one").load()


@fuzz
@given(document=documents(CONFIG))
def test_a_configuration_with_other_values(scratch: Path, document: Any) -> None:
    run = afresh(scratch / "run")
    (run / "config.json").write_text(json.dumps(document))
    done = read_or_refuse(lambda: resume(run) or True, RunError, str(run))
    assert (done is True) == (document == CONFIG)


@fuzz
@given(seed=SEEDS)
def test_a_configuration_with_other_bytes(scratch: Path, seed: int) -> None:
    run = afresh(scratch / "run")
    (run / "config.json").write_bytes(mutated(json.dumps(CONFIG).encode(), seed))
    read_or_refuse(lambda: resume(run), RunError, str(run))


@pytest.mark.parametrize("text", [b"[" * 200_000, b"null", b"\xff", b"7", b'"text"'])
def test_a_configuration_that_is_none(scratch: Path, text: bytes) -> None:
    run = afresh(scratch / "run")
    (run / "config.json").write_bytes(text)
    with bounded(), pytest.raises(RunError, match=r"config\.json cannot be read"):
        resume(run)


def follow(run: Path) -> list[dict[str, Any]]:
    """Open metrics, go back to a step, write another row."""
    metrics = Metrics(run)
    metrics.rewind("one", 10)
    metrics.log("one", 20, {"success": 1.0})
    metrics.close()
    lines = (run / METRICS).read_text().splitlines()
    return [json.loads(line) for line in lines]


@fuzz
@given(document=documents(ROWS))
def test_metrics_with_other_values(scratch: Path, document: Any) -> None:
    run = afresh(scratch / "run")
    rows = document if isinstance(document, list) else [document]
    (run / METRICS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    read_or_refuse(lambda: follow(run), RunError, METRICS)


@fuzz
@given(seed=SEEDS)
def test_metrics_with_other_bytes(scratch: Path, seed: int) -> None:
    run = afresh(scratch / "run")
    text = "".join(json.dumps(row) + "\n" for row in ROWS)
    (run / METRICS).write_bytes(mutated(text.encode(), seed))
    read_or_refuse(lambda: follow(run), RunError, METRICS)


def test_rows_that_are_whole_stay(scratch: Path) -> None:
    run = afresh(scratch / "run")
    (run / METRICS).write_text("".join(json.dumps(row) + "\n" for row in ROWS) + '{"stage": "o')
    assert [row["episodes"] for row in follow(run)] == [0, 10, 20]


# --- what studies keep ---

CELL = Cell("means")
RESULT = {
    "cell": asdict(CELL),
    "behaviours": "ab" * 32,
    **dict.fromkeys(("success", "recovered", "seconds", "cpu_seconds", "parameters"), 1.0),
    **dict.fromkeys(("env_steps_an_episode", "decision_seconds"), 2.0),
    "curve": [[100, 0.5], [200, 0.9]],
    "values": [0.5, 0.6],
    "choices": [[1.0, 0.0], [0.0, 1.0]],
}


def kept(cache: Path, text: bytes) -> dict[str, Any] | None:
    file = afresh(cache / "cells") / f"{CELL.key}.json"
    file.write_bytes(text)
    with bounded():
        return pool._kept(CELL, cache, "ab" * 32)


def test_a_result_that_was_not_changed_is_kept(scratch: Path) -> None:
    assert kept(scratch, json.dumps(RESULT).encode()) == RESULT


@fuzz
@given(document=documents(RESULT))
def test_a_result_with_other_values_counts_where_it_is_whole_or_is_found_anew(
    scratch: Path, document: Any
) -> None:
    found = kept(scratch, json.dumps(document).encode())
    if found is not None:
        assert np.array(found["curve"]).ndim == 2
        assert found["cell"] == RESULT["cell"]
        assert all(isinstance(found[name], int | float) for name in ("success", "seconds"))


@fuzz
@given(seed=SEEDS)
def test_a_result_with_other_bytes(scratch: Path, seed: int) -> None:
    kept(scratch, mutated(json.dumps(RESULT).encode(), seed))


def test_an_encoder_that_is_damaged_is_refused_with_the_cure(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from introspect_description import ArmDescription

    shared = Shared(scratch / "shared", 0.0, ArmDescription.load("panda"))
    [folder] = (scratch / "shared").iterdir()
    for data in (b"", b"\xff" * 50, (2).to_bytes(8, "little") + b"{}"):
        (folder / "vae-0.safetensors").write_bytes(data)
        with bounded(), pytest.raises(RunError, match=r"vae-0\.safetensors .* remove it"):
            shared.encoder("vae", 0)


# --- activations ---


def activations(steps: int = 12) -> ActivationDataset:
    rng = np.random.default_rng(0)
    return ActivationDataset(
        layers={"one": 2, "two": 3},
        activations=rng.standard_normal((steps, 5)).astype(np.float32),
        episode=np.repeat(np.arange(steps // 4), 4),
        sequence=np.tile(np.arange(4), steps // 4),
        phase=np.zeros(steps, np.int64),
        behaviour=np.ones(steps, np.int64),
        success=np.ones(steps, np.int64),
        phases=("reach", "lift"),
        behaviours=("approach", "grasp"),
        model_hash="ab" * 32,
        disturbed=np.zeros(steps, bool),
    )


@fuzz
@given(seed=SEEDS)
def test_activations_with_other_bytes(scratch: Path, seed: int) -> None:
    file = scratch / "activations.safetensors"
    activations().save(file)
    file.write_bytes(mutated(file.read_bytes(), seed))
    found = read_or_refuse(lambda: ActivationDataset.load(file), DataError, str(file))
    if found is not None:
        assert found.activations.dtype == np.float32
        assert len(found) == len(found.episode)
        found.sequences()


@fuzz
@given(data=st.data())
def test_activations_with_other_names_and_sizes(scratch: Path, data: st.DataObject) -> None:
    from safetensors.numpy import save_file

    whole = activations()
    names = ("layers", "phases", "behaviours", "model_hash")
    about = data.draw(documents({name: getattr(whole, name) for name in names}))
    columns = whole.columns()
    changed = data.draw(st.sampled_from([*columns, "unknown"]))
    columns[changed] = data.draw(
        st.sampled_from(
            [
                *(np.zeros(0, np.int64), np.zeros((12, 5)), np.zeros(12, np.int8)),
                *(np.full((12, 5), np.nan, np.float32), np.zeros((3, 4), np.int64)),
                whole.columns().get(changed, np.zeros(1)),
            ]
        )
    )
    file = scratch / "activations.safetensors"
    text = data.draw(st.sampled_from([json.dumps(about), "[" * 100_000, "null"]))
    save_file(columns, file, metadata={"introspect": text})
    read_or_refuse(lambda: ActivationDataset.load(file), DataError, str(file))


def test_activations_that_were_not_changed_are_read_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "activations.safetensors"
    activations().save(file)
    found = ActivationDataset.load(file)
    for name, column in activations().columns().items():
        assert np.array_equal(getattr(found, name), column)
    assert found.layers == activations().layers
