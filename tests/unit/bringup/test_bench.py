"""`introspect bench` finds the measurements of the checkout and passes their options on."""

import pytest

from introspect.cli.main import main


def test_it_lists_the_measurements(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["bench", "--help"])
    assert ending.value.code == 0
    assert "learning" in capsys.readouterr().out


def test_an_unknown_one_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "loops"]) == 2
    assert "Did you mean 'loop'?" in capsys.readouterr().err


def test_outside_a_checkout_it_says_where_to_go(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("introspect.cli.bench._candidates", lambda: iter(()))
    assert main(["bench", "env"]) == 2
    assert "run this from the folder that was cloned" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ending:
        main(["bench", "--help"])
    assert ending.value.code == 0
    assert "from the folder that was cloned" in capsys.readouterr().out
