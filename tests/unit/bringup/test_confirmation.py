"""A real arm is armed by a person who typed its name, and by nobody else."""

from __future__ import annotations

import pytest

from introspect.cli import confirmation
from introspect.cli.confirmation import confirmed
from introspect.graph import REAL, SIM


class Terminal:
    """Answers one question and counts the seconds waited."""

    def __init__(self, answer: str) -> None:
        self.answer, self.questions, self.waited = answer, [], 0.0  # type: ignore[var-annotated]

    def ask(self, question: str) -> str:
        self.questions.append(question)
        return self.answer

    def sleep(self, seconds: float) -> None:
        self.waited += seconds


@pytest.fixture(autouse=True)
def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)


def given_by(terminal: Terminal, **given: str) -> dict[str, str]:
    return confirmed(REAL, given, terminal.ask, terminal.sleep)


def test_the_arms_own_name_arms_it_after_a_countdown() -> None:
    terminal = Terminal("fr3")

    assert given_by(terminal, arm="fr3") == {"arm": "fr3", "armed": "true"}
    assert terminal.waited == confirmation.COUNTDOWN
    assert "moves a real arm: fr3, at 10% of its joints' speed" in terminal.questions[0]


@pytest.mark.parametrize("answer", ["", "yes", "panda", "FR3"])
def test_any_other_answer_leaves_it_unarmed(answer: str) -> None:
    terminal = Terminal(answer)

    assert given_by(terminal, arm="fr3") == {"arm": "fr3"}
    assert terminal.waited == 0.0


@pytest.mark.parametrize("given", [{"mock": "true"}, {"armed": "false"}, {"armed": "true"}])
def test_who_has_answered_already_or_needs_not_is_not_asked(given: dict[str, str]) -> None:
    terminal = Terminal("panda")

    assert given_by(terminal, **given) == given
    assert terminal.questions == []


def test_a_simulation_asks_nobody() -> None:
    terminal = Terminal("panda")

    assert confirmed(SIM, {"arm": "panda"}, terminal.ask) == {"arm": "panda"}
    assert terminal.questions == []


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    terminal = Terminal("panda")

    assert given_by(terminal) == {}
    assert terminal.questions == []
