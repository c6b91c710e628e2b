"""``introspect eval internal-states``: what does the robot know of itself?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from introspect.cli.border import usage_errors
from introspect.cli.parser import verb_parser
from introspect.cli.progress import progress_bars

WHAT = "internal-states"


def run(words: list[str]) -> int:
    """Run the verb with the words that follow ``internal-states``."""
    parser = verb_parser(
        f"eval {WHAT}",
        "Score a policy's internal states on fresh episodes: does it know its phase, does it "
        "foresee failure, does it notice a disturbance?",
        f"introspect eval {WHAT} --episodes 512 --metric failure_auroc --json",
    )
    parser.add_argument("--model", type=Path, help="policy folder (default: the shipped one)")
    parser.add_argument("--episodes", type=int, default=256, help="of each kind (default 256)")
    parser.add_argument("--seed", type=int, default=0, help="of the episodes (default 0)")
    parser.add_argument("--world", default="mujoco", help="mujoco (default) or pybullet")
    parser.add_argument("--arm", default="panda", help="which arm (default panda)")
    parser.add_argument("--threads", type=int, default=2, help="that step the worlds (default 2)")
    parser.add_argument("--metric", default="phase_accuracy", help="which figure is the value")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(words)
    with usage_errors(ValueError):
        from introspect_learning.evaluation.internal_states import (
            METRICS,
            StatesEvaluationConfig,
            evaluate_internal_states,
        )
        from introspect_learning.models import shipped

        if options.metric not in METRICS:
            raise ValueError(f"--metric must be of {', '.join(METRICS)}, got '{options.metric}'")
        config = StatesEvaluationConfig(
            episodes=options.episodes,
            seed=options.seed,
            world=options.world,
            arm=options.arm,
            threads=options.threads,
        )
    with usage_errors(), progress_bars() as report:
        result = evaluate_internal_states(
            options.model or shipped(),
            config,
            options.metric,
            lambda done, name: report(name, done, ""),
        )
    print(json.dumps(result) if options.json else table(result))
    return 0


def table(result: dict[str, Any]) -> str:
    """The result for people: one line a figure."""
    lines = [f"internal states in {result['world']}, seed {result['seed']}:"]
    rows = dict(result["metrics"])
    for name, beside in result["baselines"].items():
        rows |= {f"  {name} by {other}": row for other, row in beside.items()}
    for name, row in rows.items():
        if row["value"] is None:
            why = "too little happened to tell, or it was never learned"
            lines.append(f"  {name:<45} {why}, n {row['n']}")
            continue
        low, high = row["ci95"]
        n = f"{row['positives']} of {row['n']}" if "positives" in row else row["n"]
        lines.append(f"  {name:<45} {row['value']:.4f}  ({low:.4f} to {high:.4f}), n {n}")
    return "\n".join(lines)
