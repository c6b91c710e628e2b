"""A camera draws with whichever off-screen GL a machine has."""

from __future__ import annotations

import os

import pytest

from introspect_sim.worlds import WorldError
from introspect_sim.worlds.offscreen import CANDIDATES, choose_offscreen_gl


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "")  # so that the end of the test undoes a choice
    monkeypatch.delenv("MUJOCO_GL")


@pytest.mark.parametrize("works", CANDIDATES)
def test_the_first_that_works_is_chosen(works: str) -> None:
    choose_offscreen_gl(lambda name: "" if name == works else "no library")

    assert os.environ["MUJOCO_GL"] == works


def test_what_a_person_has_chosen_is_kept_without_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "glfw")

    choose_offscreen_gl(lambda name: pytest.fail(f"tried {name}"))

    assert os.environ["MUJOCO_GL"] == "glfw"


def test_a_machine_without_any_reads_what_to_install() -> None:
    with pytest.raises(WorldError) as refused:
        choose_offscreen_gl(lambda name: f"no lib{name}")

    assert str(refused.value) == (
        "the camera needs off-screen GL, and none works here (egl: no libegl; osmesa: no libosmesa)"
        "; install one with: apt-get install libegl1 libosmesa6"
    )
    assert "MUJOCO_GL" not in os.environ


def test_a_real_attempt_ends_in_a_choice_or_in_one_line_of_advice() -> None:
    pytest.importorskip("mujoco")

    advice = ""
    try:
        choose_offscreen_gl()
    except WorldError as error:
        advice = str(error)

    assert bool(advice) != (os.environ.get("MUJOCO_GL") in CANDIDATES)
    assert "\n" not in advice
