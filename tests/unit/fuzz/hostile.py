"""Files as somebody would make them who means harm, and what must come of reading them.

Every reader of files has one property: it gives what was written, or it raises its own error, which
names the file. It raises no other error, takes neither long nor much memory, and runs nothing.

``FUZZ_EXAMPLES=2000 pytest tests/unit/fuzz`` tries that many files of each kind, other ones each
time; without it the same few, as a test should.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from introspect_description.untrusted import limited_memory

T = TypeVar("T")

MANY = "FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "20"))
SECONDS = 5.0  # of the processor for one file
MEMORY = 1 << 30  # for one file [bytes]
LONGEST_TEXT = 4000  # of an error [characters]: it names the file, it does not print it

fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not MANY,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class TookTooLong(BaseException):
    """A reader that does not end; no ``except Exception`` hides it."""


@contextmanager
def bounded(seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Stop what takes too much of the processor or of the memory."""

    def stop(*_: object) -> None:
        raise TookTooLong(f"more than {seconds} s of the processor")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        with limited_memory(memory):
            yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)


def read_or_refuse(
    read: Callable[[], T], errors: type[Exception] | tuple[type[Exception], ...], named: str
) -> T | None:
    """What a reader gives, or None where it refuses with its own error.

    Args:
        read: reads the file.
        errors: that it documents.
        named: what the error has to name.
    """
    with bounded():
        try:
            return read()
        except errors as error:
            text = str(error)
            assert named in text, f"{named!r} is not named in: {text[:500]}"
            assert len(text) < LONGEST_TEXT, f"{len(text)} characters: {text[:200]}"
            return None


def mutated(data: bytes, seed: int) -> bytes:
    """The bytes with a few things wrong, by a random number."""
    rng = random.Random(seed)
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randrange(len(found) + 1)
        end = min(len(found), at + rng.choice((1, 2, 4, 8, 64)))
        kind = rng.randrange(7)
        if kind == 0 and at < len(found):
            found[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            found[at:end] = bytes(rng.randrange(256) for _ in range(end - at))
        elif kind == 2:
            del found[at:end]
        elif kind == 3:
            found[at:at] = found[max(0, at - rng.randrange(64)) : at]
        elif kind == 4:
            size = rng.choice((1, 2, 4, 8))
            number = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63, 2**64 - 1))
            found[at : at + size] = (number & (256**size - 1)).to_bytes(size, "little")
        elif kind == 5:
            found[at:at] = rng.choice(
                (b"\0", b"\xff\xfe", b'"', b"{", b"[", b"\n", b"-", b"9" * 30)
            )
        else:
            del found[at:]
    return bytes(found)


SEEDS = st.integers(0, 2**32)

JUNK: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308),
            *("", "\0", "x" * 3000, "../../etc/passwd", "/dev/zero", "!!python/object", "\x1b[2J"),
            *([], {}, [[]], [None], {"": None}, [0] * 3000, {"__class__": "os.system"}),
        ]
    ),
    st.text(max_size=8),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.integers(-2, 3) | st.text(max_size=3), max_size=4),
)
"""What may stand in the place of any value."""


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value within a value."""
    yield way
    items: Any = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value[:3]) if isinstance(value, list) else items:
        yield from places(item, (*way, key))


def replaced(value: Any, way: tuple[Any, ...], by: Any) -> Any:
    """The value with something else at a place."""
    if not way:
        return by
    key, *rest = way
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[key] = replaced(value[key], tuple(rest), by)
    return copied


@st.composite
def documents(draw: st.DrawFn, value: Any) -> Any:
    """A document with one value, or a few, that should not be there."""
    for _ in range(draw(st.integers(1, 3))):
        ways = [way for way in places(value) if way]
        if not ways:
            break
        way = draw(st.sampled_from(ways))
        if draw(st.booleans()) or not isinstance(way[-1], str):
            value = replaced(value, way, draw(JUNK))
        else:  # its name, not its value
            parent = value
            for key in way[:-1]:
                parent = parent[key]
            renamed = {k: v for k, v in parent.items() if k != way[-1]}
            renamed[draw(st.sampled_from([*way[-1:], "", "unknown", "\0"]))] = draw(JUNK)
            value = replaced(value, way[:-1], renamed)
    return value


def trap(folder: Path) -> tuple[bytes, Path]:
    """A pickle that makes a file when somebody unpickles it, and that file.

    It is written by hand, as nothing here knows how to pickle.
    """
    made = folder / "somebody_ran_it"
    return f"cposix\nsystem\n(S'touch {made}'\ntR.".encode(), made
