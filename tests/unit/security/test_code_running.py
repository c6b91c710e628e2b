"""Nothing of ours runs code from a file or a string, nor unpacks what it was given."""

from __future__ import annotations

import ast
import pyexpat
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("ros2_ws/src", "benchmarks", "tools", "launch")

MODULES = {
    **dict.fromkeys(("pickle", "_pickle", "cPickle", "cloudpickle", "dill"), "runs what it reads"),
    **dict.fromkeys(("joblib", "marshal", "shelve", "jsonpickle"), "runs what it reads"),
    **dict.fromkeys(("tarfile", "zipfile"), "an archive writes where it likes"),
    **dict.fromkeys(("lxml", "xml.sax"), "may follow entities to other files"),
}
"""Modules that are not imported, and why."""

CALLS = {
    **dict.fromkeys(("eval", "exec", "compile", "__import__"), "runs a text"),
    **dict.fromkeys(("builtins.eval", "builtins.exec", "code.interact"), "runs a text"),
    **dict.fromkeys(("torch.load", "torch.jit.load", "torch.hub.load"), "unpickles"),
    **dict.fromkeys(("torch.export.load", "torch.serialization.load"), "unpickles"),
    **dict.fromkeys(("pd.read_pickle", "pandas.read_pickle"), "unpickles"),
    **dict.fromkeys(("yaml.load", "yaml.load_all", "yaml.full_load"), "may make any object"),
    **dict.fromkeys(("yaml.unsafe_load", "yaml.unsafe_load_all"), "makes any object"),
    "yaml.safe_load": "grows without end by merged mappings; plain_yaml.read_yaml does not",
    **dict.fromkeys(("os.system", "os.popen", "subprocess.getoutput"), "runs a shell"),
    "subprocess.getstatusoutput": "runs a shell",
    "shutil.unpack_archive": "an archive writes where it likes",
    "tempfile.mktemp": "somebody else may make that file first",
}
"""Functions that are not called, and why."""

LOADERS = {"Loader", "FullLoader", "UnsafeLoader", "CLoader", "CFullLoader", "CUnsafeLoader"}


def sources() -> list[Path]:
    """Return every Python file that users run."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    files = [path for path in files if ".venv" not in path.parts]  # of the benchmarks' peers
    return sorted(files)


def forbidden(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, construct) for everything that could run code, or be made to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module(node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from _module(node.lineno, node.module)
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield from _module(node.lineno, whole)
                if whole in CALLS:
                    yield node.lineno, f"from {node.module} import {alias.name}"
        elif isinstance(node, ast.Attribute) and node.attr in LOADERS:
            if ast.unparse(node.value) == "yaml":
                yield node.lineno, f"yaml.{node.attr}: makes any object"
        elif isinstance(node, ast.Call):
            yield from _call(node)


def _module(line: int, name: str) -> Iterator[tuple[int, str]]:
    for module, why in MODULES.items():
        if name == module or name.startswith(module + "."):
            yield line, f"{name}: {why}"


def _call(node: ast.Call) -> Iterator[tuple[int, str]]:
    called = ast.unparse(node.func)
    if called in CALLS:
        yield node.lineno, f"{called}: {CALLS[called]}"
    if called in ("np.load", "numpy.load") and len(node.args) > 2:
        yield node.lineno, f"{called}: with allow_pickle, as its third argument"
    for keyword in node.keywords:
        value = getattr(keyword.value, "value", None)
        if keyword.arg == "allow_pickle" and value is not False:
            yield node.lineno, f"{called}: with allow_pickle"
        if keyword.arg == "weights_only" and value is not True:
            yield node.lineno, f"{called}: without weights_only"
        if keyword.arg == "shell" and value is not False:
            yield node.lineno, f"{called}: in a shell"


def test_there_is_something_to_search_everywhere() -> None:
    searched = {str(path.relative_to(ROOT)) for path in sources()}
    assert "ros2_ws/src/introspect/introspect/cli/main.py" in searched
    for folder in FOLDERS:
        assert any(name.startswith(folder) for name in searched), folder


def test_nothing_runs_code_from_files_or_strings() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {construct}"
        for path in sources()
        for line, construct in forbidden(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "import pickle as p",
        "from cloudpickle import loads",
        "from multiprocessing import connection; import _pickle",
        "import joblib.numpy_pickle",
        "eval('1')",
        "exec(open('x').read())",
        "__import__(name)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.SafeLoader)",  # safe_load says it more plainly
        "yaml.full_load(text)",
        "yaml.safe_load(text)",
        "yaml.load_all(text, yaml.Loader)",
        "class Mine(yaml.UnsafeLoader): pass",
        "from yaml import unsafe_load",
        "torch.load('model.pt')",
        "torch.load('model.pt', weights_only=True)",
        "torch.jit.load('model.pt')",
        "load(file, weights_only=False)",
        "from torch import load",
        "np.load('a.npz', allow_pickle=True)",
        "np.load('a.npz', allow_pickle=wanted)",
        "np.load('a.npz', None, True)",
        "pd.read_pickle('a')",
        "subprocess.run('ls', shell=True)",
        "subprocess.Popen(words, shell=wanted)",
        "os.system('ls')",
        "from os import popen",
        "import tarfile",
        "from zipfile import ZipFile",
        "shutil.unpack_archive(path)",
        "from lxml import etree",
        "from xml import sax",
        "import xml.sax.handler",
        "tempfile.mktemp()",
    ],
)
def test_the_search_finds_what_is_forbidden(line: str) -> None:
    assert list(forbidden(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "model.eval()",
        "re.compile('x')",
        "read_yaml(text)",
        "yaml.safe_dump(value)",
        "yaml.SafeLoader",
        "np.load('a.npz', allow_pickle=False)",
        "np.load('a.npz')",
        "json.load(f)",
        "safetensors.torch.load_file(path)",
        "subprocess.run(words, check=True)",
        "import xml.etree.ElementTree as ElementTree",
        "from importlib import import_module",
    ],
)
def test_the_search_leaves_alone_what_is_allowed(line: str) -> None:
    assert not list(forbidden(ast.parse(line)))


LAUGHS = "".join(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 12))
"""A text of ten to the eleventh words, in a thousand characters."""


def test_an_xml_file_whose_entities_grow_without_end_is_refused_by_the_parser_itself() -> None:
    """So that we need no parser but Python's; its own has this from 2.4.1 on."""
    assert pyexpat.version_info >= (2, 4, 1)
    hostile = f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><r>&l11;</r>'
    with pytest.raises(ElementTree.ParseError, match="amplification"):
        ElementTree.fromstring(hostile)


def test_an_xml_file_cannot_have_another_file_read_into_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    hostile = f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]><r>&x;</r>'
    with pytest.raises(ElementTree.ParseError, match="undefined entity"):
        ElementTree.fromstring(hostile)
