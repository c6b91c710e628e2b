"""The manual of the mock arm names every fault and every manner as they are."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from introspect_sim.mock import FAULTS, Fault, Manners, read_schedule

MANUAL = (Path(__file__).parents[3] / "docs" / "hardware" / "mock_arm.md").read_text()
LINES = MANUAL.splitlines()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_every_fault_is_in_the_table_with_its_amounts(fault: Fault) -> None:
    amounts = " | "
    if fault.unit:
        amounts = f" {fault.usual:g} {fault.unit} | {fault.lowest:g} to {fault.highest:g} "
    row = f"| `{fault.name}` |{amounts}| {fault.line} |"
    assert row in LINES, f"docs/hardware/mock_arm.md lacks the row\n{row}"


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Manners)])
def test_every_manner_is_in_the_table_with_its_default(name: str) -> None:
    field = Manners.__dataclass_fields__[name]
    meta = field.metadata
    row = (
        f"| `{name}` | {field.default:g} | {meta['minimum']:g} to {meta['maximum']:g} "
        f"| {meta['description']} |"
    )
    assert row in LINES, f"docs/hardware/mock_arm.md lacks the row\n{row}"


def test_the_tables_name_nothing_that_does_not_exist() -> None:
    known = {*FAULTS, *(field.name for field in dataclasses.fields(Manners))}
    named = set(re.findall(r"^\| `([a-z_]+)` \|", MANUAL, re.MULTILINE))

    topics = {"arm/status", "inject_fault", "reset_world", "perturb_world"}
    assert named - topics <= known


def test_the_schedule_in_the_manual_can_be_read() -> None:
    text = MANUAL.split("```yaml")[1].split("```")[0]

    assert [entry.at for entry in read_schedule(text)] == [10.0, 30.0, 45.0]


def test_the_program_in_the_manual_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mujoco")
    program = MANUAL.split("```python")[1].split("```")[0]

    exec(compile(program, "mock_arm.md", "exec"), {})

    assert "READY" in capsys.readouterr().out
