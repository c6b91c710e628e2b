"""``introspect bag``: what is in a recording, whether it is whole, and other forms of it."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from introspect.cli.parser import verb_parser
from introspect.cli.progress import progress_bars
from introspect.errors import IntrospectError, UsageError, did_you_mean

if TYPE_CHECKING:
    from introspect_control.capture.report import BagReport

VERBS = {
    "info": "what is in a bag: topics, messages, rates",
    "verify": "read all of it back; exit code 1 where anything is missing or broken",
    "repair": "make a bag readable that was never closed or is cut short",
    "export": "to a LeRobot dataset or HDF5, one episode after the other",
}
FORMATS = ("lerobot", "hdf5")  # of capture.export, which takes long to import
EXTRA = "pip install 'introspect_control[export]' (or: make setup-dev)"


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    verbs = "\n".join(f"  {name:<7} {summary}" for name, summary in VERBS.items())
    parser = verb_parser(
        "bag",
        f"Look at a recording: a rosbag2 bag with MCAP storage.\n\nwhat to do:\n{verbs}",
        "introspect bag info bags/first\n"
        "  introspect bag verify bags/first --json\n"
        "  introspect bag export bags/first --format lerobot --out data/first",
    )
    parser.add_argument("verb", metavar="WHAT", help=" | ".join(VERBS))
    parser.add_argument("bag", type=Path, metavar="BAG", help="folder of the bag")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--format", choices=FORMATS, help="to export to")
    parser.add_argument(
        "--out",
        type=Path,
        help="to export to: a new folder (lerobot; recorded images become PNG in its tables), "
        "or a new file (hdf5)",
    )
    parser.add_argument("--task", default="pick_and_place", help="name of the task, for lerobot")
    parser.add_argument("--arm", default="panda", help="arm, by the name of its data file")
    options = parser.parse_args(words)
    if options.verb not in VERBS:
        hint = did_you_mean(options.verb, VERBS)
        raise UsageError(f"there is no 'bag {options.verb}'.{hint} Allowed: {', '.join(VERBS)}.")
    if options.verb != "export" and (options.format or options.out):
        raise UsageError(f"--format and --out are for bag export, not for bag {options.verb}")

    from introspect_control.capture import BagError

    try:
        return _COMMANDS[options.verb](options)
    except BagError as error:
        raise IntrospectError(str(error)) from error


def _info(options: Namespace) -> int:
    report = _read(options)
    print(json.dumps(report.as_dict()) if options.json else table(report))
    return 0


def _verify(options: Namespace) -> int:
    report = _read(options)
    if options.json:
        print(json.dumps(report.as_dict()))
    else:
        for finding in report.findings:
            print(f"  {finding}")
        found = _findings(report) if report.findings else "sound"
        print(f"{report.path}: {report.messages} messages, {report.episodes} episodes: {found}")
    return 1 if report.findings else 0


def _repair(options: Namespace) -> int:
    from introspect_control.capture.repair import repair

    result = repair(options.bag)
    if options.json:
        row = {"bag": str(options.bag), "changed": result.changed}
        print(json.dumps(row | {"messages": result.messages, "dropped": result.dropped}))
    elif result.changed:
        pieces = "piece was" if result.dropped == 1 else "pieces were"
        cut = f"; {result.dropped} {pieces} not whole" if result.dropped else ""
        print(f"{options.bag}: repaired, {result.messages} messages{cut}")
    else:
        print(f"{options.bag}: {result.messages} messages, nothing to repair")
    return 0


def _export(options: Namespace) -> int:
    if not options.format or not options.out:
        raise UsageError(f"bag export needs --format {'|'.join(FORMATS)} and --out PATH")
    if options.out.exists():
        raise UsageError(f"--out {options.out} exists already; name one that does not")
    from introspect.runner.preflight import check_arm

    check_arm(options.arm)
    try:
        from introspect_control.capture.export import export

        with progress_bars() as report:
            given = (options.bag, options.out, options.format, options.task, options.arm)
            result = export(*given, report)
    except ModuleNotFoundError as error:
        if error.name not in ("h5py", "pyarrow", "PIL"):
            raise
        raise UsageError(f"{error.name} is needed and not installed; run: {EXTRA}") from error
    if options.json:
        print(json.dumps(result.as_dict()))
    else:
        skipped = f"; {result.skipped} periods were not complete" if result.skipped else ""
        pictures = " with pictures" if result.images else ""
        frames = f"{result.frames} frames{pictures}"
        print(f"{options.out}: {result.episodes} episodes, {frames}{skipped}")
    return 0


_COMMANDS = {"info": _info, "verify": _verify, "repair": _repair, "export": _export}


def _read(options: Namespace) -> BagReport:
    from introspect_control.capture.verify import inspect

    with progress_bars() as report:
        return inspect(options.bag, lambda done: report("read", done, ""))


def table(report: BagReport) -> str:
    """The report for people: one line a topic."""
    files = report.path.rglob("*") if report.path.is_dir() else [report.path]
    size = sum(file.stat().st_size for file in files if file.is_file())
    lines = [
        f"{report.path}: {report.messages} messages in {report.seconds:.1f} s, "
        f"{report.episodes} episodes, {1e-6 * size:.1f} MB",
    ]
    width = max((len(name) for name in report.topics), default=0)
    for name, topic in sorted(report.topics.items()):
        lines.append(f"  {name:<{width}}  {topic.messages:>8}  {topic.rate:8.1f} Hz  {topic.type}")
    if report.findings:
        lines.append(f"{_findings(report)}: introspect bag verify {report.path}")
    return "\n".join(lines)


def _findings(report: BagReport) -> str:
    count = len(report.findings)
    return f"{count} finding{'s' if count > 1 else ''}"
