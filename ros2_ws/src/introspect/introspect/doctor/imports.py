"""Whether the libraries that nodes need can be imported, tried in a process of their own.

A library built against others than those it finds can take the whole process with it, so it is not
this one that tries.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from introspect.doctor.finding import Finding, note, ok, problem, warning

_PROBE = """
import importlib, json, sys
for name in sys.argv[1:]:
    print(json.dumps({"name": name, "stage": "trying"}), flush=True)
    found = {"name": name, "stage": "done", "error": "", "file": "", "version": ""}
    try:
        module = importlib.import_module(name)
        found["file"] = getattr(module, "__file__", None) or ""
        found["version"] = str(getattr(module, "__version__", ""))
    except BaseException as error:
        found["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(found), flush=True)
"""
_TIMEOUT = 60.0  # [s]

_DEBIAN_PACKAGES = {
    "libGL.so": "libgl1",
    "libEGL.so": "libegl1",
    "libOSMesa.so": "libosmesa6",
    "libgomp.so": "libgomp1",
    "libstdc++.so": "libstdc++6",
    "libglib-2.0.so": "libglib2.0-0",
    "libpython3": "libpython3-dev",
}


@dataclass(frozen=True)
class Import:
    """What came of importing one module."""

    error: str = ""  # "" where it worked
    file: str = ""  # that it came from
    version: str = ""  # of its own account, may be ""


def try_imports(names: Sequence[str], environment: Mapping[str, str]) -> dict[str, Import]:
    """Import modules in a process of their own.

    Args:
        names: of the modules.
        environment: of that process.

    Returns:
        What came of each.
    """
    done: dict[str, Import] = {}
    while missing := [name for name in names if name not in done]:
        try:
            run = subprocess.run(
                [sys.executable, "-c", _PROBE, *missing],
                env=dict(environment),
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
                check=False,
            )
            output, end = run.stdout, f"the process ended with code {run.returncode}"
        except subprocess.TimeoutExpired as expired:
            output = expired.stdout.decode() if isinstance(expired.stdout, bytes) else ""
            end = f"no end after {_TIMEOUT:g} s"
        trying = missing[0]
        for line in output.splitlines():
            if not line.startswith('{"name"'):
                continue  # something that a module printed
            found = json.loads(line)
            trying = found["name"]
            if found["stage"] == "done":
                done[trying] = Import(found["error"], found["file"], found["version"])
        if trying not in done:  # it took the process with it: go on without it
            done[trying] = Import(error=end)
        elif missing[-1] not in done:
            following = missing[missing.index(trying) + 1]
            done[following] = Import(error=end)
    return done


def missing_library(error: str) -> str:
    """The shared library that an import error is about, "" where it is about something else."""
    found = re.search(r"(lib[\w+.-]+\.so[\w.]*): cannot open shared object", error)
    return found[1] if found else ""


def cure_of(error: str, otherwise: str) -> str:
    """What to do about a failed import."""
    library = missing_library(error)
    if not library:
        return otherwise
    for beginning, package in _DEBIAN_PACKAGES.items():
        if library.startswith(beginning):
            return f"apt install {package}"
    return f"install the package that has {library}: apt-file search {library}"


def check_import(
    check: str, modules: Sequence[str], imports: Mapping[str, Import], cure: str, without: str = ""
) -> Finding:
    """Whether a library is there and works.

    Args:
        check: name of the check.
        modules: that make up the library.
        imports: what came of importing them.
        cure: how to install it.
        without: what does not work without it, for a library that is not always needed.
    """
    failed = {name: imports[name].error for name in modules if imports[name].error}
    if not failed:
        return ok(check, imports[modules[0]].version or "importable")
    name, error = next(iter(failed.items()))
    others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    text = f"{name} cannot be imported{others}: {error}"
    if without:
        severity = warning if missing_library(error) else note
        return severity(check, f"{text}. Without it: {without}", cure_of(error, cure))
    return problem(check, text, cure_of(error, cure))
