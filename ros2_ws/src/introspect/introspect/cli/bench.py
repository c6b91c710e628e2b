"""``introspect bench``: measurements beside peers, from the source checkout."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from introspect.cli.parser import verb_parser
from introspect.errors import UsageError, did_you_mean


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    root = _checkout()
    names = benchmarks(root) if root else []
    parser = verb_parser(
        "bench",
        "Measure beside peers, in one run, from the folder that was cloned.\n\n"
        f"measurements:\n{_listed(root, names)}",
        "introspect bench env --json\n  introspect bench env --help   lists its options",
    )
    parser.add_argument("name", metavar="NAME", help="which measurement; its options follow")
    name = parser.parse_args(words[:1]).name
    options = words[1:]
    if root is None:
        raise UsageError(
            "benchmarks belong to the source checkout, not to an installation; "
            "run this from the folder that was cloned"
        )
    if name not in names:
        raise UsageError(
            f"there is no benchmark '{name}'.{did_you_mean(name, names)} "
            f"Benchmarks: {', '.join(names)}."
        )
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    return subprocess.run(command, cwd=root, check=False).returncode


def benchmarks(root: Path) -> list[str]:
    """Names of the measurements: the modules of ``benchmarks/`` that are programs."""
    files = sorted((root / "benchmarks").glob("*.py"))
    return [file.stem for file in files if "def main(" in file.read_text(encoding="utf-8")]


def _listed(root: Path | None, names: list[str]) -> str:
    if root is None:
        return "  none here"
    texts = [(root / "benchmarks" / f"{name}.py").read_text(encoding="utf-8") for name in names]
    says = [(ast.get_docstring(ast.parse(text)) or "").partition("\n")[0] for text in texts]
    width = max(map(len, names))
    return "\n".join(f"  {name:<{width}}  {line}" for name, line in zip(names, says, strict=True))


def _checkout() -> Path | None:
    for folder in _candidates():
        if (folder / "benchmarks").is_dir() and (folder / "ros2_ws").is_dir():
            return folder
    return None


def _candidates() -> Iterator[Path]:
    here = Path.cwd()
    yield from (here, *here.parents)
    yield from Path(__file__).resolve().parents
