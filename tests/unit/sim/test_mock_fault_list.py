"""Faults by name: what there is, what is refused, when they go on, and schedules of them."""

from __future__ import annotations

from contextlib import suppress
from math import inf, isnan, nan
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from introspect_sim.mock import FAULTS, Fault, FaultError, read_schedule
from introspect_sim.mock.fault_board import FaultBoard
from introspect_sim.mock.faults import FaultName, find_fault

LASTING = sorted(name for name, fault in FAULTS.items() if not fault.momentary)
MOMENTARY = sorted(name for name, fault in FAULTS.items() if fault.momentary)


def test_every_name_that_code_may_ask_for_is_a_fault() -> None:
    assert get_args(FaultName) == tuple(FAULTS)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_has_a_line_and_an_amount_that_it_allows_itself(fault: Fault) -> None:
    assert fault.line
    assert fault.line[-1] not in ".,"
    assert f"{fault.name}" in fault.description
    assert isnan(fault.usual) == (not fault.unit)
    assert isnan(fault.amount(nan)) == (not fault.unit)
    if fault.unit:
        assert fault.amount(fault.usual) == fault.usual
        assert f"usually {fault.usual:g}" in fault.description


@given(st.sampled_from(sorted(FAULTS)), st.floats())
def test_no_amount_beyond_its_range_is_taken(name: str, value: float) -> None:
    fault = FAULTS[name]
    allowed = (
        isnan(value) or value == 0.0 if not fault.unit else fault.lowest <= value <= fault.highest
    )
    if isnan(value) or (allowed and not (fault.whole and value != round(value))):
        amount = fault.amount(value)
        assert isnan(amount) or fault.lowest <= amount <= fault.highest
    else:
        with pytest.raises(FaultError, match=name) as refusal:
            fault.amount(value)
        assert fault.range in str(refusal.value)


@settings(max_examples=25)
@given(st.text(max_size=12))
def test_a_name_that_does_not_exist_is_answered_with_those_that_do(name: str) -> None:
    if name not in FAULTS:
        with pytest.raises(FaultError, match="does not exist") as refusal:
            find_fault(name)
        assert all(known in str(refusal.value) for known in FAULTS)


def test_a_misspelt_name_is_guessed() -> None:
    with pytest.raises(
        FaultError, match=r"'state_dely' does not exist. Did you mean 'state_delay'\?"
    ):
        FaultBoard().request("state_dely", nan, 0.0, 0.0, 0.0)


def test_the_list_has_one_line_for_each_fault() -> None:
    lines = FaultBoard().request("list", nan, 0.0, 0.0, 0.0).splitlines()

    assert len(lines) == len(FAULTS)
    assert lines[0] == (
        "state_delay (in [0.001, 2] s, usually 0.1): joint states come that much later"
    )


@given(
    name=st.sampled_from(LASTING),
    delay=st.floats(0.0, 10.0),
    duration=st.floats(0.001, 10.0),
    at=st.floats(0.0, 25.0),
)
def test_a_lasting_fault_is_on_from_its_beginning_to_its_end_and_not_otherwise(
    name: str, delay: float, duration: float, at: float
) -> None:
    board = FaultBoard()
    board.request(name, nan, delay, duration, now=1.0)

    assume(min(abs(at - 1.0 - delay), abs(at - 1.0 - delay - duration)) > 1e-6)
    going_on = [planned.fault.name for planned in board.going_on(at)]
    expected = 1.0 + delay <= at < 1.0 + delay + duration
    assert going_on == [name] * expected
    if at < 1.0 + delay + duration:
        assert board.on(name, at) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MOMENTARY)
def test_a_momentary_fault_happens_once_when_it_is_due(name: str) -> None:
    board = FaultBoard()
    board.request(name, nan, 2.0, 0.0, now=1.0)

    assert board.take(name, 2.9) == []  # type: ignore[arg-type]
    assert len(board.take(name, 3.1)) == 1  # type: ignore[arg-type]
    assert board.take(name, 3.2) == []  # type: ignore[arg-type]
    with pytest.raises(FaultError, match="happens in a moment; leave its duration out"):
        board.request(name, nan, 0.0, 1.0, now=4.0)


@given(
    name=st.sampled_from(LASTING),
    begin=st.floats(0.0, 1.0),
    duration=st.floats(1e-6, 0.05),
    first_look=st.floats(0.0, 0.01),
)
def test_who_looks_once_in_the_shortest_time_of_a_fault_misses_none(
    name: str, begin: float, duration: float, first_look: float
) -> None:
    board = FaultBoard(shortest=0.01)
    board.request(name, nan, 0.0, duration, now=begin)

    looks = [first_look + 0.01 * k for k in range(110)]
    assert any(board.on(name, now) for now in looks)  # type: ignore[arg-type]


def test_an_answer_says_how_long_a_fault_that_is_too_short_lasts() -> None:
    board = FaultBoard(shortest=0.01)

    assert board.request("degrees", nan, 0.0, 0.005, now=0.0) == "degrees, now, for 0.01 s"
    assert board.request("degrees", nan, 0.0, 0.5, now=0.0) == "degrees, now, for 0.5 s"


def test_to_ask_changes_nothing_and_what_is_past_is_forgotten_on_demand_alone() -> None:
    board = FaultBoard()
    board.request("degrees", nan, 0.0, 1.0, now=0.0)
    board.request("reflex", nan, 0.5, 0.0, now=0.0)

    assert board.going_on(2.0) == ()
    assert [planned.fault.name for planned in board.going_on(0.5)] == ["degrees"]
    board.forget_past(2.0)
    assert board.going_on(0.5) == ()
    assert len(board.take("reflex", 2.0)) == 1


def test_of_two_of_a_kind_the_later_one_counts_and_then_the_earlier_again() -> None:
    board = FaultBoard()
    board.request("state_delay", 0.1, 0.0, 0.0, now=0.0)
    board.request("state_delay", 0.4, 0.0, 1.0, now=1.0)

    assert [board.amount("state_delay", now) for now in (0.5, 1.5, 2.5)] == [0.1, 0.4, 0.1]


def test_none_ends_what_goes_on_and_cancels_what_is_to_come() -> None:
    board = FaultBoard()
    board.request("degrees", nan, 0.0, 0.0, now=0.0)
    board.request("reflex", nan, 9.0, 0.0, now=0.0)

    assert board.request("none", nan, 0.0, 0.0, now=1.0) == "ended degrees; cancelled reflex"
    assert not board.on("degrees", 1.0)
    assert board.take("reflex", 10.0) == []
    assert board.request("none", nan, 0.0, 0.0, now=1.0) == "no fault was going on"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("state_delay", 5.0, 0.0, 0.0),
            r"must be in \[0.001, 2\] s, got 5; NaN means the usual 0.1",
        ),
        (("state_nan", 1.5, 0.0, 0.0), r"must be a whole number in \[1, 7\] joint, got 1.5"),
        (("degrees", 2.0, 0.0, 0.0), "fault 'degrees' has no amount, got 2; leave it out"),
        (("degrees", nan, -1.0, 0.0), "delay of fault 'degrees' must be 0 or more, got -1 s"),
        (("degrees", nan, nan, 0.0), "delay of fault 'degrees' must be 0 or more, got nan s"),
        (
            ("degrees", nan, 0.0, -1.0),
            r"duration of fault 'degrees' must be 0 \(until it is ended\)",
        ),
        (("degrees", nan, 0.0, inf), "duration of fault 'degrees' must be 0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(
    arguments: tuple[str, float, float, float], message: str
) -> None:
    with pytest.raises(FaultError, match=message):
        FaultBoard().request(*arguments, now=0.0)


def test_an_answer_says_what_was_planned() -> None:
    board = FaultBoard()

    assert board.request("state_delay", nan, 2.0, 3.0, 0.0) == (
        "state_delay of 0.1 s, in 2 s, for 3 s"
    )
    assert board.request("degrees", 0.0, 0.0, 0.0, 0.0) == "degrees, now, until it is ended"
    assert board.request("reflex", nan, 0.0, 0.0, 0.0) == "reflex, now"


# Schedules.


def test_a_schedule_is_read_from_text_in_the_order_of_time() -> None:
    schedule = read_schedule(
        "[{fault: reflex, at: 3}, {fault: state_delay, value: 0.2, at: 1.5, duration: 2}]"
    )

    assert [entry.fault.name for entry in schedule] == ["state_delay", "reflex"]
    first, second = schedule
    assert (first.amount, first.at, first.duration) == (0.2, 1.5, 2.0)
    assert isnan(second.amount)
    assert (second.at, second.duration) == (3.0, inf)


def test_a_schedule_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "night.yaml"
    file.write_text("- fault: object_lost\n  at: 1\n  duration: 0.5\n")

    (entry,) = read_schedule(str(file))

    assert entry.fault.name == "object_lost"


@pytest.mark.parametrize("text", ["", "  \n", "[]"])
def test_no_schedule_is_no_fault(text: str) -> None:
    assert read_schedule(text) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reflex", "faults: must be a list of {fault, value, at, duration}, or the path of a YAML"),
        ("{fault: reflex}", "must be a list of .*, got a mapping"),
        ("[3]", "faults, entry 1: must be {fault, value, at, duration}, got 3"),
        ("[{at: 1}]", "entry 1: fault must be a name, got None"),
        ("[{fault: reflex}]", "entry 1: at must be a finite number, got None"),
        ("[{fault: reflex, at: soon}]", "entry 1: at must be a finite number, got 'soon'"),
        ("[{fault: reflex, at: -1}]", "entry 1: at must be 0 or more, got -1 s"),
        ("[{fault: reflex, at: true}]", "entry 1: at must be a finite number, got True"),
        ("[{fault: reflex, at: .inf}]", "entry 1: at must be a finite number, got inf"),
        (f"[{{fault: reflex, at: 1{'0' * 400}}}]", "entry 1: at must be a finite number, got 1000"),
        ("[{fault: reflex, at: 1, when: 2}]", "unknown key 'when'; known are fault, value, at"),
        (
            "[{fault: reflx, at: 1}]",
            r"entry 1: fault 'reflx' does not exist. Did you mean 'reflex'",
        ),
        ("[{fault: reflex, at: 1}, {fault: state_delay, value: 9, at: 1}]", "entry 2: value of"),
        ("[{fault: reflex, at: 1, duration: 2}]", "entry 1: fault 'reflex' happens in a moment"),
        ("[{fault: !!python/name:os.system '', at: 1}]", "faults: not plain YAML"),
        ("[{fault: reflex", "faults: not plain YAML"),
        ("no/such/file.yaml", "schedule no/such/file.yaml cannot be read"),
        ("#" * 200_000, "a schedule has at most 100000 characters, got 200000"),
    ],
)
def test_a_schedule_with_a_mistake_is_refused_with_the_entry_and_the_cure(
    text: str, message: str
) -> None:
    with pytest.raises(FaultError, match=message):
        read_schedule(text)


def test_a_schedule_that_grows_without_end_is_refused_in_no_time() -> None:
    levels = [f"&a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" if k else "&a0 [x]" for k in range(30)]

    with pytest.raises(FaultError, match=r"entry 1: must be .*, got a list"):
        read_schedule("- " + "\n- ".join(levels))


def test_a_schedule_nested_too_deeply_to_be_read_is_refused() -> None:
    with pytest.raises(FaultError, match="not plain YAML: nested more than 32 deep"):
        read_schedule("[" * 1500)


NESTED = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.text(max_size=60) | NESTED.map(str))
def test_whatever_is_written_a_schedule_is_read_or_refused(text: str) -> None:
    with suppress(FaultError):
        assert isinstance(read_schedule(text), tuple)
