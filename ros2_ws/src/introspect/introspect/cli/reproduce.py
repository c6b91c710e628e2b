"""``introspect reproduce``: a published study again, beside its baselines, by one command."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from introspect.cli.border import usage_errors
from introspect.cli.parser import verb_parser
from introspect.cli.progress import progress_bars
from introspect.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from introspect_learning.studies.study import StudyConfig

NAMES = ("internal-states", "noise", "state-values", "perturbation")


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    parser = verb_parser(
        "reproduce",
        "Run a study again: many trainings side by side, figures and JSON in results/STUDY.\n"
        "Trainings that have ended are kept, and shared by all studies: the same command goes on.\n"
        "One takes one to three minutes of a core; with all seeds, modes and controls, a study on\n"
        "two cores takes one to four hours.",
        "introspect reproduce internal-states --seeds 10 --jobs 2\n"
        "  introspect reproduce noise --seeds 5 --mode ours --json",
    )
    parser.add_argument("study", metavar="STUDY", help=", ".join(NAMES))
    parser.add_argument("--seeds", type=int, default=10, help="of every variant (default 10)")
    parser.add_argument("--control-seeds", type=int, default=0, help="of every control (as many)")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time (default 2)")
    parser.add_argument("--no-controls", action="store_true", help="only the published variants")
    parser.add_argument("--mode", action="append", help="ours or seed_mode (default both)")
    parser.add_argument("--out", type=Path, help="folder of the results (default results/STUDY)")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path("runs/studies"),
        help="folder of the trainings (default runs/studies)",
    )
    parser.add_argument("--resume", action="store_true", help="as always: kept trainings are used")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(words)
    if options.study not in NAMES:
        hint = did_you_mean(options.study, NAMES)
        raise UsageError(f"there is no study '{options.study}'.{hint} Studies: {', '.join(NAMES)}.")
    with usage_errors(ValueError):
        from introspect_learning.studies.study import STUDIES, StudyConfig, reproduce
        from introspect_learning.studies.variant import MODES

        config = StudyConfig(
            seeds=options.seeds,
            control_seeds=options.control_seeds,
            jobs=options.jobs,
            controls=not options.no_controls,
            modes=tuple(options.mode or MODES),
        )
    out = options.out or _default_folder(options.study, config)
    try:
        with usage_errors(), progress_bars() as report:
            found = reproduce(
                STUDIES[options.study],
                config,
                out,
                options.cache,
                lambda done, text: report(options.study, done, text),
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped; the same command goes on with the trainings kept in {options.cache}"
        ) from None
    if options.json:
        print(json.dumps(_headline(found)))
    else:
        print(table(found))
        print(f"written: {out / 'study.json'}, {', '.join(found['figures'])}")
    return 0


def _default_folder(study: str, config: StudyConfig) -> Path:
    """``results/STUDY``, unless another study than this one is there.

    Raises:
        UsageError: It is, and would be lost.
    """
    out = Path("results") / study
    try:
        there = json.loads((out / "study.json").read_text(encoding="utf-8"))["config"]
    except (OSError, ValueError, KeyError, TypeError):
        return out
    asked = json.loads(json.dumps(asdict(config)))
    if differs := [name for name in asked if name != "jobs" and there.get(name) != asked[name]]:
        what = ", ".join(f"{name} {there.get(name)}" for name in differs)
        raise UsageError(
            f"{out} holds this study with {what}. Name another folder with --out, or that one to "
            "replace it"
        )
    return out


def _headline(found: dict[str, Any]) -> dict[str, Any]:
    """The published baseline's row first, all the others beside it."""
    rows = found["rows"]
    head = {key: rows[0][key] for key in ("what", "metric", "value", "ci95", "n", "seed")}
    return head | {"seconds": found["seconds"], "study": found["study"], "rows": rows}


def table(found: dict[str, Any]) -> str:
    """The study for people: a line a row."""
    lines = []
    for row in found["rows"]:
        if row["metric"] != "success":
            continue
        line = (
            f"  {row['mode']:<10} {row['what']:<22} σ {row['noise']:<6g}{100 * row['value']:6.1f} %"
        )
        if row["ci95"] is not None:
            low, high = row["ci95"]
            line += f" ({100 * low:.1f} to {100 * high:.1f})"
        line += f", n {row['n']}"
        if "dead_runs" in row:
            line += f", dead {row['dead_runs']}, 75 % by {row['episodes_to_75']} episodes"
        lines.append(f"{line}, recovered {100 * row['recovered']:.1f} %")
    return "\n".join(lines)
