"""Message types from their text: fields, the complete definition, and the RIHS01 hash.

A bag carries the text of every type in it, so that it can be read where the package is not
installed. The text is data: it is parsed here, and nothing is generated or executed from it.

Source: REP-2016 (RIHS01: sha256 of the type description as JSON); rosbag2's MCAP storage (how
definitions are joined).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from introspect_control.capture.errors import BagError

_SEPARATOR = "=" * 80
_MOST_TYPES = 500  # in one definition: a hostile one could go on for ever
_LONGEST = 1 << 20  # text of a definition [characters]

# Names of primitive types, with their numbers in a type description.
PRIMITIVES = {
    "int8": 2,
    "uint8": 3,
    "int16": 4,
    "uint16": 5,
    "int32": 6,
    "uint32": 7,
    "int64": 8,
    "uint64": 9,
    "float32": 10,
    "float64": 11,
    "char": 13,
    "bool": 15,
    "byte": 16,
    "string": 17,
    "wstring": 18,
}
_BOUNDED_TEXT = 4  # further on is the number of a string type with a bound
_NESTED, _FIXED, _BOUNDED, _UNBOUNDED = 1, 48, 96, 144

_FIELD = re.compile(
    r"(?P<type>[A-Za-z]\w*(?:/[A-Za-z]\w*){0,2})(?:<=(?P<text_bound>\d{1,10}))?"
    r"(?P<array>\[(?P<bound><=)?(?P<count>\d{0,10})\])?"
    r"\s+(?P<name>[A-Za-z]\w*)\s*(?P<constant>=)?"
)
_NAME = re.compile(r"[A-Za-z]\w*/(?:(?:msg|srv|action)/)?[A-Za-z]\w*")


@dataclass(frozen=True)
class Field:
    """One field of a message."""

    name: str
    type: str  # a primitive, or the full name of a message type
    array: str = ""  # "", "fixed", "bounded" or "unbounded"
    count: int = 0  # length of a fixed array, most elements of a bounded one
    text_bound: int = 0  # longest text of a bounded string [bytes]; 0: any


@dataclass(frozen=True)
class Definition:
    """A message type with all types that it is made of.

    Attributes:
        name: full name, such as ``sensor_msgs/msg/JointState``.
        texts: the text of every type by its full name, this type's first.
        fields: the fields of every type by its full name.
    """

    name: str
    texts: dict[str, str]
    fields: dict[str, tuple[Field, ...]]

    @property
    def text(self) -> str:
        """All texts joined, as rosbag2 stores them."""
        first, *others = self.texts
        parts = [self.texts[first]]
        parts += [f"{_SEPARATOR}\nMSG: {_short(name)}\n{self.texts[name]}" for name in others]
        return "\n".join(part.rstrip("\n") for part in parts) + "\n"

    @property
    def hash(self) -> str:
        """``RIHS01_`` and 64 hexadecimal digits, as publishers announce it."""
        described = {
            name: {"type_name": name, "fields": [_described(field) for field in _members(fields)]}
            for name, fields in self.fields.items()
        }
        first, *others = self.fields
        description = {
            "type_description": described[first],
            "referenced_type_descriptions": [described[name] for name in sorted(others)],
        }
        return "RIHS01_" + hashlib.sha256(json.dumps(description).encode()).hexdigest()


def parse_definition(name: str, text: str) -> Definition:
    """Read a complete definition, as a bag has it.

    Args:
        name: full name of the type.
        text: its text, and after separators those of all types in it.

    Raises:
        BagError: For a text that is not a definition, or lacks a type.
    """
    if len(text) > _LONGEST:
        raise BagError(f"definition of {name}: {len(text)} characters; allowed: {_LONGEST}")
    parts = re.split(r"^={80}\s*$", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    known = {full_name(name): parts[0].strip("\n") + "\n"}
    for part in parts[1:]:
        head, _, body = part.lstrip("\n").partition("\n")
        if not head.startswith("MSG: "):
            raise BagError(f"definition of {name}: {head[:80]!r} where 'MSG: <type>' should be")
        known.setdefault(full_name(head[5:].strip()), body)

    def find(wanted: str) -> str:
        if wanted not in known:
            raise BagError(f"definition of {name}: the text of {wanted} is missing")
        return known[wanted]

    return _collect(full_name(name), find)


def load_definition(name: str, share: Callable[[str], Path]) -> Definition:
    """Read the definition of an installed type.

    Args:
        name: full name.
        share: finds the folder of a package's shared files.

    Raises:
        BagError: There is no such type.
    """

    def find(wanted: str) -> str:
        package, kind, short = wanted.split("/")
        if kind != "msg":  # what ROS makes of an action or a service has no text of its own
            raise BagError(f"{wanted} is no message; only messages can be recorded")
        return (share(package) / kind / f"{short}.msg").read_text(encoding="utf-8")

    try:
        return _collect(full_name(name), find)
    except OSError as error:
        raise BagError(f"type {name} is not installed: {error}") from error


def full_name(name: str, package: str = "") -> str:
    """``pkg/msg/Type``, whichever shorter way of writing it was given.

    Raises:
        BagError: For what is not the name of a type.
    """
    if package and "/" not in name:
        return f"{package}/msg/{name}"
    if not _NAME.fullmatch(name):
        raise BagError(f"{name[:120]!r} is not the name of a message type")
    parts = name.split("/")
    return name if len(parts) == 3 else f"{parts[0]}/msg/{parts[1]}"


def parse_fields(name: str, text: str) -> tuple[Field, ...]:
    """The fields of one type from its own text, without constants.

    Raises:
        BagError: For a line that is not a field, a constant or a comment.
    """
    package = name.partition("/")[0]
    fields: list[Field] = []
    for line in text.splitlines():
        bare = line.partition("#")[0].strip()
        if not bare:
            continue
        match = _FIELD.match(bare)
        if match is None:
            raise BagError(f"definition of {name}: {bare[:80]!r} is not a field")
        if match["constant"]:
            continue
        kind = match["type"]
        if match["count"] and not int(match["count"]):
            raise BagError(f"definition of {name}: {bare[:80]!r} is an array of nothing")
        array = ""
        if match["array"]:
            array = "bounded" if match["bound"] else "fixed" if match["count"] else "unbounded"
        fields.append(
            Field(
                name=match["name"],
                type=kind if kind in PRIMITIVES else full_name(kind, package),
                array=array,
                count=int(match["count"] or 0),
                text_bound=int(match["text_bound"] or 0),
            )
        )
    if len({field.name for field in fields}) < len(fields):
        raise BagError(f"definition of {name}: a field comes twice")
    return tuple(fields)


def _collect(name: str, find: Callable[[str], str]) -> Definition:
    texts: dict[str, str] = {}
    fields: dict[str, tuple[Field, ...]] = {}
    wanted = [name]
    while wanted:
        current = wanted.pop(0)
        if current in fields:
            continue
        if len(fields) == _MOST_TYPES:
            raise BagError(f"definition of {name}: more than {_MOST_TYPES} types")
        texts[current] = find(current)
        fields[current] = parse_fields(current, texts[current])
        wanted += [field.type for field in fields[current] if field.type not in PRIMITIVES]
    return Definition(name, texts, fields)


def _short(name: str) -> str:
    package, _, short = name.split("/")
    return f"{package}/{short}"


def _members(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    return fields or (Field("structure_needs_at_least_one_member", "uint8"),)


def _described(field: Field) -> dict[str, Any]:
    number = PRIMITIVES.get(field.type, _NESTED)
    if field.text_bound:
        number += _BOUNDED_TEXT
    number += {"": 0, "fixed": _FIXED, "bounded": _BOUNDED, "unbounded": _UNBOUNDED}[field.array]
    return {
        "name": field.name,
        "type": {
            "type_id": number,
            "capacity": field.count,
            "string_capacity": field.text_bound,
            "nested_type_name": "" if field.type in PRIMITIVES else field.type,
        },
    }
