"""Many cells over a few processes: kept as they end, gone on with after an interruption."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path
from typing import Any

from introspect_control.atomic import write_text
from introspect_description import ArmDescription
from introspect_description.untrusted import read_file, read_json
from introspect_learning.runs.errors import RunError
from introspect_learning.studies.cell import FAULTS, Cell, run_cell
from introspect_learning.studies.encoders import Shared

Report = Callable[[float, str], None]

_LARGEST = 16 << 20  # of a result [bytes]; ours have some thousand
_DEPTHS = {
    **dict.fromkeys(("success", "recovered", "parameters", "seconds", "cpu_seconds"), 0),
    **dict.fromkeys(("env_steps_an_episode", "decision_seconds"), 0),
    "values": 1,
    **dict.fromkeys(("curve", "choices"), 2),
}
"""What every result has, and how deeply its numbers are nested."""


def run_cells(
    cells: Sequence[Cell], cache: Path, jobs: int, report: Report
) -> list[dict[str, Any]]:
    """Results of all cells, in their order.

    Args:
        cells: to run; those whose results are kept already are not run again.
        cache: folder where results and what trainings share are kept.
        jobs: processes.
        report: hears the share done and a line.

    Raises:
        RunError: A cell failed, or the folder cannot be written to; results so far are kept.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}")
    try:
        (cache / "cells").mkdir(parents=True, exist_ok=True)
        behaviours = {
            (noise, arm): Shared(cache / "shared", noise, ArmDescription.load(arm)).behaviours_hash
            for noise, arm in {(cell.noise, cell.arm) for cell in cells}
        }
    except OSError as error:
        raise RunError(f"cannot write to {cache}: {error.strerror}") from error
    results = {cell: _kept(cell, cache, behaviours[cell.noise, cell.arm]) for cell in cells}
    missing = [cell for cell, result in results.items() if result is None]
    if missing:
        started = time.perf_counter()
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(jobs, len(missing)), mp_context=context)
        try:
            pending: dict[Future[dict[str, Any]], Cell] = {
                pool.submit(run_cell, cell, cache / "shared"): cell for cell in missing
            }
            while pending:
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                # Whatever has succeeded is kept before a failure is told.
                for future in sorted(done, key=lambda future: future.exception() is not None):
                    cell = pending.pop(future)
                    results[cell] = _keep(cell, future, cache)
                    ready = len(cells) - len(pending)
                    left = _left(time.perf_counter() - started, len(missing), len(pending))
                    report(ready / len(cells), f"{ready} of {len(cells)}, {left} left")
        except BaseException:
            for process in list((pool._processes or {}).values()):
                process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        pool.shutdown()
    return [result for result in results.values() if result is not None]


def _kept(cell: Cell, cache: Path, behaviours: str) -> dict[str, Any] | None:
    """A result that is there, whole and of this very cell; None: it is to be found anew."""
    file = cache / "cells" / f"{cell.key}.json"
    try:
        result = read_json(read_file(file, _LARGEST), finite=False)
        # It has to have chosen from the same behaviours: others may be shipped, or learned, now.
        of_this = (result["cell"], result["behaviours"]) == (asdict(cell), behaviours)
        whole = all(_has_depth(result[name], depth) for name, depth in _DEPTHS.items())
        if cell.mode == "seed_mode":
            whole = whole and _has_depth(result["value_curve"], 2)
        elif cell.noise:
            whole = whole and all(_has_depth(result["faults"][fault], 0) for fault in FAULTS)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(result) if of_this and whole else None


def _has_depth(value: Any, depth: int) -> bool:
    """Whether it is a number, or a list of numbers, or a list of lists that are equally long."""
    if not depth:
        return isinstance(value, int | float)
    if not isinstance(value, list) or not all(_has_depth(item, depth - 1) for item in value):
        return False
    return depth == 1 or len({len(item) for item in value}) == 1


def _keep(cell: Cell, future: Future[dict[str, Any]], cache: Path) -> dict[str, Any]:
    try:
        result = future.result()
    except Exception as error:
        raise RunError(f"the training {cell.key} failed: {error}") from error
    write_text(cache / "cells" / f"{cell.key}.json", json.dumps(result) + "\n")
    return result


def _left(spent: float, asked: int, pending: int) -> str:
    """What is left of the time, if it goes on as it went."""
    seconds = spent / max(asked - pending, 1) * pending
    return f"{seconds / 60.0:.0f} min" if seconds >= 90.0 else f"{seconds:.0f} s"
