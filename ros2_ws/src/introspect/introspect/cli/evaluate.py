"""``introspect eval``: how well does it do, on fixed episodes, beside its baselines?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from introspect.cli import evaluate_internal_states
from introspect.cli.border import usage_errors
from introspect.cli.parser import british, verb_parser
from introspect.cli.progress import progress_bars
from introspect.errors import UsageError

WHAT = ("pick_and_place", "bbrl")  # a task, or the policy by its name: the same measurement


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    if words and words[0] == evaluate_internal_states.WHAT:
        return evaluate_internal_states.run(words[1:])
    parser = verb_parser(
        "eval",
        "Evaluate a policy: deterministic actions, on seeds that training never saw.",
        "introspect eval pick_and_place --episodes 1000 --world mujoco --baselines --json",
    )
    parser.add_argument(
        "what",
        type=british,
        choices=(*WHAT, evaluate_internal_states.WHAT),
        metavar="WHAT",
        help=f"{' or '.join(WHAT)}; {evaluate_internal_states.WHAT} has its own --help",
    )
    parser.add_argument("--model", type=Path, help="policy folder (default: the shipped one)")
    parser.add_argument("--episodes", type=int, default=100, help="how many (default 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the episodes (default 0)")
    parser.add_argument("--world", default="mujoco", help="mujoco (default), pybullet or mock")
    parser.add_argument("--arm", default="panda", help="which arm (default panda)")
    parser.add_argument(
        "--timeout", type=float, default=0.0, help="longest episode [s] on the mock arm; 0: 4 s"
    )
    parser.add_argument("--threads", type=int, default=2, help="that step the worlds (default 2)")
    parser.add_argument("--perturb", action="store_true", help="disturb every episode once")
    parser.add_argument("--baselines", action="store_true", help="rows of the baselines, too")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(words)
    if options.what not in WHAT:
        raise UsageError(f"'{options.what}' must come right after 'eval'")
    if options.world == "mock":
        return _on_mock_arm(options)
    with usage_errors(ValueError):
        from introspect_learning.evaluation.pick_and_place import EvaluationConfig, evaluate
        from introspect_learning.models import shipped

        config = EvaluationConfig(
            episodes=options.episodes,
            seed=options.seed,
            world=options.world,
            arm=options.arm,
            threads=options.threads,
            perturb=options.perturb,
        )
    with usage_errors(), progress_bars() as report:
        policy = options.model or shipped()
        result = evaluate(
            policy, config, options.baselines, lambda done, name: report(name, done, "")
        )
    print(json.dumps(result) if options.json else table(result))
    return 0


def _on_mock_arm(options: argparse.Namespace) -> int:
    """The same through topics, in real time."""
    if options.perturb or options.baselines:
        raise UsageError("--perturb and --baselines are for --world mujoco and pybullet")
    with usage_errors(ValueError):
        from introspect.mock_evaluation import MockEvaluation, evaluate_on_mock_arm
        from introspect_learning.models import shipped

        config = MockEvaluation(
            options.episodes, options.seed, options.arm, timeout=options.timeout
        )
    with usage_errors(), progress_bars() as report:
        result = evaluate_on_mock_arm(
            options.model or shipped(), config, lambda done, name: report(name, done, "")
        )
    print(json.dumps(result) if options.json else table(result))
    return 0


def table(result: dict[str, Any]) -> str:
    """The result for people: one line a row."""
    rows = {"policy": result, **result.get("baselines", {})}
    lines = [f"{result['what']} in {result['world']}, seed {result['seed']}: {result['metric']}"]
    for name, row in rows.items():
        low, high = row["ci95"]
        lines.append(
            f"  {name:<21} {100 * row['value']:5.1f} %  "
            f"(95 % interval {100 * low:.1f} to {100 * high:.1f}, {row['n']} episodes)"
        )
    return "\n".join(lines)
