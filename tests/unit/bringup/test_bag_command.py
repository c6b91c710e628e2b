"""`introspect bag` and `introspect capture`: exit codes, and errors of one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from introspect.cli import main
from introspect.cli.bag import FORMATS
from introspect_control.capture import BagWriter, export
from introspect_control.capture.definition import parse_definition


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    folder = tmp_path / "bag"
    with BagWriter(folder) as writer:
        topic = writer.add_topic("/number", parse_definition("test_msgs/msg/Number", "uint8 value"))
        for value in range(5):
            writer.write(topic, value * 100_000_000 + 1, bytes([0, 1, 0, 0, value]))
    return folder


def test_info_counts_topics_for_people_and_for_programs(
    bag: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bag", "info", str(bag)]) == 0
    printed = capsys.readouterr().out
    assert "5 messages in 0.4 s" in printed
    assert "/number" in printed
    assert "10.0 Hz" in printed
    assert main(["bag", "info", str(bag), "--json"]) == 0
    row = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert row["messages"] == 5
    assert row["topics"]["/number"]["rate"] == pytest.approx(10.0)


def test_verify_fails_on_findings_and_repair_mends_them(
    bag: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bag", "verify", str(bag)]) == 0
    assert "5 messages, 0 episodes: sound" in capsys.readouterr().out
    [file] = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:-30])

    assert main(["bag", "verify", str(bag), "--json"]) == 1
    [finding] = json.loads(capsys.readouterr().out.splitlines()[-1])["findings"]
    assert finding.endswith(f"introspect bag repair {bag} mends it")
    assert main(["bag", "repair", str(bag)]) == 0
    assert f"{bag}: repaired, 5 messages" in capsys.readouterr().out
    assert main(["bag", "verify", str(bag)]) == 0
    capsys.readouterr()
    assert main(["bag", "repair", str(bag), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bag", "verifyit", "BAG"], "there is no 'bag verifyit'. Did you mean 'verify'?"),
        (["bag", "info", "BAG", "--format", "hdf5"], "--format and --out are for bag export"),
        (["bag", "export", "BAG"], "bag export needs --format lerobot|hdf5 and --out PATH"),
        (
            ["bag", "export", "BAG", "--format", "hdf5", "--out", "BAG"],
            "--out BAG exists already; name one that does not",
        ),
        (["bag", "export", "BAG", "--format", "hdf5", "--out", "x", "--arm", "no"], "arm:=no: "),
        (["capture"], "the following arguments are required: --out"),
        (["capture", "--out", "BAG"], "--out BAG exists already; name a folder that does not"),
        (["capture", "--out", "x", "--seconds", "0"], "--seconds 0 is not allowed. Allowed: more"),
        (["launch", "sim", "capture:=BAG"], "capture:=BAG exists already; name a folder that"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    bag: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.replace("BAG", str(bag)) for word in words]
    assert main(given) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message.replace("BAG", str(bag)) in printed.err
    assert len(printed.err.splitlines()) == 1


def test_the_formats_that_can_be_asked_for_are_those_there_are() -> None:
    assert FORMATS == export.FORMATS


def test_what_is_no_bag_is_one_line_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for verb in ("info", "verify", "repair"):
        assert main(["bag", verb, str(tmp_path)]) == 1
        error = capsys.readouterr().err
        assert f"{tmp_path} has no MCAP file: it is not the folder of a bag" in error
        assert len(error.splitlines()) == 1
