"""Faults at given times, written down as YAML."""

from __future__ import annotations

from math import isfinite, nan
from pathlib import Path
from typing import Any, NamedTuple

from introspect_description.plain_yaml import PlainYamlError, read_yaml
from introspect_description.untrusted import read_file
from introspect_sim.mock.faults import Fault, FaultError, find_fault

_KEYS = ("fault", "value", "at", "duration")
_SUFFIXES = (".yaml", ".yml")
LONGEST = 100_000  # text of a schedule [characters]


class ScheduledFault(NamedTuple):
    """A fault at a time after the arm's start."""

    fault: Fault
    amount: float  # [the fault's own unit]; NaN where it has none
    at: float  # [s]
    duration: float  # [s]; infinite until it is ended


def read_schedule(text: str) -> tuple[ScheduledFault, ...]:
    """Read a schedule of faults.

    Args:
        text: a list of ``{fault, value, at, duration}`` in YAML, of which ``value`` and
            ``duration`` may be left out; or the path of a file with such a list; or nothing.

    Returns:
        The faults, in the order in which they begin.

    Raises:
        FaultError: What is wrong, with the number of the entry and the key.
    """
    text = text.strip()
    source = "faults"
    if text.endswith(_SUFFIXES) and "\n" not in text:
        source = text
        try:
            text = read_file(Path(text), LONGEST).decode()
        except (OSError, ValueError) as error:
            raise FaultError(f"schedule {source} cannot be read: {error}") from error
    if len(text) > LONGEST:
        raise FaultError(f"{source}: a schedule has at most {LONGEST} characters, got {len(text)}")
    try:
        data = read_yaml(text)
    except PlainYamlError as error:
        raise FaultError(f"{source}: not plain YAML: {error}") from error
    if data is None:
        return ()
    if not isinstance(data, list):
        raise FaultError(
            f"{source}: must be a list of {{{', '.join(_KEYS)}}}, or the path of a YAML file with "
            f"one, got {_shown(data)}"
        )
    entries = [_read_entry(entry, f"{source}, entry {k}") for k, entry in enumerate(data, 1)]
    return tuple(sorted(entries, key=lambda entry: entry.at))


def _read_entry(entry: Any, where: str) -> ScheduledFault:
    if not isinstance(entry, dict):
        raise FaultError(f"{where}: must be {{{', '.join(_KEYS)}}}, got {_shown(entry)}")
    for key in entry:
        if key not in _KEYS:
            raise FaultError(f"{where}: unknown key {_shown(key)}; known are {', '.join(_KEYS)}")
    name = entry.get("fault")
    if not isinstance(name, str):
        raise FaultError(f"{where}: fault must be a name, got {_shown(name)}")
    at = _number(entry, "at", where, None)
    if at < 0.0:
        raise FaultError(f"{where}: at must be 0 or more, got {at:g} s")
    try:
        fault = find_fault(name)
        amount = fault.amount(_number(entry, "value", where, nan))
        lasts = fault.lasts(_number(entry, "duration", where, 0.0))
    except FaultError as error:
        text = str(error)
        raise FaultError(text if text.startswith(where) else f"{where}: {text}") from error
    return ScheduledFault(fault, amount, at, lasts)


def _number(entry: dict[Any, Any], key: str, where: str, missing: float | None) -> float:
    if key not in entry and missing is not None:
        return missing
    value = entry.get(key)
    try:
        if not isinstance(value, bool) and isinstance(value, int | float) and isfinite(value):
            return float(value)
    except OverflowError:  # a whole number beyond all floats
        pass
    raise FaultError(f"{where}: {key} must be a finite number, got {_shown(value)}")


def _shown(value: Any) -> str:
    """A value as it was written, as far as it fits on a line."""
    if isinstance(value, list | dict):  # aliases can make it grow without end
        return "a list" if isinstance(value, list) else "a mapping"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
