"""What is written stands there whole, or not at all, and leaves nothing beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from introspect_control.atomic import write_file, write_folder


def fill(folder: Path) -> None:
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "new").write_text("new")


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    write_folder(tmp_path / "folder", fill)
    assert (tmp_path / "folder/deep/deeper/new").read_text() == "new"
    assert not (tmp_path / "folder/old").exists()
    assert os.listdir(tmp_path) == ["folder"]


def test_what_fails_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()

    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left on device"):
        write_folder(tmp_path / "folder", fail)
    assert os.listdir(tmp_path / "folder") == ["old"]
    assert os.listdir(tmp_path) == ["folder"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "folder", fill)
    replace = os.replace

    def refuse(source: Path, target: Path) -> None:
        if ".tmp-" in source.name:
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        write_folder(tmp_path / "folder", lambda _: None)
    assert os.listdir(tmp_path) == ["folder"]
    assert (tmp_path / "folder/deep/deeper/new").read_text() == "new"


def test_every_file_and_folder_is_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    def rename(source: Path, target: Path) -> None:
        done.append("renamed")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    write_folder(tmp_path / "folder", fill)
    before = done[: done.index("renamed")]
    assert {"new", "deeper", "deep", f".folder.tmp-{os.getpid()}"} == set(before)
    assert done[-1] == tmp_path.name


def test_a_file_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    write_file(tmp_path / "file", lambda aside: aside.write_text("old"))

    def fail(aside: Path) -> None:
        aside.write_text("ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "file", fail)
    assert (tmp_path / "file").read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]
