"""Reads YAML of plain values: texts, numbers, booleans, lists, mappings of texts or whole numbers.

What PyYAML's ``safe_load`` does beside that is what a hostile file lives by. Merged mappings
(``<<``) multiply themselves, a thousand characters to gigabytes; tags and dates fail in ways that
are no ``YAMLError``; what is nested deeply exhausts the stack; keys that are large numbers can be
made to collide by the hundred thousand. None of it is needed here. So events are taken one by one,
and what is not plain is refused at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

DEEPEST = 32  # of lists and mappings in one another
LARGEST = 1 << 20  # of a text [characters]; ours have some thousand
MOST_VALUES = 100_000  # of all kinds
LONGEST_NUMBER = 1000  # [characters]
LARGEST_KEY = 2**31

# libyaml's parser is ten times as fast; some builds of PyYAML lack it.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = ("str", "null", "bool", "int", "float")
_DATE, _MERGE, _VALUE = (f"tag:yaml.org,2002:{name}" for name in ("timestamp", "merge", "value"))


class PlainYamlError(ValueError):
    """A text that is not YAML of plain values; one line, which says where."""


@dataclass
class _Open:
    """A list or mapping whose end has not come."""

    value: list[Any] | dict[str | int, Any]
    anchor: str | None
    key: list[str | int] = field(default_factory=list)  # that waits for its value: one, or none


def read_yaml(text: str | bytes) -> Any:
    """The value that a text stands for; None for an empty one.

    Args:
        text: YAML; bytes are UTF-8 or marked as UTF-16.

    Raises:
        PlainYamlError: It is no YAML, or more than plain values, or too large.
    """
    if len(text) > LARGEST:
        raise PlainYamlError(f"it has {len(text)} characters; allowed: {LARGEST}")
    try:
        return _build(yaml.parse(text, Loader=_Parser))
    except yaml.YAMLError as error:
        raise PlainYamlError(" ".join(str(error).split())[:300]) from error
    except UnicodeError as error:
        raise PlainYamlError(str(error)) from error


def _build(events: Iterator[Any]) -> Any:
    """Put the value together, without recursion."""
    stack: list[_Open] = []
    anchors: dict[str, Any] = {}
    documents: list[Any] = []
    number = 0
    for number, event in enumerate(events):
        if number > MOST_VALUES:
            raise _refusal(event, f"more than {MOST_VALUES} values")
        if isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            _check_tag(event)
            if len(stack) == DEEPEST:
                raise _refusal(event, f"nested more than {DEEPEST} deep")
            empty: list[Any] | dict[str | int, Any]
            empty = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            stack.append(_Open(empty, event.anchor))
            continue
        if isinstance(event, yaml.ScalarEvent):
            value, anchor = _scalar(event), event.anchor
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchors:
                raise _refusal(event, f"*{event.anchor} refers to nothing that is complete")
            value, anchor = anchors[event.anchor], None
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = stack.pop()
            value, anchor = closed.value, closed.anchor
        else:
            continue  # begin and end of stream and document
        if anchor is not None:
            anchors[anchor] = value
        if stack:
            _add(stack[-1], value, event)
        elif documents:
            raise _refusal(event, "a second document")
        else:
            documents.append(value)
    return documents[0] if documents else None


def _add(parent: _Open, value: Any, event: Any) -> None:
    if isinstance(parent.value, list):
        parent.value.append(value)
    elif parent.key:
        parent.value[parent.key.pop()] = value
    elif not isinstance(value, str | int) or isinstance(value, bool):
        raise _refusal(event, "a key that is neither text nor a whole number")
    elif isinstance(value, int) and abs(value) > LARGEST_KEY:
        raise _refusal(event, f"a key that is larger than {LARGEST_KEY}")
    elif value in parent.value:
        raise _refusal(event, f"key {str(value)[:80]!r} comes twice")
    else:
        parent.key.append(value)


def _scalar(event: Any) -> Any:
    _check_tag(event)
    text = event.value
    if event.tag is None and not event.implicit[0]:
        return text  # in quotes
    tag = event.tag or _RESOLVER.resolve(  # type: ignore[no-untyped-call]
        yaml.ScalarNode, text, (True, False)
    )
    if tag in (_DATE, _VALUE):
        return text
    if tag == _MERGE:
        raise _refusal(event, "merged mappings (<<) are not plain")
    if tag.endswith((":int", ":float")) and len(text) > LONGEST_NUMBER:
        raise _refusal(event, f"a number of {len(text)} characters")
    try:
        return _MADE_BY[tag](yaml.ScalarNode(tag, text))
    except (ValueError, KeyError, IndexError) as error:
        raise _refusal(event, f"{text[:80]!r} is no {tag.rpartition(':')[2]}") from error


def _check_tag(event: Any) -> None:
    plain = isinstance(event, yaml.ScalarEvent) and event.tag in _MADE_BY
    if event.tag is not None and not plain:
        raise _refusal(event, f"tag {event.tag[:80]!r} is not plain")


def _refusal(event: Any, problem: str) -> PlainYamlError:
    mark = event.start_mark
    return PlainYamlError(f"{problem}, in line {mark.line + 1}, column {mark.column + 1}")


_RESOLVER = yaml.resolver.Resolver()
_constructor = yaml.constructor.SafeConstructor()
_MADE_BY = {
    f"tag:yaml.org,2002:{name}": getattr(_constructor, f"construct_yaml_{name}") for name in _PLAIN
}
