"""The packages, as colcon and pip see them."""

from __future__ import annotations

import ast
import os
import runpy
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import setuptools

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "ros2_ws" / "src"
PACKAGES = sorted(path.parent.name for path in SOURCE.glob("*/setup.py"))
MANIFESTS = sorted(SOURCE.glob("*/package.xml"))

# ROS packages that the code imports under the same name. Others are libraries: see the extras.
ROS_SUFFIXES = ("_msgs", "_interfaces", "_srvs", "rclpy", "ament_index_python")


def setup_arguments(package: str) -> dict[str, Any]:
    """Return what setup.py hands to setuptools when it is run in the folder of its package."""
    arguments: dict[str, Any] = {}
    before = Path.cwd()
    os.chdir(SOURCE / package)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(setuptools, "setup", lambda **given: arguments.update(given))
            patch.setattr("Cython.Build.cythonize", lambda extensions, **_: extensions)
            runpy.run_path("setup.py")
    finally:
        os.chdir(before)
    return arguments


def manifest_text(package: str, tag: str) -> list[str]:
    """Return the texts of all elements `tag` in a package.xml."""
    elements = ElementTree.parse(SOURCE / package / "package.xml").iter(tag)
    return [element.text or "" for element in elements]


def test_all_packages_have_one_version() -> None:
    versions = {path.parent.name: manifest_text(path.parent.name, "version") for path in MANIFESTS}
    assert len({version for [version] in versions.values()}) == 1, versions


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("key", ["name", "version", "description", "license"])
def test_setup_and_manifest_agree(package: str, key: str) -> None:
    assert [setup_arguments(package)[key]] == manifest_text(package, key)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_console_script_leads_to_a_main(package: str) -> None:
    scripts = setup_arguments(package).get("entry_points", {}).get("console_scripts", [])
    for script in scripts:
        name, _, target = script.partition(" = ")
        module, _, function = target.partition(":")
        stem = SOURCE / package / Path(*module.split("."))
        source = next(
            (p for p in (stem.with_suffix(".py"), stem / "__init__.py") if p.exists()), None
        )
        assert source, f"{name} is to be in {module}, which does not exist"
        assert function in top_level_names(source), f"{name}: {module} has no {function}()"


def top_level_names(source: Path) -> set[str]:
    """Return the names of the functions and classes that a module defines or imports."""
    body = ast.parse(source.read_text(encoding="utf-8")).body
    defined = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    imports = [node for node in body if isinstance(node, ast.ImportFrom)]
    return defined | {alias.asname or alias.name for node in imports for alias in node.names}


@pytest.mark.parametrize("package", PACKAGES)
def test_colcon_test_finds_pytest(package: str) -> None:
    """Without this, `colcon test` runs nothing and reports success."""
    assert "pytest" in setup_arguments(package)["extras_require"]["test"]


@pytest.mark.parametrize(
    ("package", "folder"),
    [("introspect_description", "urdf"), ("introspect", "launch"), ("introspect", "security")],
)
def test_the_folders_of_the_root_are_installed(package: str, folder: str) -> None:
    installed = {
        str(Path(target, Path(file).name))
        for target, files in setup_arguments(package)["data_files"]
        for file in files
    }
    wanted = {
        f"share/{package}/{path.relative_to(ROOT)}"
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert wanted
    assert wanted <= installed


def imported_ros_packages(package: str) -> set[str]:
    """Return the ROS packages, ours included, that a package imports anywhere."""
    found = set()
    for path in (SOURCE / package / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            found |= {name.split(".")[0] for name in names}
    return {name for name in found if name.endswith(ROS_SUFFIXES) or name in PACKAGES} - {package}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_manifest_declares_every_ros_package_that_is_imported(package: str) -> None:
    missing = imported_ros_packages(package) - set(manifest_text(package, "exec_depend"))
    assert not missing, f"{package}/package.xml lacks <exec_depend> for {sorted(missing)}"
