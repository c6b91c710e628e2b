"""Which faults are going on, and which are still to come."""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

from introspect_sim.mock.faults import FAULTS, Fault, FaultError, FaultName, find_fault

LIST, NONE = "list", "none"  # what may be asked for instead of a fault
_ROUNDING = 1e-9  # times this close count as equal [s]


class PlannedFault(NamedTuple):
    """A fault with its amount and its time."""

    fault: Fault
    amount: float  # [the fault's own unit]; NaN where it has none
    begin: float  # [s]
    end: float  # [s]; infinite until it is ended

    def begun(self, now: float) -> bool:
        """Whether it has begun."""
        return self.begin <= now + _ROUNDING

    def over(self, now: float) -> bool:
        """Whether it has ended."""
        return self.end <= now + _ROUNDING

    @property
    def description(self) -> str:
        """Name and amount."""
        if not self.fault.unit:
            return self.fault.name
        return f"{self.fault.name} of {self.amount:g} {self.fault.unit}"


class FaultBoard:
    """Takes faults in, and tells whoever asks which of them apply at a time [s].

    Args:
        shortest: that a lasting fault is on [s]: who asks so often misses none.
    """

    def __init__(self, shortest: float = 0.0) -> None:
        self._shortest = shortest
        self._planned: list[PlannedFault] = []

    def request(self, name: str, value: float, delay: float, duration: float, now: float) -> str:
        """Plan a fault, end all of them, or list what there is.

        Args:
            name: of a fault, or "none", or "list".
            value: its amount; NaN for the usual one.
            delay: until it begins [s].
            duration: that it lasts [s], ``shortest`` at least; 0 until it is ended.
            now: time [s].

        Returns:
            What was planned, or which faults there are.

        Raises:
            FaultError: No such fault, amount, delay or duration.
        """
        if name == LIST:
            return "\n".join(fault.description for fault in FAULTS.values())
        if name == NONE:
            return self.clear(now)
        fault = find_fault(name, (NONE, LIST))
        if not (isfinite(delay) and delay >= 0.0):
            raise FaultError(f"delay of fault {name!r} must be 0 or more, got {delay:g} s")
        planned = self.plan(fault, fault.amount(value), now + delay, fault.lasts(duration))
        when = f"in {delay:g} s" if delay else "now"
        how_long = f"for {max(duration, self._shortest):g} s" if duration else "until it is ended"
        return f"{planned.description}, {when}" + ("" if fault.momentary else f", {how_long}")

    def plan(self, fault: Fault, amount: float, begin: float, duration: float) -> PlannedFault:
        """Plan a fault from ``begin`` [s] on, for a time [s] of ``shortest`` at least."""
        planned = PlannedFault(fault, amount, begin, begin + max(duration, self._shortest))
        self._planned.append(planned)
        return planned

    def clear(self, now: float) -> str:
        """End what goes on and forget what was planned; returns what that was."""
        ended = [planned.description for planned in self.going_on(now)]
        to_come = [planned.description for planned in self._planned if not planned.begun(now)]
        self._planned.clear()
        said = [f"ended {', '.join(ended)}"] * bool(ended)
        said += [f"cancelled {', '.join(to_come)}"] * bool(to_come)
        return "; ".join(said) or "no fault was going on"

    def going_on(self, now: float) -> tuple[PlannedFault, ...]:
        """The lasting faults of this moment."""
        return tuple(
            p for p in self._planned if p.begun(now) and not p.over(now) and not p.fault.momentary
        )

    def forget_past(self, now: float) -> None:
        """Let go of the lasting faults that are over; nobody asks about a time before any more."""
        if any(p.over(now) for p in self._planned):
            self._planned = [p for p in self._planned if not p.over(now)]

    def amount(self, name: FaultName, now: float) -> float | None:
        """How much of a lasting fault there is; of several, the one that was planned last."""
        for planned in reversed(self._planned):
            if planned.fault.name == name and planned.begun(now) and not planned.over(now):
                return planned.amount
        return None

    def on(self, name: FaultName, now: float) -> bool:
        """Whether a lasting fault is going on."""
        return self.amount(name, now) is not None

    def take(self, name: FaultName, now: float) -> list[float]:
        """The amounts of a momentary fault that has become due; once."""
        due = [p for p in self._planned if p.fault.name == name and p.begun(now)]
        for planned in due:
            self._planned.remove(planned)
        return [planned.amount for planned in due]
