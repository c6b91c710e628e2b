"""Result rows: what a benchmark found, for people and for programs."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from introspect_control.atomic import write_text


@dataclass(frozen=True)
class Row:
    """One figure.

    ``ci95`` is an interval for ``value`` at 95 % confidence or more; where the measurements are too
    few for that, their whole range; None where there is no such thing.
    """

    what: str  # what was measured
    metric: str  # name of the figure, with its unit where it has one
    value: float
    ci95: tuple[float, float] | None
    n: int  # measurements behind the value
    seed: int
    seconds: float  # taken by the measurement
    target: float | None = None  # value to reach
    at_most: bool = False  # whether the target is an upper bound
    more: dict[str, Any] = field(default_factory=dict)  # what else belongs to it

    def __post_init__(self) -> None:
        """Refuse rows that say nothing."""
        if not (self.what and self.metric):
            raise ValueError(f"a row needs names, got what={self.what!r}, metric={self.metric!r}")
        if not math.isfinite(self.value):
            raise ValueError(f"{self.what}: {self.metric} must be finite, got {self.value}")
        if self.ci95 is not None and not self.ci95[0] <= self.value <= self.ci95[1]:
            raise ValueError(f"{self.what}: {self.value} does not lie in ci95 {self.ci95}")
        if self.n < 1:
            raise ValueError(f"{self.what}: n must be at least 1, got {self.n}")

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target

    def as_json(self) -> dict[str, Any]:
        """As one JSON object."""
        row: dict[str, Any] = {
            "what": self.what,
            "metric": self.metric,
            "value": _short(self.value),
            "ci95": None if self.ci95 is None else [_short(end) for end in self.ci95],
            "n": self.n,
            "seed": self.seed,
            "seconds": round(self.seconds, 2),
        }
        if self.target is not None:
            row |= {"target": self.target, "met": self.met}
        return row | self.more


def median_row(what: str, metric: str, samples: Sequence[float], **fields: Any) -> Row:
    """A row for the median of samples, with the order statistics around it as its interval."""
    return Row(what, metric, median(samples), median_interval(samples), len(samples), **fields)


def median(samples: Sequence[float]) -> float:
    """The middle one, or the mean of the two in the middle."""
    ordered, n = sorted(samples), len(samples)
    return 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])


def median_interval(samples: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Narrowest pair of order statistics that holds the true median with probability ``level``.

    Below six samples no pair does, and the whole range is returned.
    """
    ordered, n = sorted(samples), len(samples)
    if not ordered:
        raise ValueError("an interval needs samples, got none")
    k, tail = 0, 0.5**n  # probability that at most k samples lie below the median
    while k + 1 <= (n - 1) // 2:
        tail += math.comb(n, k + 1) / 2**n  # of whole numbers: neither overflows
        if 1.0 - 2.0 * tail < level:
            break
        k += 1
    return ordered[k], ordered[n - 1 - k]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours over theirs, round by round.

    Raises:
        ValueError: Not as many rounds of one as of the other.
    """
    if len(ours) != len(theirs):
        raise ValueError(f"need as many rounds of both, got {len(ours)} and {len(theirs)}")
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def write(path: Path, rows: Sequence[Row], **more: Any) -> None:
    """Write rows as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"rows": [row.as_json() for row in rows], **more}, indent=1) + "\n"
    write_text(path, text)


def table(rows: Sequence[Row]) -> str:
    """Rows for people."""
    width = max(len(row.what) for row in rows)
    kind = max(len(row.metric) for row in rows)
    lines = []
    for row in rows:
        line = f"  {row.what:<{width}}  {row.metric:<{kind}}  {_text(row.value):>9}"
        if row.ci95 is not None:
            line += f"  ({_text(row.ci95[0])} to {_text(row.ci95[1])})"
        if row.target is not None:
            sign = "<=" if row.at_most else ">="
            line += f"  target {sign} {_text(row.target)}: {'met' if row.met else 'missed'}"
        lines.append(line)
    return "\n".join(lines)


def tell(rows: Sequence[Row], headline: Row, title: str, as_json: bool) -> None:
    """Print what was measured: for people, or as one line of JSON with the headline's figures."""
    if as_json:
        print(json.dumps(headline.as_json() | {"rows": [row.as_json() for row in rows]}))
        return
    print(title)
    print(table(rows))


def add_output(parser: argparse.ArgumentParser, holding: str, default: Path | None = None) -> None:
    """Let a benchmark be told where its figures go: ``--out`` and ``--json``.

    Args:
        parser: of the benchmark's own arguments.
        holding: what is written into the folder.
        default: folder; None: nothing is written unless asked for.
    """
    usual = f" (default {default})" if default else ""
    parser.add_argument("--out", type=Path, default=default, help=f"folder for {holding}{usual}")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")


def at_least_one(word: str) -> int:
    """The type of an argument that counts something."""
    if not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got {word}")
    return int(word)


def not_negative(word: str) -> float:
    """The type of an argument that is a time, or 0 for none."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not 0.0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number from 0 on, got {word}")
    return value


def positive(word: str) -> float:
    """The type of an argument that is a time."""
    if not (value := not_negative(word)):
        raise argparse.ArgumentTypeError("must be a number above 0, got 0")
    return value


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _short(value: float) -> float:
    return float(f"{value:.6g}")
