"""Where shared files are found."""

import sys
from pathlib import Path

import pytest

from introspect_description import DescriptionError, share, share_dir


@pytest.fixture
def not_in_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "_checkout_root", lambda: None)


def test_a_checkout_uses_its_own_files() -> None:
    assert (share_dir() / "urdf" / "robot.urdf.xacro").is_file()


@pytest.mark.usefixtures("not_in_a_checkout")
def test_the_ament_index_comes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("ament_index_python")
    markers = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    markers.mkdir(parents=True)
    (markers / "introspect_description").touch()
    (tmp_path / "share" / "introspect_description").mkdir()
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    assert share_dir() == tmp_path / "share" / "introspect_description"


@pytest.mark.usefixtures("not_in_a_checkout")
def test_without_an_ament_index_the_environment_is_searched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(share, "_ament_share", lambda _: None)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "share" / "introspect").mkdir(parents=True)
    assert share_dir("introspect") == tmp_path / "share" / "introspect"


@pytest.mark.usefixtures("not_in_a_checkout")
def test_a_package_that_is_nowhere_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    with pytest.raises(
        DescriptionError, match=r"'no_such_package' .* Install it with pip or colcon"
    ):
        share_dir("no_such_package")
