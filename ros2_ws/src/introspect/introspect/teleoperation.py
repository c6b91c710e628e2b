"""From keys to tool velocities: what a person's hand on the keyboard asks of the arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

KEYS = {
    "w": (0, 1.0),
    "s": (0, -1.0),
    "a": (1, 1.0),
    "d": (1, -1.0),
    "r": (2, 1.0),
    "f": (2, -1.0),
    "q": (5, 1.0),
    "e": (5, -1.0),
}
"""Axis of the twist (x y z, then turns about them) and direction, by key."""

HELP = (
    "w/s forward, back   a/d left, right   r/f up, down   q/e turn   g gripper   "
    "+/- faster, slower   space stop   x end"
)


@dataclass(frozen=True)
class TeleoperationConfig:
    """How fast a key moves the tool, and for how long."""

    linear: float = 0.05  # at first [m/s]
    angular: float = 0.3  # at first [rad/s]
    fastest: float = 4.0  # largest factor on both
    hold: float = 0.6  # that a key counts as held: longer than keyboards take to repeat one [s]

    def __post_init__(self) -> None:
        """Refuse what could not be meant."""
        for name in ("linear", "angular", "fastest", "hold"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be positive and finite, got {getattr(self, name)}")


class Wish(NamedTuple):
    """What the person wants now."""

    moving: bool
    linear: Array  # (3,) [m/s]
    angular: Array  # (3,) [rad/s]
    open: bool | None  # the gripper; None: as it is, for no key has told it anything yet


class Teleoperation:
    """Remembers which keys are held: a terminal tells presses, and repeats, but no releases.

    Args:
        config: speeds and times.
    """

    def __init__(self, config: TeleoperationConfig | None = None) -> None:
        self._config = config or TeleoperationConfig()
        self._pressed: dict[str, float] = {}  # when last [s]
        self._open: bool | None = None
        self._factor = 1.0
        self.ended = False  # whether the person is done

    @property
    def factor(self) -> float:
        """On the speeds."""
        return self._factor

    def type(self, typed: str, now: float) -> None:
        """Take all that was typed by a time [s]; arrows and the like mean stop."""
        for key in " " if "\x1b" in typed else typed:
            self.press(key, now)

    def press(self, key: str, now: float) -> None:
        """Take a key that was pressed at a time [s]; unknown ones mean stop, as space does."""
        key = key.lower()
        if key in KEYS:
            opposite = [k for k, (axis, _) in KEYS.items() if axis == KEYS[key][0] and k != key]
            self._pressed.pop(opposite[0], None)
            self._pressed[key] = now
        elif key == "g":
            self._open = self._open is False
            self._pressed[key] = now  # a gripper is told by an action, if only one of rest
        elif key in ("+", "-"):
            factor = self._factor * (1.25 if key == "+" else 0.8)
            self._factor = min(max(factor, 1.0 / self._config.fastest), self._config.fastest)
        else:
            self._pressed.clear()
            self.ended = self.ended or key in ("x", "\x03", "\x04")

    def wish(self, now: float) -> Wish:
        """What the keys held at a time [s] ask for."""
        twist = np.zeros(6)
        for key, pressed in list(self._pressed.items()):
            if now - pressed > self._config.hold:
                del self._pressed[key]
            elif key in KEYS:
                axis, direction = KEYS[key]
                twist[axis] = direction
        linear = twist[:3] * self._config.linear * self._factor
        angular = twist[3:] * self._config.angular * self._factor
        return Wish(bool(self._pressed), linear, angular, self._open)
