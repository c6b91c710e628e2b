"""``introspect train``: learn a policy, or go on where it was left."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from introspect.cli import train_internal_states
from introspect.cli.border import usage_errors
from introspect.cli.budget import seconds_of
from introspect.cli.parser import british, verb_parser
from introspect.cli.progress import progress_bars
from introspect.cli.settings import configured
from introspect.errors import UsageError

if TYPE_CHECKING:
    from introspect_learning.bbrl import Trained

WHAT = ("bbrl", "behaviours", "choreographer")
_EXAMPLE = (
    "introspect train bbrl --seed 0 --out runs/bbrl\n"
    "  introspect train choreographer --behaviours runs/bbrl/model --out runs/other\n"
    "  introspect train bbrl --out runs/wide --choreographer.hidden 128\n"
    "  introspect train bbrl --settings   lists every number that can be set"
)


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    if words and words[0] == train_internal_states.WHAT:
        return train_internal_states.run(words[1:])
    parser = verb_parser(
        "train", "Learn behaviours, a choreographer among them, or both.", _EXAMPLE
    )
    parser.add_argument(
        "what",
        type=british,
        choices=(*WHAT, train_internal_states.WHAT),
        metavar="WHAT",
        help=f"{', '.join(WHAT)}; {train_internal_states.WHAT} has its own --help",
    )
    parser.add_argument("--out", type=Path, help="folder of the run (default runs/WHAT)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--seed", default="0", help="of everything random (default 0)")
    parser.add_argument(
        "--teacher", default="script", help="of behaviours: script (default), or none: by reward"
    )
    parser.add_argument(
        "--budget",
        help="end after about this long, as 90s or 10m; not before behaviours are learned",
    )
    parser.add_argument("--behaviours", type=Path, help="policy folder (choreographer only)")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--settings", action="store_true", help="list every number and leave")
    options, settings = parser.parse_known_args(words)
    if options.what not in WHAT:
        raise UsageError(f"'{options.what}' must come right after 'train'")
    budget = seconds_of(options.budget)
    with usage_errors():
        from introspect_learning.bbrl import BBRLConfig, train_bbrl

        given = ["--seed", options.seed, "--teacher", options.teacher, *settings]
        given += ["--help"] if options.settings else []
        config = configured(BBRLConfig, f"introspect train {options.what}", given)
    if (options.what == "choreographer") != (options.behaviours is not None):
        raise UsageError(
            "'train choreographer' needs --behaviours, a policy folder with behaviours to choose "
            "from; nothing else takes it"
        )
    out = options.out or Path("runs") / options.what
    started = time.perf_counter()
    try:
        with usage_errors(), progress_bars() as report:
            trained = train_bbrl(
                config,
                out,
                resume=options.resume,
                parts=WHAT[1:] if options.what == "bbrl" else (options.what,),
                behaviours=options.behaviours,
                seconds=budget,
                progress=report,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped; the same command with --resume goes on with {out}"
        ) from None
    seconds = round(time.perf_counter() - started, 2)
    if options.json:
        print(json.dumps(_result(options.what, trained, config.seed, seconds)))
    else:
        share = f"{trained.successes} of {trained.episodes} fresh episodes succeeded"
        print(f"trained {options.what} in {seconds:.0f} s, {share}: {trained.policy}")
        if not trained.finished:
            print("  the budget ended it; the same command with --resume goes on")
        if options.what != "behaviours":
            print(f"  introspect eval pick_and_place --model {trained.policy}")
    return 0


def _result(what: str, trained: Trained, seed: int, seconds: float) -> dict[str, Any]:
    from introspect_learning.evaluation.statistics import wilson

    return {
        "what": what,
        "metric": "success",
        "value": trained.successes / trained.episodes,
        "ci95": list(wilson(trained.successes, trained.episodes)),
        "n": trained.episodes,
        "seed": seed,
        "seconds": seconds,
        "finished": trained.finished,
        "model": str(trained.policy),
    }
