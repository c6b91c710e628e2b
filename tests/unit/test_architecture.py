"""The architecture, held by tests: who may import whom, what stays light, what is never written."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "ros2_ws" / "src"

# From the bottom to the top: a package imports those before it, never those after it.
PACKAGES = (
    "introspect_description",
    "introspect_control",
    "introspect_sim",
    "introspect_learning",
    "introspect",
)

# What makes an import slow or needs a simulator, a compiler of tensors, or ROS 2.
HEAVY = (
    *("cv2", "matplotlib", "mujoco", "ompl", "onnxruntime", "pybullet", "rclpy", "ruckig"),
    *("torch", "viser"),
)

ROS = re.compile(r"rclpy|rcl_interfaces|builtin_interfaces|std_srvs|\w+_msgs")


def modules(package: str) -> list[Path]:
    """Return every module of a package."""
    return sorted((SOURCE / package / package).rglob("*.py"))


def all_modules() -> list[Path]:
    """Return every module of every package."""
    return [path for package in PACKAGES for path in modules(package)]


def dotted(path: Path) -> str:
    """Return the import name of a module."""
    parts = path.relative_to(SOURCE).with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path, eager: bool = False) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of every absolute import; `eager`: only those that importing runs."""
    for node in parse(path).body if eager else ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module


def where(path: Path, line: int) -> str:
    """Return a place as an editor understands it."""
    return f"{path.relative_to(SOURCE.parents[1])}:{line}"


def test_every_package_has_modules() -> None:
    for package in PACKAGES:
        assert modules(package), f"no modules in {package}: nothing here would be tested"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_those_below_it(package: str) -> None:
    above = set(PACKAGES[PACKAGES.index(package) + 1 :])
    wrong = [
        f"{where(path, line)} imports {name}"
        for path in modules(package)
        for line, name in imports(path)
        if name.split(".")[0] in above
    ]
    assert not wrong, "\n".join(wrong)


def test_only_nodes_import_ros() -> None:
    wrong = [
        f"{where(path, line)} imports {name}, which only files under nodes/ may"
        for path in all_modules()
        if "nodes" not in path.relative_to(SOURCE).parts
        for line, name in imports(path)
        if ROS.fullmatch(name.split(".")[0])
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_but_nodes_imports_nodes_before_they_are_needed() -> None:
    wrong = [
        f"{where(path, line)} imports {name}"
        for path in all_modules()
        if "nodes" not in path.relative_to(SOURCE).parts
        for line, name in imports(path, eager=True)
        if name.split(".")[0] in PACKAGES and "nodes" in name.split(".")
    ]
    assert not wrong, "\n".join(wrong)


def imported_by(names: list[str]) -> dict[str, set[str]]:
    """Import modules one after the other in a new process; return what each made heavier."""
    program = (
        "import importlib, sys\n"
        f"heavy = {HEAVY!r}\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    print(name, *(h for h in heavy if h in sys.modules))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *names], check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, set[str]] = {}
    seen: set[str] = set()
    for line in result.stdout.splitlines():
        name, *loaded = line.split()
        found[name] = set(loaded) - seen
        seen |= found[name]
    return found


def test_importing_a_package_stays_light() -> None:
    subpackages = [
        dotted(path)
        for path in all_modules()
        if path.name == "__init__.py" and "nodes" not in path.relative_to(SOURCE).parts
    ]
    # Whole packages first: what a sub-package loads must not be blamed on them.
    heavier = imported_by([*PACKAGES, *(name for name in subpackages if name not in PACKAGES)])
    assert not any(heavier[name] for name in PACKAGES), heavier


def test_running_the_nodes_needs_no_torch() -> None:
    pytest.importorskip("rclpy")
    pytest.importorskip("introspect_msgs")
    nodes = [dotted(path) for path in all_modules() if path.parent.name == "nodes"]
    heavier = imported_by(nodes)
    assert not [name for name, loaded in heavier.items() if "torch" in loaded]


@pytest.mark.parametrize(
    "name", [dotted(path) for path in all_modules() if path.name == "__init__.py"]
)
def test_every_public_name_exists(name: str) -> None:
    if "nodes" in name.split("."):
        pytest.importorskip("rclpy")
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    missing = [public for public in getattr(module, "__all__", ()) if not hasattr(module, public)]
    assert not missing, f"{name}.__all__ names what does not exist: {missing}"
