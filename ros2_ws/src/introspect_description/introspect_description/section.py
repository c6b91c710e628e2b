"""A YAML file read key by key, so that every complaint names the file and the key."""

import reprlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_description.errors import DescriptionError
from introspect_description.plain_yaml import LARGEST, PlainYamlError, read_yaml
from introspect_description.untrusted import read_file

_LARGEST = sys.float_info.max  # of numbers; a whole number may be larger than any float
_shown = reprlib.Repr()  # of what a file says, which may be long
_shown.maxlist, _shown.maxstring, _shown.maxother = 12, 200, 80


class Section:
    """A mapping of a YAML file with checked access; `where` is its path of keys, "" at the top."""

    def __init__(self, file: Path, data: Any, where: str = "") -> None:
        self._file = file
        self._where = where
        if not isinstance(data, dict):
            raise DescriptionError(
                f"{file}: {where or 'the file'} must be a mapping of keys to values,"
                f" got {type(data).__name__}"
            )
        self._data = data

    @classmethod
    def read(cls, file: Path) -> "Section":
        """Read a YAML file of plain values.

        Raises:
            DescriptionError: unreadable, not YAML, a Python tag, or not a mapping.
        """
        try:
            data = read_yaml(read_file(file, LARGEST))
        except OSError as error:
            raise DescriptionError(f"{file}: cannot be read: {error}") from error
        except PlainYamlError as error:
            raise DescriptionError(f"{file}: is not plain YAML: {error}") from error
        return cls(file, data)

    def error(self, key: str, problem: str) -> DescriptionError:
        """Return the error to raise about a key of this section."""
        return DescriptionError(f"{self._file}: {self._path(key)}: {problem}")

    def has(self, key: str) -> bool:
        """Whether there is such a key."""
        return key in self._data

    def section(self, key: str) -> "Section":
        """Return the mapping under a key."""
        return Section(self._file, self._get(key), self._path(key))

    def text(self, key: str) -> str:
        """Return a string that is not empty."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self.error(key, f"expected text, got {_shown.repr(value)}")
        return value

    def texts(self, key: str, size: int | None = None) -> tuple[str, ...]:
        """Return a list of `size` (None: at least one) different strings."""
        value = self._get(key) if size is None else self._list(key, size, "names")
        if not isinstance(value, list) or not value:
            raise self.error(key, f"expected names, got {_shown.repr(value)}")
        if not all(isinstance(item, str) and item for item in value):
            raise self.error(key, f"expected {len(value)} names, got {_shown.repr(value)}")
        if len(set(value)) != len(value):
            raise self.error(key, f"names must differ from one another, got {_shown.repr(value)}")
        return tuple(value)

    def number(self, key: str) -> float:
        """Return a finite number."""
        return self._number(key, self._get(key))

    def count(self, key: str) -> int:
        """Return an integer of at least one."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.error(key, f"expected a positive integer, got {_shown.repr(value)}")
        return value

    def array(self, key: str, size: int) -> NDArray[np.float64]:
        """Return a list of `size` finite numbers as an array of shape (size,)."""
        return np.array([self._number(key, item) for item in self._list(key, size, "numbers")])

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Raise if there is a key that nobody reads: most often a typing mistake."""
        known = sorted(known)
        for key in self._data:
            if key not in known:
                raise self.error(str(key), f"unknown key; known are {', '.join(known)}")

    def _get(self, key: str) -> Any:
        if key not in self._data:
            raise self.error(key, "is missing")
        return self._data[key]

    def _list(self, key: str, size: int, what: str) -> list[Any]:
        value = self._get(key)
        if not isinstance(value, list) or len(value) != size:
            got = f"{len(value)} items" if isinstance(value, list) else _shown.repr(value)
            raise self.error(key, f"expected {size} {what}, got {got}")
        return value

    def _number(self, key: str, value: Any) -> float:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        if not plain or not -_LARGEST <= value <= _LARGEST:  # NaN is neither
            raise self.error(key, f"expected a finite number, got {_shown.repr(value)}")
        return float(value)

    def _path(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key
