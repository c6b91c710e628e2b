"""`introspect train internal-states` and `reproduce`: errors of one line, exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from introspect.cli import main


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--policy", "nowhere"], "model folder nowhere does not exist"),
        (["--bag", "nowhere"], "nowhere"),
        (["--learning.beta", "-1"], "beta must not be negative, got -1"),
        (["--learning.model.kind", "gan"], "kind must be one of vae, autoencoder, pca, random"),
        (["--sead", "3"], "--settings lists what can be set"),
    ],
)
def test_wrong_use_of_train_internal_states_is_told_in_one_line(
    words: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="training is an extra")
    assert main(["train", "internal-states", "--out", str(tmp_path / "run"), *words]) == 2
    said = capsys.readouterr().err
    assert text in said
    assert "Traceback" not in said


def test_a_choreographer_that_listens_to_what_nobody_has_is_told_what_to_train(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="training is an extra")
    words = ["train", "bbrl", "--out", str(tmp_path), "--choreographer.listens-to", "means"]
    assert main(words) == 2
    assert "`introspect train internal-states`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["noize"], "there is no study 'noize'"),
        (["noise", "--seeds", "0"], "seeds must be at least 1, got 0"),
        (["noise", "--mode", "theirs"], "modes must be of ours, seed_mode, got theirs"),
    ],
)
def test_wrong_use_of_reproduce_is_told_in_one_line(
    words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="training is an extra")
    assert main(["reproduce", *words]) == 2
    assert text in capsys.readouterr().err


def test_a_study_does_not_take_the_place_of_another_one_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="training is an extra")
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "results" / "noise" / "study.json"
    there.parent.mkdir(parents=True)
    config = {"seeds": 10, "controls": True, "control_seeds": 0, "modes": ["ours"], "arm": "panda"}
    there.write_text(json.dumps({"config": config | {"jobs": 7}}))
    assert main(["reproduce", "noise", "--seeds", "1", "--mode", "ours"]) == 2
    said = capsys.readouterr().err
    assert "results/noise holds this study with seeds 10. Name another folder with --out" in said
    assert json.loads(there.read_text())["config"]["seeds"] == 10
