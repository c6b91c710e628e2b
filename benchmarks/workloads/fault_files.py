"""Faults that concern no arm: models, recordings and folders that are not as they should be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.sides import ROOT
from introspect_control.capture import BagWriter
from introspect_control.capture.definition import parse_definition
from introspect_learning.models.policy import shipped

REFUSED = "refused, nothing lost"
_INTROSPECT = [sys.executable, "-m", "introspect"]
_EVALUATE = ["eval", "pick_and_place", "--episodes", "1", "--model"]
_DEFINITION = "uint64 number\nuint8[256] noise\n"


@dataclass(frozen=True)
class FileCase:
    """One fault of files."""

    row: str
    name: str
    try_it: Callable[[Path], tuple[bool, str]]  # in an empty folder: as it should be, what was told

    def measure(self) -> tuple[Any, ...]:
        """The fields of an outcome."""
        with tempfile.TemporaryDirectory() as folder:
            held, told = self.try_it(Path(folder))
        return (self.row, self.name, "", REFUSED, held, None, None, 0, 0, "", told)


def _run(*words: str | Path) -> tuple[int, str]:
    """Exit code and last line of what the command line says."""
    done = subprocess.run(
        [*_INTROSPECT, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, lines[-1] if lines else ""


def _model(spoil: Callable[[Path], None]) -> Callable[[Path], tuple[bool, str]]:
    def try_it(folder: Path) -> tuple[bool, str]:
        model = folder / "model"
        shutil.copytree(shipped(), model)
        spoil(model / "behaviours")
        code, told = _run(*_EVALUATE, model)
        return code == 2 and not (folder / "executed").exists(), told.replace(str(folder), "...")

    return try_it


def _truncate(folder: Path) -> None:
    for name in ("model.safetensors", "model.onnx"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])


def _foreign(folder: Path) -> None:
    shutil.copy(folder.parent / "choreographer" / "model.onnx", folder / "model.onnx")


def _pickled(folder: Path) -> None:
    """What unpickling would carry out: ``os.system("touch .../executed")``."""
    payload = f"cos\nsystem\n(S'touch {folder.parents[1] / 'executed'}'\ntR.".encode()
    for name in ("model.safetensors", "model.onnx"):
        (folder / name).write_bytes(payload)


def _record(bag: Path, messages: int = 2000) -> None:
    writer = BagWriter(bag)
    topic = writer.add_topic("/numbers", parse_definition("test_msgs/msg/Numbered", _DEFINITION))
    for number in range(messages):
        writer.write(
            topic, number * 1_000_000, bytes(4) + number.to_bytes(8, "little") + bytes(256)
        )
    writer.close()


def _bag(spoil: Callable[[Path], None], repaired: bool) -> Callable[[Path], tuple[bool, str]]:
    def try_it(folder: Path) -> tuple[bool, str]:
        bag = folder / "bag"
        _record(bag)
        spoil(bag)
        code, told = _run("bag", "verify", bag)
        found = code != 0
        if repaired:
            code, told = _run("bag", "repair", bag)
            found = found and code == 0 and _run("bag", "verify", bag)[0] == 0
        return found, told.replace(str(folder), "...")

    return try_it


def _cut(bag: Path) -> None:
    file = next(bag.glob("*.mcap"))
    file.write_bytes(file.read_bytes()[:-2000])


def _empty(bag: Path) -> None:
    next(bag.glob("*.mcap")).write_bytes(b"")


def _no_metadata(bag: Path) -> None:
    (bag / "metadata.yaml").unlink()


def _full_disk(folder: Path) -> tuple[bool, str]:
    """Record beyond what a file may have, in a child of its own."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY));"
        "from pathlib import Path; from benchmarks.workloads import fault_files;"
        "fault_files.record_until_full(Path(sys.argv[1]))"
    )
    bag = folder / "bag"
    done = subprocess.run(
        [sys.executable, "-c", code, str(bag)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout.strip().splitlines()[-1:]
    repaired, _ = _run("bag", "repair", bag)
    sound, _ = _run("bag", "verify", bag)
    held = bool(told) and (repaired, sound) == (0, 0)
    return held, (told[0] if told else done.stderr[-200:]).replace(str(folder), "...")


def record_until_full(bag: Path) -> None:
    """Record until the writer says why it stops."""
    writer = BagWriter(bag)
    topic = writer.add_topic("/numbers", parse_definition("test_msgs/msg/Numbered", _DEFINITION))
    deadline = time.monotonic() + 20.0
    while not writer.progress.failure and time.monotonic() < deadline:
        writer.write(topic, time.time_ns(), b"\0\1\0\0" + os.urandom(264))
        time.sleep(0.0002)
    print(writer.progress.failure)


def _second_recorder(folder: Path) -> tuple[bool, str]:
    bag = folder / "bag"
    writer = BagWriter(bag)
    try:
        code, told = _run("capture", "--out", bag, "--seconds", "1")
    finally:
        writer.close()
    return code == 2, told.replace(str(folder), "...")


def _second_trainer(folder: Path) -> tuple[bool, str]:
    run = folder / "run"
    words = ["train", "bbrl", "--seed", "0", "--out", str(run)]
    first = subprocess.Popen(
        [*_INTROSPECT, *words], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not (run / "config.json").exists() and first.poll() is None:
            time.sleep(0.05)
        code, told = _run(*words, "--resume")
    finally:
        first.terminate()
        first.wait()
    return code == 2, told.replace(str(folder), "...")


FILE_CASES = (
    FileCase("model files", "cut off", _model(_truncate)),
    FileCase("model files", "of another network", _model(_foreign)),
    FileCase("model files", "a pickle that would run code", _model(_pickled)),
    FileCase("recordings", "cut off, then repaired", _bag(_cut, True)),
    FileCase("recordings", "without metadata, then repaired", _bag(_no_metadata, True)),
    FileCase("recordings", "of no length", _bag(_empty, False)),
    FileCase("disk", "full, then repaired", _full_disk),
    FileCase("two at once", "recorders in a folder", _second_recorder),
    FileCase("two at once", "trainers in a folder", _second_trainer),
)
"""In the order in which they are run and listed."""
