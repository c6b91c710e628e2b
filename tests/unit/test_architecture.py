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
HEAVY = ("matplotlib", "mujoco", "onnxruntime", "pybullet", "rclpy", "torch", "viser")

ROS = re.compile(r"rclpy|rcl_interfaces|builtin_interfaces|std_srvs|\w+_msgs")
CODE_RUNNING_READERS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


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


def forbidden(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, construct) for everything that could run code from a file or a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in CODE_RUNNING_READERS:
                    yield node.lineno, f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] in CODE_RUNNING_READERS:
                yield node.lineno, f"from {node.module} import ..."
            if node.module in ("torch", "yaml") and "load" in {a.name for a in node.names}:
                yield node.lineno, f"from {node.module} import load"
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("eval", "exec", "torch.load", "yaml.load", "yaml.unsafe_load"):
                yield node.lineno, f"{called}(...)"
            for keyword in node.keywords:
                value = keyword.value
                if keyword.arg == "allow_pickle" and getattr(value, "value", None) is not False:
                    yield node.lineno, f"{called}(..., allow_pickle=...)"


def test_nothing_runs_code_from_files_or_strings() -> None:
    wrong = [
        f"{where(path, line)}: {construct}"
        for path in all_modules()
        for line, construct in forbidden(parse(path))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from cloudpickle import loads",
        "eval('1')",
        "yaml.load(text)",
        "torch.load('model.pt')",
        "np.load('a.npz', allow_pickle=True)",
        "from torch import load",
    ],
)
def test_the_search_finds_what_is_forbidden(line: str) -> None:
    assert list(forbidden(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "model.eval()",
        "yaml.safe_load(text)",
        "np.load('a.npz', allow_pickle=False)",
        "json.load(f)",
    ],
)
def test_the_search_leaves_alone_what_is_allowed(line: str) -> None:
    assert not list(forbidden(ast.parse(line)))
