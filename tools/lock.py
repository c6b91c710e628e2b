"""Write requirements/lock.txt: the exact version of everything, on every supported Python.

    python tools/lock.py python3.10 python3.11 python3.12 python3.13

Run it with a recent pip, which for each interpreter resolves requirements/{dev,colcon}.txt and
installs nothing. Names come from the distributions' own metadata, because `pip freeze` also lists
the ROS packages under names that other projects own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ("dev.txt", "colcon.txt")
Python = tuple[int, int]  # (major, minor)
HEADER = """\
# Exact versions of everything, on every supported Python. A constraint file: it installs nothing.
# Written by tools/lock.py; edit the other files of this folder instead.
"""


def resolve(python: str) -> tuple[Python, dict[str, str]]:
    """Return the interpreter's version and {name: version} as its pip resolves them."""
    command = [sys.executable, "-m", "pip", "-qq", "--python", python]
    command += ["install", "--dry-run", "--ignore-installed"]
    for name in REQUIREMENTS:
        command += ["-r", str(ROOT / "requirements" / name)]
    output = subprocess.run([*command, "--report", "-"], check=True, stdout=subprocess.PIPE).stdout
    report = json.loads(output)
    major, minor = report["environment"]["python_version"].split(".")
    pins = {}
    for item in report["install"]:
        metadata = item["metadata"]
        name = re.sub(r"[-_.]+", "-", metadata["name"]).lower()
        pins[name] = metadata["version"].partition("+")[0]  # the local part names a mirror's build
    return (int(major), int(minor)), pins


def lines(name: str, pins: dict[str, list[Python]]) -> list[str]:
    """Return the lines for one package: each version holds from its first Python to the next's."""
    groups = sorted((min(pythons), pin) for pin, pythons in pins.items())
    result = []
    for index, (first, pin) in enumerate(groups):
        bounds = []
        if index > 0:
            bounds.append(f'python_version >= "{first[0]}.{first[1]}"')
        if index + 1 < len(groups):
            following = groups[index + 1][0]
            bounds.append(f'python_version < "{following[0]}.{following[1]}"')
        result.append(f"{name}=={pin}" + ("; " + " and ".join(bounds) if bounds else "") + "\n")
    return result


def main() -> int:
    """Resolve with every interpreter named on the command line and write the lock."""
    if not sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    used: dict[str, dict[str, list[Python]]] = defaultdict(lambda: defaultdict(list))
    for python in sys.argv[1:]:
        print(f"resolving with {python}", file=sys.stderr)
        version, pins = resolve(python)
        for name, pin in pins.items():
            used[name][pin].append(version)
    text = "".join(line for name, pins in sorted(used.items()) for line in lines(name, pins))
    (ROOT / "requirements" / "lock.txt").write_text(HEADER + text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
