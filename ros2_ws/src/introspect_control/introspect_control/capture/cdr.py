"""Decodes CDR, the serialisation of ROS 2 messages, by the definition of their type.

A decoder is made of closures, one for each run of fields: nothing is generated or executed. All
lengths are checked against what is really there before anything is allocated.

Source: OMG Common Data Representation (XCDR version 1), as Fast DDS writes it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import groupby
from types import SimpleNamespace
from typing import Any

import numpy as np

from introspect_control.capture.definition import PRIMITIVES, Definition, Field
from introspect_control.capture.errors import BagError

# Letters of struct and their sizes [bytes].
_LETTERS = {
    "bool": ("?", 1),
    "byte": ("B", 1),
    "char": ("B", 1),
    "int8": ("b", 1),
    "uint8": ("B", 1),
    "int16": ("h", 2),
    "uint16": ("H", 2),
    "int32": ("i", 4),
    "uint32": ("I", 4),
    "int64": ("q", 8),
    "uint64": ("Q", 8),
    "float32": ("f", 4),
    "float64": ("d", 8),
}
_DEEPEST = 50  # of types within types
_MOST_ELEMENTS = 2_000_000  # of a message's lists and parts: an object each, more than its bytes

# Reads from (data, position), appends to the list, returns the position after it.
_Step = Callable[[memoryview, int, list[Any]], int]
_Read = Callable[[memoryview, int], tuple[Any, int]]


class Decoder:
    """Turns the bytes of one message type into messages.

    A message is a ``SimpleNamespace`` with the fields' names; arrays of numbers are read-only numpy
    arrays that share memory with the bytes, all other arrays are lists.

    Args:
        definition: of the type; a decoder is for one thread.

    Raises:
        BagError: A type that cannot be decoded: without end, or with wide strings.
    """

    def __init__(self, definition: Definition) -> None:
        self.name = definition.name
        compilers = [_Compiler(definition, order) for order in (">", "<")]
        self._big, self._little = (
            (compiler, compiler.message(definition.name)) for compiler in compilers
        )

    def __call__(self, data: bytes) -> Any:
        """Decode one message.

        Raises:
            BagError: The bytes are no message of this type.
        """
        if len(data) < 4 or data[0] != 0 or data[1] > 1:
            raise BagError(f"{self.name}: not CDR, it begins with {bytes(data[:4]).hex()!r}")
        compiler, read = self._little if data[1] else self._big
        compiler.elements_left = _MOST_ELEMENTS
        body = memoryview(data)[4:]
        try:
            message, end = read(body, 0)
        except (struct.error, ValueError, OverflowError) as error:  # UnicodeDecodeError, too
            raise BagError(f"{self.name}: a message of {len(data)} bytes: {error}") from error
        if end > len(body) or len(body) - end > 3:
            raise BagError(f"{self.name}: {len(data)} bytes, of which the fields take {end + 4}")
        return message


class _Compiler:
    """Makes the readers of one definition, for one byte order."""

    def __init__(self, definition: Definition, order: str) -> None:
        self._definition = definition
        self._order = order
        self.elements_left = 0
        self._count = struct.Struct(f"{order}I").unpack_from
        self._messages: dict[str, _Read] = {}
        self._parts: dict[str, int] = {}  # messages in one of a type, itself among them
        self._under_way: list[str] = []

    def message(self, name: str) -> _Read:
        if name in self._messages:
            return self._messages[name]
        if name in self._under_way or len(self._under_way) == _DEEPEST:
            raise BagError(f"{self._definition.name} is made of itself: {name}")
        self._under_way.append(name)
        fields = self._definition.fields[name]
        names = tuple(field.name for field in fields)
        steps = self._steps(fields) if fields else [_skip_byte]
        self._under_way.pop()
        parts = sum(self._parts.get(field.type, 0) for field in fields if not field.array)
        self._parts[name] = 1 + parts
        if parts >= _MOST_ELEMENTS:  # a type within a type within a type, and two of each
            raise BagError(f"{self._definition.name} has {parts} parts; allowed: {_MOST_ELEMENTS}")

        def read(data: memoryview, at: int) -> tuple[Any, int]:
            values: list[Any] = []
            for step in steps:
                at = step(data, at, values)
            return SimpleNamespace(**dict(zip(names, values, strict=False))), at

        self._messages[name] = read
        return read

    def _steps(self, fields: tuple[Field, ...]) -> list[_Step]:
        """One step for each run of numbers of the same size, and for every other field."""

        def kind(item: tuple[int, Field]) -> int:
            index, field = item
            plain = not field.array and field.type in _LETTERS
            return _LETTERS[field.type][1] if plain else -1 - index

        steps: list[_Step] = []
        for size, run in groupby(enumerate(fields), key=kind):
            members = [field for _, field in run]
            if size > 0:
                letters = "".join(_LETTERS[field.type][0] for field in members)
                steps.append(_numbers(struct.Struct(self._order + letters), size))
            else:
                steps.append(self._field(members[0]))
        return steps

    def _field(self, field: Field) -> _Step:
        if field.type == "wstring":
            raise BagError(f"{self._definition.name}: wide strings ({field.name}) are not decoded")
        if field.array and field.type in _LETTERS:
            return self._array_of_numbers(field)
        read = self._text if field.type == "string" else self._message(field.type)
        if not field.array:
            return _one(read)
        return self._list(field, read, self._parts.get(field.type, 1))

    def _message(self, name: str) -> _Read:
        assert name not in PRIMITIVES
        return self.message(name)

    def _text(self, data: memoryview, at: int) -> tuple[str, int]:
        at = (at + 3) & ~3
        (size,) = self._count(data, at)
        end = at + 4 + size
        if end > len(data):
            raise ValueError(f"a text of {size} bytes, where {len(data) - at - 4} are left")
        return str(data[at + 4 : max(end - 1, at + 4)], "utf-8"), end

    def _array_of_numbers(self, field: Field) -> _Step:
        letter, size = _LETTERS[field.type]
        dtype = np.dtype(letter if size == 1 else self._order + letter)
        fixed, count_of = field.count if field.array == "fixed" else None, self._count

        def step(data: memoryview, at: int, values: list[Any]) -> int:
            if fixed is None:
                at = (at + 3) & ~3
                (count,) = count_of(data, at)
                at += 4
            else:
                count = fixed
            if count:
                at = (at + size - 1) & -size
            if at + count * size > len(data):
                raise ValueError(f"{field.name} has {count} elements, more than there are bytes")
            values.append(np.frombuffer(data, dtype, count, at) if count else np.empty(0, dtype))
            end: int = at + count * size
            return end

        return step

    def _list(self, field: Field, read: _Read, parts: int) -> _Step:
        fixed, count_of = field.count if field.array == "fixed" else None, self._count

        def step(data: memoryview, at: int, values: list[Any]) -> int:
            if fixed is None:
                at = (at + 3) & ~3
                (count,) = count_of(data, at)
                at += 4
            else:
                count = fixed
            if count > len(data) - at:  # every element takes a byte at least
                raise ValueError(f"{field.name} has {count} elements, more than there are bytes")
            self.elements_left -= count * parts
            if self.elements_left < 0:
                raise ValueError(f"its lists have more than {_MOST_ELEMENTS} elements")
            items = []
            for _ in range(count):
                item, at = read(data, at)
                items.append(item)
            values.append(items)
            return at

        return step


def _numbers(layout: struct.Struct, size: int) -> _Step:
    unpack, length, mask = layout.unpack_from, layout.size, size - 1

    def step(data: memoryview, at: int, values: list[Any]) -> int:
        at = (at + mask) & ~mask
        values.extend(unpack(data, at))
        return at + length

    return step


def _one(read: _Read) -> _Step:
    def step(data: memoryview, at: int, values: list[Any]) -> int:
        value, at = read(data, at)
        values.append(value)
        return at

    return step


def _skip_byte(data: memoryview, at: int, values: list[Any]) -> int:
    """A type without fields takes one byte."""
    if at >= len(data):
        raise ValueError("nothing is left")
    return at + 1
