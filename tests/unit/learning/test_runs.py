"""Checkpoints survive being killed at any moment; runs are resumed only as themselves."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training is an extra")

from introspect_learning.runs.checkpoint import (  # noqa: E402
    Checkpoints,
    module_tensors,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
)
from introspect_learning.runs.errors import CheckpointError, RunError  # noqa: E402
from introspect_learning.runs.run_folder import RunFolder  # noqa: E402

WRITER = """
import sys, torch
from pathlib import Path
from introspect_learning.runs.checkpoint import Checkpoints
checkpoints = Checkpoints(Path(sys.argv[1]))
step = int(sys.argv[2])
print("ready", flush=True)
while True:
    step += 1
    checkpoints.save(step, {"weights": torch.full((20000,), float(step))}, {"step": step})
    print(step, flush=True)
"""


@dataclass(frozen=True)
class Config:
    size: int = 1


def test_the_newest_whole_checkpoint_loads_whenever_the_writer_is_killed(tmp_path: Path) -> None:
    newest, chance = 0, random.Random(0)
    for _ in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(newest)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        said = int(writer.stdout.readline())
        deadline = time.monotonic() + chance.uniform(0.0, 0.05)
        while time.monotonic() < deadline:
            pass
        os.kill(writer.pid, signal.SIGKILL)
        said = int((writer.stdout.read().split() or [said])[-1])
        writer.wait()
        loaded = Checkpoints(tmp_path).load()
        assert loaded is not None
        tensors, state = loaded
        assert state["step"] >= said
        assert (tensors["weights"] == float(state["step"])).all()
        newest = state["step"]


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(step, {"x": torch.ones(3) * step}, {"step": step})
    (tmp_path / "step-00000002" / "tensors.safetensors").write_bytes(b"\x80\x04pickle")
    loaded = checkpoints.load()
    assert loaded is not None
    assert loaded[1]["step"] == 1


def test_a_run_of_which_no_checkpoint_is_whole_does_not_silently_start_anew(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(step, {"x": torch.ones(3) * step}, {"step": step})
        (tmp_path / f"step-{step:08d}" / "state.json").unlink()
    with pytest.raises(CheckpointError, match=r"no checkpoint to go on from: .*step-00000002") as e:
        checkpoints.load()
    assert f"remove {tmp_path} to start this stage anew" in str(e.value)


def test_only_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in range(5):
        checkpoints.save(step, {"x": torch.zeros(1)}, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000003", "step-00000004"]
    assert Checkpoints(tmp_path / "none").load() is None


def test_an_optimiser_goes_on_to_the_bit(tmp_path: Path) -> None:
    def steps(net: torch.nn.Module, optimiser: torch.optim.Optimizer, k: int) -> None:
        for i in range(k):
            optimiser.zero_grad()
            net(torch.full((1, 4), float(i))).square().sum().backward()
            optimiser.step()

    def fresh() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        net = torch.nn.Linear(4, 2)
        return net, torch.optim.Adam(net.parameters(), 1e-2)

    whole, optimiser = fresh()
    steps(whole, optimiser, 3)
    Checkpoints(tmp_path).save(
        0, module_tensors(whole, "net") | optimiser_tensors(optimiser, "adam"), {}
    )
    steps(whole, optimiser, 3)
    resumed, other = fresh()
    loaded = Checkpoints(tmp_path).load()
    assert loaded is not None
    restore_module(resumed, loaded[0], "net")
    restore_optimiser(other, loaded[0], "adam")
    steps(resumed, other, 3)
    assert torch.equal(whole.weight, resumed.weight)


def test_a_run_folder_keeps_its_configuration_and_metrics(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run", Config(3)) as folder:
        folder.stage("play").log(10, {"success": 0.5})
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == {"size": 3}
    row = json.loads((tmp_path / "run" / "metrics.jsonl").read_text())
    assert (row["stage"], row["episodes"], row["success"]) == ("play", 10, 0.5)


def rows(run: Path) -> list[tuple[str, int]]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [(row["stage"], row["episodes"]) for row in map(json.loads, lines)]


def test_metrics_after_the_checkpoint_gone_on_from_are_not_written_twice(tmp_path: Path) -> None:
    # Given a run whose second stage was killed after a checkpoint, in the middle of a row
    with RunFolder(tmp_path, Config()) as folder:
        folder.stage("first").log(30, {"success": 1.0})
        second = folder.stage("second")
        second.log(10, {"success": 0.1})
        second.save(10, {"x": torch.zeros(1)}, {})
        second.log(20, {"success": 0.2})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "second", "episo')
    # When it is gone on with
    with RunFolder(tmp_path, Config(), resume=True) as folder:
        assert folder.stage("second").load() is not None
        # Then what came after the checkpoint is gone, and nothing else
        assert rows(tmp_path) == [("first", 30), ("second", 10)]
        folder.stage("second").log(20, {"success": 0.3})
    assert rows(tmp_path) == [("first", 30), ("second", 10), ("second", 20)]
    assert len(list(tmp_path.glob("events.*"))) <= 1


def test_a_line_that_is_no_row_of_metrics_is_named_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"episodes": 3}\n')
    with pytest.raises(RunError, match=r"line 1 of .*metrics.jsonl is no row of metrics"):
        RunFolder(tmp_path, Config())
    (tmp_path / "metrics.jsonl").unlink()
    RunFolder(tmp_path, Config(), resume=True).close()  # nobody holds the lock


def test_time_spent_before_goes_on_counting(tmp_path: Path) -> None:
    row = {"stage": "play", "unit": "episodes", "episodes": 5, "seconds": 100.0, "success": 0.0}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    with RunFolder(tmp_path, Config()) as folder:
        folder.stage("play").log(10, {"success": 0.5})
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["seconds"] >= 100.0


def test_a_run_is_not_overwritten_nor_resumed_as_another(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"there is no run in .* to go on with; leave out --resume"):
        RunFolder(tmp_path, Config(3), resume=True)
    RunFolder(tmp_path, Config(3)).close()
    with pytest.raises(RunError, match="already holds a run; add --resume or choose another"):
        RunFolder(tmp_path, Config(3))
    with pytest.raises(RunError, match=r"another configuration .size: 3 there, 4 here"):
        RunFolder(tmp_path, Config(4), resume=True)
    RunFolder(tmp_path, Config(3), resume=True).close()


def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path, Config()),
        pytest.raises(RunError, match="in use by another training run"),
    ):
        RunFolder(tmp_path, Config(), resume=True)
