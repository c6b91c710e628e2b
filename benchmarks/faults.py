"""What faults do to a moving arm: how soon it stands still, how far it goes, what ends the stop.

The simulated and the mock arm run in this process, where it is known what they really do, whatever
they tell; the arm bridge is a process of its own, and everything between them is on topics. A
policy swings the tool; each fault comes when a joint is fast. Limits are looked at in the arm's
true joints and in every trajectory that the bridge sends. Files and recordings that go wrong
concern no arm; they are in the same table, without one.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introspect_msgs.msg import GuardStatus

from benchmarks.rows import Row, add_output, machine, tell, write
from benchmarks.turns import ros
from benchmarks.workloads.fault_cases import CASES, Case, Expect
from benchmarks.workloads.fault_files import FILE_CASES
from benchmarks.workloads.fault_rig import KINDS, FaultRig, Sent
from introspect_control.atomic import write_text

MOST_TIME, MOST_TRAVEL = 0.4, 0.27  # from fault to standstill [s], [rad]
TRIES = 5
STOPS = (Expect.FAULT, Expect.HOLDS)
DOMAIN = "93"


@dataclass(frozen=True)
class Outcome:
    """What came of one fault."""

    row: str
    fault: str
    arm: str  # or "", where none is concerned
    expected: str
    as_expected: bool
    standstill: float | None  # from the fault on [s]; None where the arm went on
    travel: float | None  # until then [rad]
    violations: int  # looks and trajectory points beyond a limit
    lost: int | None  # actions that were neither carried out nor refused; None: not counted
    recovered: str  # how
    reason: str  # that was told


def measure_all(kind: str, only: str) -> list[Outcome]:
    """Let all faults happen to one arm, one after the other."""
    outcomes = []
    rig = FaultRig(kind)
    try:
        for case in CASES:
            if kind not in case.kinds or only not in f"{case.row} {case.name}":
                continue
            try:
                outcomes.append(measure(rig, case))
            except TimeoutError as error:  # the arm could not be brought to move: start anew
                outcomes.append(
                    Outcome(
                        *(case.row, case.name, kind, case.expect.value, False),
                        *(None, None, 0, None, "not at all", str(error)),
                    )
                )
                rig.close()
                rig = FaultRig(kind)
            print(outcomes[-1], flush=True)
    finally:
        rig.close()
    return outcomes


def measure(rig: FaultRig, case: Case) -> Outcome:
    """Let one fault happen and end, and bring the arm back.

    Raises:
        TimeoutError: The arm could not be brought to move, before or after.
    """
    make_ready(rig)
    rig.refusal = ""
    if case.expect is Expect.REFUSES:
        return refused(rig, case)
    for _ in range(TRIES):  # a busy machine may make a policy late before any fault
        if rig.start_moving():
            break
        make_ready(rig)
    else:
        raise TimeoutError(f"the arm did not move: {rig.guard.reason}")
    rig.sent, before = Sent(), rig.arm.refusals
    watch = rig.begin_watch()
    states, reasons = [], []

    def note() -> bool:
        states.append(rig.guard.state)
        reasons.append(rig.guard.reason)
        return watch.standstill(rig.arm.truth[0]) is not None

    case.begin(rig)
    begun = time.monotonic()
    if case.jumps:
        watch = rig.begin_watch()

    def over() -> bool:
        note()
        return time.monotonic() > begun + case.lasts

    rig.wait(over, "the end of the fault")
    if watch.standstill(rig.arm.truth[0]) is None and case.expect is Expect.FAULT:
        rig.wait(lambda: note() or time.monotonic() > begun + case.lasts + 3.0, "a standstill")
    standstill, travel = watch.standstill(rig.arm.truth[0]), watch.travel
    dangerous = rig.arm.refusals - before - case.reflex
    case.end(rig)
    recovered = bring_back(rig)
    violations = watch.violations + rig.sent.violations + max(dangerous, 0)
    stopped = standstill is not None
    as_expected = stopped == (case.expect in STOPS) and (recovered == "by itself") == (
        case.expect in (Expect.GOES_ON, Expect.HOLDS)
    )
    reason = next((text for text in reversed(reasons) if text), "")
    return Outcome(
        *(case.row, case.name, rig.kind, case.expect.value, as_expected),
        standstill if stopped else None,
        travel if stopped else None,
        violations,
        gaps(rig.sent.actions) if case.expect is Expect.GOES_ON else None,
        recovered if case.expect is not Expect.GOES_ON or recovered != "by itself" else "",
        reason if case.expect is not Expect.GOES_ON or stopped else "",
    )


def refused(rig: FaultRig, case: Case) -> Outcome:
    """Ask for something that the bridge must not do, of an arm at rest."""
    rig.acting = False
    watch = rig.begin_watch()
    rig.sent = Sent()
    case.begin(rig)
    rig.run(0.5)
    moved = watch.travel > 0.01 or rig.sent.trajectories > 0
    case.end(rig)
    return Outcome(
        *(case.row, case.name, rig.kind, case.expect.value, bool(rig.refusal) and not moved),
        *(None, None, watch.violations + rig.sent.violations, None, "", rig.refusal),
    )


def make_ready(rig: FaultRig) -> None:
    """Bring arm and bridge to rest, without a fault."""
    rig.acting, rig.garble = False, lambda action: action
    rig.arm.mend()
    rig.wait(lambda: rig.guard.state in (GuardStatus.IDLE, GuardStatus.FAULT), "rest")
    if rig.guard.state == GuardStatus.FAULT:
        rearm(rig)


def bring_back(rig: FaultRig) -> str:
    """Let the policy go on; returns what that took."""
    rig.acting = True
    rig.run(0.7)
    if rig.guard.state == GuardStatus.ACTIVE:
        return "by itself"
    steps = rearm(rig) if rig.guard.state == GuardStatus.FAULT else "by itself"
    rig.wait(lambda: rig.guard.state == GuardStatus.ACTIVE, "ACTIVE again")
    return steps


def rearm(rig: FaultRig) -> str:
    """End a fault as a person would; returns how."""
    steps = []
    if rig.kind == "mock" and rig.arm.needs_recovery:
        rig.wait(lambda: rig.call("arm/recover").success, "arm/recover")
        steps.append("arm/recover")
        rig.run(0.3)
    rig.wait(lambda: rig.call("guard/rearm").success, "guard/rearm")
    rig.wait(lambda: rig.guard.state != GuardStatus.FAULT, "the end of the fault")
    return ", ".join([*steps, "guard/rearm"])


def gaps(sequences: Sequence[int]) -> int:
    """Actions that are missing between the first and the last."""
    return sequences[-1] - sequences[0] + 1 - len(set(sequences)) if sequences else 0


def rows(outcomes: Sequence[Outcome], seconds: float) -> list[Row]:
    """Figures over all faults, one set for each arm, and one for files."""
    result = []
    for kind in (*KINDS, ""):
        mine = [outcome for outcome in outcomes if outcome.arm == kind]
        if not mine:
            continue
        what, count = kind or "files", len(mine)
        common: dict[str, Any] = {"seed": 0, "seconds": seconds}
        share = sum(o.as_expected for o in mine) / count
        result.append(Row(what, "as_expected", share, None, count, **common, target=1.0))
        if not kind:
            continue
        broken = sum(o.violations for o in mine)
        limit: dict[str, Any] = common | {"at_most": True}
        result.append(Row(what, "violations", broken, None, count, **limit, target=0.0))
        times = [o.standstill for o in mine if o.standstill is not None]
        ways = [o.travel for o in mine if o.travel is not None]
        for metric, values, target in (
            ("longest_standstill_s", times, MOST_TIME),
            ("longest_travel_rad", ways, MOST_TRAVEL),
        ):
            if values:
                worst = max(values)
                result.append(Row(what, metric, worst, None, len(values), **limit, target=target))
    return result


def markdown(outcomes: Sequence[Outcome]) -> str:
    """The table for people."""
    lines = [
        "# Faults",
        "",
        "Made by `introspect bench faults`. Times and ways are from the moment of the fault to "
        "true standstill, of the joint that went farthest. Violations are looks at the true "
        "joints, and points sent, beyond a limit of position, velocity or acceleration (over "
        "60 ms), and reflexes of the mock arm. Lost are actions that were neither carried out nor "
        "refused.",
        "",
        "In lockstep the simulated arm follows each command from the state that it answers: states "
        "that come late by a changing time make it follow unevenly, and the looks counted in that "
        "row are at its acceleration.",
        "",
        "| fault | | arm | must | standstill [s] | travel [rad] | violations | lost | "
        "recovered by | told |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        mark = "" if o.as_expected else "**not so:** "
        time_, way = ("" if value is None else f"{value:.3f}" for value in (o.standstill, o.travel))
        lines.append(
            f"| {o.row} | {o.fault} | {o.arm} | {mark}{o.expected} | {time_} | {way} | "
            f"{o.violations} | {'' if o.lost is None else o.lost} | {o.recovered} | {o.reason} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="introspect bench faults", description=__doc__)
    parser.add_argument("--arms", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--only", default="", help="faults whose row or name has this in it")
    add_output(parser, "faults.json and README.md", Path("results/faults"))
    options = parser.parse_args()
    os.environ.setdefault("ROS_DOMAIN_ID", DOMAIN)
    start, where = time.monotonic(), machine()
    outcomes: list[Outcome] = []
    for kind in options.arms:
        with ros():
            outcomes += measure_all(kind, options.only)
    for file_case in FILE_CASES:
        if options.only in f"{file_case.row} {file_case.name}":
            outcomes.append(Outcome(*file_case.measure()))
            print(outcomes[-1], flush=True)
    table = rows(outcomes, time.monotonic() - start)
    if not options.only:
        write(
            options.out / "faults.json", table, outcomes=[vars(o) for o in outcomes], machine=where
        )
        write_text(options.out / "README.md", markdown(outcomes))
    headline = next((row for row in table if row.metric == "longest_standstill_s"), table[0])
    tell(table, headline, "faults", options.json)
    return 0 if all(outcome.as_expected for outcome in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
