"""Files of plain values read key by key, so that every complaint names the file and the key."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.errors import PerceptionError
from introspect_description.plain_yaml import read_yaml
from introspect_description.untrusted import read_file, read_json

Array = NDArray[np.float64]

_LARGEST_YAML = 200_000  # of a file [bytes]; a camera has a hundredth of that
_LARGEST_JSON = 16_000_000  # of a file [bytes]; a hundred samples have a hundredth of that
_show = reprlib.Repr()
_show.maxstring = _show.maxother = 60


class Document:
    """A mapping of a YAML or JSON file with checked access.

    Args:
        file: that it comes from, for messages.
        data: what was read.
        where: path of keys within the file, "" at the top.

    Raises:
        PerceptionError: It is no mapping whose keys are text or whole numbers.
    """

    def __init__(self, file: Path, data: Any, where: str = "") -> None:
        self._file, self._where = file, where
        if not isinstance(data, dict):
            raise PerceptionError(
                f"{file}: {where or 'the file'} must be a mapping of keys to values, "
                f"got {type(data).__name__}"
            )
        self._data: dict[str, Any] = {str(key): value for key, value in data.items()}

    @classmethod
    def read(cls, file: Path) -> Document:
        """Read a file: JSON if its name ends so, else YAML of plain values.

        Raises:
            PerceptionError: Unreadable, too large, not of its format, or no mapping.
        """
        try:
            largest = _LARGEST_JSON if file.suffix == ".json" else _LARGEST_YAML
            text = read_file(file, largest)
        except OSError as error:
            raise PerceptionError(f"{file}: cannot be read: {error}") from error
        try:
            data = read_json(text) if file.suffix == ".json" else read_yaml(text)
        except ValueError as error:
            kind = "JSON" if file.suffix == ".json" else "plain YAML"
            line = " ".join(str(error).split())
            raise PerceptionError(f"{file}: is not {kind}: {line[:200]}") from error
        return cls(file, data)

    def refuse(self, key: str, problem: str) -> NoReturn:
        """Raise the error about a key of this mapping."""
        raise PerceptionError(f"{self._file}: {self._path(key)}: {problem}")

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Raise if there is a key that nobody reads: most often a typing mistake."""
        known = sorted(known)
        for key in self._data:
            if key not in known:
                self.refuse(
                    _show.repr(key).strip("'"), f"unknown key; known are {', '.join(known)}"
                )

    def has(self, key: str) -> bool:
        """Whether there is such a key."""
        return key in self._data

    @property
    def names(self) -> tuple[str, ...]:
        """All keys, as text."""
        return tuple(self._data)

    def part(self, key: str) -> Document:
        """The mapping under a key."""
        return Document(self._file, self._get(key), self._path(key))

    def parts(self, key: str) -> list[Document]:
        """The list of mappings under a key."""
        items = self._list(key)
        return [
            Document(self._file, item, f"{self._path(key)}[{number}]")
            for number, item in enumerate(items)
        ]

    def text(self, key: str) -> str:
        """Text that is not empty."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            self.refuse(key, f"must be text, got {_show.repr(value)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        items = self._list(key)
        if not all(isinstance(item, str) and item for item in items):
            self.refuse(key, f"must be a list of names, got {_show.repr(items)}")
        return tuple(items)

    def choice(self, key: str, allowed: Iterable[str]) -> str:
        """One of some texts."""
        value, allowed = self._get(key), list(allowed)
        if value not in allowed:
            self.refuse(key, f"must be {' or '.join(allowed)}, got {_show.repr(value)}")
        return str(value)

    def whole(self, key: str) -> int:
        """A whole number from 0 on."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
            self.refuse(key, f"must be a whole number from 0 on, got {_show.repr(value)}")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        return self._number(key, self._get(key))

    def numbers(self, key: str, size: int | None = None) -> Array:
        """A list of finite numbers (size,), or of any length."""
        items = self._list(key)
        if size is not None and len(items) != size:
            self.refuse(key, f"must have {size} numbers, got {len(items)}")
        return np.array([self._number(key, item) for item in items], dtype=np.float64)

    def _get(self, key: str) -> Any:
        if key not in self._data:
            self.refuse(key, "is missing")
        return self._data[key]

    def _list(self, key: str) -> list[Any]:
        value = self._get(key)
        if not isinstance(value, list):
            self.refuse(key, f"must be a list, got {_show.repr(value)}")
        return value

    def _number(self, key: str, value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                return number
        self.refuse(key, f"must be a finite number, got {_show.repr(value)}")

    def _path(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key
