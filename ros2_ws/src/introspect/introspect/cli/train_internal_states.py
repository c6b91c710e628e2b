"""``introspect train internal-states``: what a policy's own activations say of how things stand."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from introspect.cli.border import usage_errors
from introspect.cli.budget import seconds_of
from introspect.cli.parser import verb_parser
from introspect.cli.progress import progress_bars
from introspect.cli.settings import configured

if TYPE_CHECKING:
    from introspect_learning.internal_states.run import TrainedStates

WHAT = "internal-states"


def run(words: list[str]) -> int:
    """Run the verb with the words that follow ``internal-states``."""
    parser = verb_parser(
        f"train {WHAT}",
        "Learn the internal states of a policy, from recordings of it or from simulated worlds.",
        f"introspect train {WHAT} --out runs/states\n"
        f"  introspect train {WHAT} --bag recording --out runs/states\n"
        f"  introspect train {WHAT} --settings   lists every number that can be set",
    )
    parser.add_argument("--policy", type=Path, help="policy folder (default: the shipped one)")
    parser.add_argument(
        "--bag", type=Path, action="append", default=[], help="a recording; may be given again"
    )
    parser.add_argument("--out", type=Path, help=f"folder of the run (default runs/{WHAT})")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--seed", default="0", help="of everything random (default 0)")
    parser.add_argument(
        "--budget",
        help="end the model's epochs after about this long, as 90s or 10m; one is run in any case, "
        "and collecting activations before and reading off states after take their time",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--settings", action="store_true", help="list every number and leave")
    options, settings = parser.parse_known_args(words)
    budget = seconds_of(options.budget)
    with usage_errors():
        from introspect_control.capture import BagError
        from introspect_learning.data.activations import DataError
        from introspect_learning.internal_states.run import (
            InternalStatesConfig,
            train_internal_states,
        )
        from introspect_learning.models import shipped

        given = ["--seed", options.seed, *settings, *(["--help"] if options.settings else [])]
        config = configured(InternalStatesConfig, f"introspect train {WHAT}", given)
    out = options.out or Path("runs") / WHAT
    started = time.perf_counter()
    try:
        with usage_errors(BagError, DataError), progress_bars() as report:
            trained = train_internal_states(
                config,
                out,
                options.policy or shipped(),
                bags=options.bag,
                resume=options.resume,
                seconds=budget,
                progress=report,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped; the same command with --resume goes on with {out}"
        ) from None
    _tell(trained, config.seed, round(time.perf_counter() - started, 2), options.json)
    return 0


def _tell(trained: TrainedStates, seed: int, seconds: float, as_json: bool) -> None:
    known = {name: value for name, value in trained.figures.items() if not math.isnan(value)}
    figures = {name: round(value, 5) for name, value in known.items()}
    if as_json:
        result = {
            "what": WHAT.replace("-", "_"),
            "metric": "r2",
            "value": figures["r2"],
            "ci95": None,
            "n": trained.episodes,
            "seed": seed,
            "seconds": seconds,
            "finished": trained.finished,
            "figures": figures,
            "model": str(trained.policy),
            "maps": str(trained.maps) if trained.maps else None,
        }
        print(json.dumps(result))
        return
    print(f"trained {WHAT} on {trained.steps} steps in {seconds:.0f} s: {trained.policy}")
    print("  on held-out episodes: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
    if not trained.finished:
        print("  the budget ended it; the same command with --resume goes on")
    print(
        f"  their internal states in two dimensions: {trained.maps}"
        if trained.maps
        else "  no map of their internal states: they are too few, or too much alike"
    )
    if not figures["failed_episodes"]:
        print(
            "  failure was not learned: too few attempts that ran to their end failed, or succeeded"
        )
    print(f"  introspect eval {WHAT} --model {trained.policy}")
