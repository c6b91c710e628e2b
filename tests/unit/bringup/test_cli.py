"""The program ``introspect``: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from introspect.cli import main
from introspect.cli.launch import parse_assignments
from introspect.cli.verbs import VERBS
from introspect.errors import UsageError


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for verb in VERBS:
        assert f"  {verb.name}" in text
        assert verb.summary in text
    assert "example:" in text


def test_no_verb_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main([verb, "--help"])
    assert ending.value.code == 0
    assert f"introspect {verb}" in capsys.readouterr().out.partition("example")[2]


def test_help_comes_without_the_heavy_libraries() -> None:
    code = (
        "import sys; from introspect.cli import main; main(['--help'])\n"
        "heavy = {'numpy', 'rclpy', 'torch', 'viser', 'mujoco', 'rich', 'onnxruntime', 'tyro'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("introspect 0.")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["lanch"], "there is no verb 'lanch'. Did you mean 'launch'? Verbs: "),
        (["launch"], "which system? introspect launch sim"),
        (
            ["launch", "simm"],
            "there is no graph 'simm'. Did you mean 'sim'? Graphs: sim, real, capture.",
        ),
        (["launch", "sim", "--fast"], "unrecognized arguments: --fast. See: introspect launch --h"),
        (["launch", "sim", "sead:=1"], "graph sim has no argument 'sead'. Did you mean 'seed'?"),
        (["launch", "sim", "seed:=x"], "seed:=x is not allowed. Allowed: a whole number, 0 or m"),
        (["launch", "sim", "seed=1"], "'seed=1' is not a launch argument. Did you mean 'seed:=1'"),
        (["launch", "sim", "fast"], "'fast' is not a launch argument. Did you mean 'fast:=VALUE'"),
        (["launch", "sim", "model:=/none"], "model:=/none: there is no such folder"),
        (["launch", "sim", "arm:=none"], "arm:=none: "),
        (["launch", "sim", "rviz:=true"], "rviz:=true needs a screen"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    words: list[str],
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"introspect: {line}")
    assert error.count("\n") == 1


def test_a_bad_domain_is_wrong_use(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", "400")
    assert main(["launch", "sim"]) == 2
    assert "ROS_DOMAIN_ID=400 is not a domain" in capsys.readouterr().err


class TestWhenAVerbFails:
    @pytest.fixture(autouse=True)
    def broken_verb(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def run(words: list[str]) -> int:
            if words == ["interrupted"]:
                raise KeyboardInterrupt
            raise ZeroDivisionError("no way")

        monkeypatch.setattr(importlib.import_module("introspect.cli.launch"), "run", run)

    def test_it_is_one_line_without_a_traceback(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["launch"]) == 1
        assert capsys.readouterr().err == (
            "introspect: ZeroDivisionError: no way (--debug shows where)\n"
        )

    def test_debug_shows_where(self) -> None:
        with pytest.raises(ZeroDivisionError):
            main(["launch", "--debug"])

    def test_ctrl_c_has_the_exit_code_that_shells_expect(self) -> None:
        assert main(["launch", "interrupted"]) == 130


class TestTrain:
    """With a training that only writes down what it was asked for."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        bbrl = pytest.importorskip("introspect_learning.bbrl")
        asked: list[dict[str, Any]] = []

        def train(config: Any, out: Path, **options: Any) -> Any:
            asked.append({"out": out} | options)
            if out.name == "faulty":
                raise ValueError("operands could not be broadcast")
            return bbrl.Trained(out / "model", successes=9, episodes=10, finished=True)

        monkeypatch.setattr(bbrl, "train_bbrl", train)
        return asked

    def test_the_american_spelling_is_understood_of_names_but_not_of_paths(
        self, asked: list[dict[str, Any]]
    ) -> None:
        assert main(["train", "--out", "behaviors", "behaviors"]) == 0
        assert asked[0]["parts"] == ("behaviours",)
        assert asked[0]["out"] == Path("behaviors")

    def test_a_fault_of_ours_is_no_wrong_use(
        self, asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["train", "behaviours", "--out", "faulty"]) == 1
        assert "ValueError: operands could not be broadcast" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (["choreographer"], "'train choreographer' needs --behaviours"),
            (["bbrl", "--behaviours", "somewhere"], "'train choreographer' needs --behaviours"),
            (["bbrl", "--seed", "-1"], "seed must not be negative, got -1"),
            (["bbrl", "--imitation.batch", "x"], "Error parsing --imitation.batch: invalid"),
            (["bbrl", "--choreographer.hidden", "0"], "hidden must be at least 1, got 0"),
            (["bbrl", "--choreography", "5"], "Unrecognized options: --choreography, 5"),
            (["bbrl", "--budget", "soon"], "--budget must look like 90s"),
        ],
    )
    def test_wrong_use_is_found_before_the_training(
        self,
        words: list[str],
        line: str,
        asked: list[dict[str, Any]],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert main(["train", *words]) == 2
        said = capsys.readouterr().err
        assert line in said
        assert said.count("\n") == 1
        assert not asked


def test_the_launch_arguments_of_a_graph_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["launch", "sim", "--show-args"]) == 0
    text = capsys.readouterr().out
    assert "  backend:=mujoco\n      physics engine (mujoco, pybullet)\n" in text


def test_the_commands_of_the_nodes_are_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    assert main(["launch", "sim", "--print", "policy:=none", "view:=false"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [os.path.basename(line.split()[0]) for line in lines] == [
        "sim_node",
        "state_publisher_node",
        "arm_bridge_node",
    ]


def test_assignments_may_hold_any_text_after_the_sign() -> None:
    assert parse_assignments(["model:=/a b/c:=d", "namespace:="]) == {
        "model": "/a b/c:=d",
        "namespace": "",
    }


def test_an_argument_that_comes_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="seed is given twice: seed:=1 and seed:=2"):
        parse_assignments(["seed:=1", "seed:=2"])
