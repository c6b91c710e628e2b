"""Everything that can go wrong with a mock arm, by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, isnan, nan
from typing import Literal

FaultName = Literal[
    "state_delay",
    "state_jitter",
    "states_frozen",
    "states_stop",
    "stamp_future",
    "stamp_old",
    "stamp_zero",
    "stamp_jump",
    "state_nan",
    "joint_prefix",
    "joint_order",
    "joint_missing",
    "joint_extra",
    "degrees",
    "command_loss",
    "command_latency",
    "tracking_error",
    "reflex",
    "emergency_stop",
    "speed_scaling",
    "controller_inactive",
    "trajectory_aborted",
    "driver_disconnect",
    "gripper_stuck",
    "object_frozen",
    "object_lost",
    "object_noise",
]


_LONGEST_NAME = 40  # that is looked at [characters]


class FaultError(ValueError):
    """A fault that does not exist, or not so; the text says what there is."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault, with what its amount means."""

    name: FaultName
    line: str  # what it does
    unit: str = ""  # of its amount; "" where it has none
    usual: float = nan  # amount
    lowest: float = nan  # amount
    highest: float = nan  # amount
    whole: bool = False  # whether the amount counts something
    momentary: bool = False  # it happens once, rather than last

    def amount(self, value: float) -> float:
        """The amount that is meant by a value.

        Args:
            value: [unit]; NaN for the usual amount.

        Raises:
            FaultError: A value out of range, or one for a fault without an amount.
        """
        if isnan(value):
            return self.usual
        if not self.unit:
            if value != 0.0:
                raise FaultError(f"fault {self.name!r} has no amount, got {value:g}; leave it out")
            return nan
        if not self.lowest <= value <= self.highest or (self.whole and value != round(value)):
            raise FaultError(
                f"value of fault {self.name!r} must be {self.range}, got {value:g}; "
                f"NaN means the usual {self.usual:g}"
            )
        return value

    def lasts(self, duration: float) -> float:
        """How long it lasts [s]: infinitely where the duration is 0.

        Raises:
            FaultError: A duration that is negative or not finite, or one of a momentary fault.
        """
        if not (isfinite(duration) and duration >= 0.0):
            raise FaultError(
                f"duration of fault {self.name!r} must be 0 (until it is ended) or more, "
                f"got {duration:g} s"
            )
        if self.momentary and duration:
            raise FaultError(f"fault {self.name!r} happens in a moment; leave its duration out")
        return duration or float("inf")

    @property
    def range(self) -> str:
        """Which amounts are allowed, in words; empty where it has none."""
        if not self.unit:
            return ""
        whole = "a whole number " * self.whole
        return f"{whole}in [{self.lowest:g}, {self.highest:g}] {self.unit}"

    @property
    def description(self) -> str:
        """One line: name, amounts, what it does."""
        amounts = f" ({self.range}, usually {self.usual:g})" if self.unit else ""
        return f"{self.name}{amounts}: {self.line}"


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("state_delay", "joint states come that much later", "s", 0.1, 0.001, 2.0),
        Fault("state_jitter", "joint states come up to that much later", "s", 0.03, 0.001, 1.0),
        Fault("states_frozen", "the same joint state, with the same stamp, comes again and again"),
        Fault("states_stop", "no joint states come"),
        Fault("stamp_future", "joint states are stamped that far ahead", "s", 1.0, 0.001, 1e6),
        Fault("stamp_old", "joint states are stamped that far back", "s", 1.0, 0.001, 1e6),
        Fault("stamp_zero", "joint states carry no stamp"),
        Fault(
            "stamp_jump",
            "the arm's clock is set on or back, once and for good, as by a time server",
            *("s", 5.0, -1e6, 1e6),
            momentary=True,
        ),
        Fault("state_nan", "the position of that joint is NaN", "joint", 4, 1, 7, whole=True),
        Fault("joint_prefix", "joints are named with a prefix that the arm does not have"),
        Fault("joint_order", "joint states name the joints backwards; harmless"),
        Fault("joint_missing", "that joint is missing", "joint", 7, 1, 7, whole=True),
        Fault("joint_extra", "one more joint comes before the arm's own; harmless"),
        Fault("degrees", "positions and velocities of the arm come in degrees"),
        Fault("command_loss", "that share of the commands is lost", "of 1", 0.3, 0.01, 1.0),
        Fault("command_latency", "commands take that much longer", "s", 0.1, 0.001, 2.0),
        Fault("tracking_error", "every joint goes that far beside", "rad", 0.05, -1.0, 1.0),
        Fault(
            "reflex",
            "the arm stops by itself, as for a contact; arm/recover ends that",
            momentary=True,
        ),
        Fault("emergency_stop", "its button is pressed; once released, arm/recover ends that"),
        Fault("speed_scaling", "trajectories run at that share of their speed", "of 1", 0, 0, 1),
        Fault("controller_inactive", "the controller is switched off: commands are ignored"),
        Fault(
            "trajectory_aborted",
            "the controller gives up a trajectory under way and holds; the next one is followed",
            momentary=True,
        ),
        Fault(
            "driver_disconnect",
            "the driver loses the arm: no joint states, no commands; then a reflex",
        ),
        Fault("gripper_stuck", "the gripper stays as it is, whatever it is told"),
        Fault("object_frozen", "the object is seen where it was, with new stamps"),
        Fault("object_lost", "the object is not seen"),
        Fault("object_noise", "object and goal are seen with that deviation", "m", 0.01, 0, 0.2),
    )
}
"""All faults by name, in the order in which they are listed."""


def find_fault(name: str, besides: Iterable[str] = ()) -> Fault:
    """The fault of a name.

    Args:
        name: as somebody wrote it.
        besides: what else could have been written there.

    Raises:
        FaultError: There is none; the text lists those there are.
    """
    if name in FAULTS:
        return FAULTS[name]
    names = [*FAULTS, *besides]
    written = name[:_LONGEST_NAME]  # to look for likeness takes the longer, the longer it is
    close = difflib.get_close_matches(written, names, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    raise FaultError(f"fault {written!r} does not exist.{hint} There are {', '.join(names)}")
