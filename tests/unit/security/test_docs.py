"""docs/hardware/security.md says of the policy what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from introspect.security.access import COMMAND, GRIPPER
from introspect.security.processes import PROCESSES
from introspect.security.switch import ENABLE, KEYSTORE, OVERRIDE, STRATEGY

PAGE = Path(__file__).resolve().parents[3] / "docs/hardware/security.md"


def row(name: str) -> str:
    """The names in the second cell of the table's row about a topic, service or action."""
    [line] = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{name}`")]
    return line.split("|")[2].strip()


@pytest.mark.parametrize(
    ("name", "what", "right"),
    [
        ("<controller>/joint_trajectory", COMMAND, "publishes"),
        ("<controller>/joint_trajectory", GRIPPER, "publishes"),
        ("policy/action", "policy/action", "publishes"),
        ("follow_trajectory", "follow_trajectory", "orders"),
        ("move_to", "move_to", "orders"),
        ("guard/rearm", "guard/rearm", "calls"),
    ],
)
def test_who_may_do_what_is_who_may_by_the_policy(name: str, what: str, right: str) -> None:
    who = [process.node for process in PROCESSES if what in getattr(process.own, right)]
    assert sorted(row(name).replace("`", "").split(", ")) == sorted(who)


@pytest.mark.parametrize("variable", [ENABLE, STRATEGY, KEYSTORE, OVERRIDE])
def test_every_variable_is_explained(variable: str) -> None:
    assert variable in PAGE.read_text()


def test_it_promises_no_functional_safety() -> None:
    assert "None of this is functional safety" in PAGE.read_text()
