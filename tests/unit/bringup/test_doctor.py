"""The doctor finds what is planted, and says the cure."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest

from introspect.cli import main
from introspect.doctor import Finding, Level, content, machine
from introspect.doctor.imports import Import, check_import, missing_library, try_imports
from introspect_learning.models import shipped


def expect_problem(finding: Finding, text: str, cure: str) -> None:
    assert finding.level is Level.PROBLEM, finding
    assert text in finding.text
    assert cure in finding.cure


def expect_warning(finding: Finding, text: str, cure: str) -> None:
    assert finding.level is Level.WARNING, finding
    assert text in finding.text
    assert cure in finding.cure


def test_a_problem_without_a_cure_cannot_be_reported() -> None:
    with pytest.raises(ValueError, match="a problem needs a cure"):
        Finding("x", Level.PROBLEM, "broken")


class TestMachine:
    def test_a_python_that_is_too_old_is_found(self) -> None:
        finding = machine.check_python(version=(3, 9), full_ros=False)
        expect_problem(finding, "Python 3.9", "PYTHON=python3.10")

    @pytest.mark.parametrize(
        ("version", "system", "processor", "libc"),
        [
            ((3, 15), "Linux", "x86_64", ("glibc", "2.36")),
            ((3, 12), "Darwin", "arm64", ("", "")),
            ((3, 12), "Linux", "aarch64", ("glibc", "2.36")),
            ((3, 12), "Linux", "x86_64", ("glibc", "2.17")),
            ((3, 12), "Linux", "x86_64", ("musl", "1.2")),
        ],
    )
    def test_a_machine_without_ros_wheels_is_found(
        self, version: tuple[int, int], system: str, processor: str, libc: tuple[str, str]
    ) -> None:
        finding = machine.check_python(version, system, processor, libc, full_ros=False)
        expect_problem(finding, "the ROS wheels are for", "source a ROS 2 installation")
        sourced = machine.check_python(version, system, processor, libc, full_ros=True)
        assert sourced.level is Level.OK

    def test_a_sourced_ros_beside_the_wheels_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "lib/python3.11/site-packages/rclpy").mkdir(parents=True)
        mixed = {"LD_LIBRARY_PATH": "/opt/ros/jazzy/lib", "PYTHONPATH": "/opt/ros/jazzy/lib/py"}
        finding = machine.check_shell(mixed, str(tmp_path), base_prefix="/usr")
        expect_problem(finding, "LD_LIBRARY_PATH, PYTHONPATH names /opt/ros", "not sourced")
        assert machine.check_shell({}, str(tmp_path), "/usr").level is Level.OK

    def test_a_ros_installation_without_the_wheels_is_fine(self, tmp_path: Path) -> None:
        sourced = {"LD_LIBRARY_PATH": "/opt/ros/jazzy/lib"}
        assert machine.check_shell(sourced, str(tmp_path), "/usr").level is Level.OK

    def test_library_paths_of_another_environment_are_found(self, tmp_path: Path) -> None:
        leaked = {"_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1", "LD_LIBRARY_PATH": "/other/venv/lib"}
        finding = machine.check_shell(leaked, str(tmp_path), "/usr")
        expect_problem(finding, "of another environment", "unset LD_LIBRARY_PATH")

    def test_a_domain_that_does_not_exist_is_found(self) -> None:
        finding = machine.check_domain({"ROS_DOMAIN_ID": "300"})
        expect_problem(finding, "ROS_DOMAIN_ID=300 is not a domain", "export ROS_DOMAIN_ID=0")

    def test_a_domain_with_risky_ports_is_found(self) -> None:
        finding = machine.check_domain({"ROS_DOMAIN_ID": "150"})
        expect_warning(finding, "domain 150", "0 to 101")

    @pytest.mark.parametrize("reach", ["OFF", "LOCALHOSTS"])
    def test_discovery_that_is_off_or_misspelt_is_found(self, reach: str) -> None:
        finding = machine.check_discovery({"ROS_AUTOMATIC_DISCOVERY_RANGE": reach})
        expect_problem(finding, f"RANGE={reach}", "unset ROS_AUTOMATIC_DISCOVERY_RANGE")

    def test_a_middleware_that_the_wheels_do_not_have_is_found(self) -> None:
        wanted = {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}
        expect_warning(machine.check_discovery(wanted), "ignore it", "unset RMW_IMPLEMENTATION")
        assert machine.check_discovery(wanted | {"ROS_DISTRO": "jazzy"}).level is Level.OK

    def test_a_loopback_that_is_down_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "flags").write_text("0x8\n")
        expect_problem(machine.check_loopback(tmp_path), "lo is down", "ip link set lo up")
        (tmp_path / "flags").write_text("0x9\n")
        assert machine.check_loopback(tmp_path).level is Level.OK

    def test_segments_of_killed_nodes_are_found_and_those_of_living_ones_left_out(
        self, tmp_path: Path
    ) -> None:
        for number in range(5):
            (tmp_path / f"fastdds_{number:016x}_el").touch()
        with (tmp_path / "fastdds_0000000000000000_el").open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            finding = machine.check_shared_memory(tmp_path, most=3)
        expect_warning(finding, "4 segments", "rm /dev/shm/fast*")
        assert machine.check_shared_memory(tmp_path, most=5).level is Level.OK

    def test_a_full_disk_is_found(self, tmp_path: Path) -> None:
        assert machine.check_disk(tmp_path, lambda _: 50 * machine.GIB).level is Level.OK
        expect_warning(machine.check_disk(tmp_path, lambda _: machine.GIB), "1.0 GiB", "free some")
        expect_problem(machine.check_disk(tmp_path, lambda _: 0), "0.0 GiB", "~/.ros/log")

    def test_a_machine_that_cannot_render_the_camera_is_found(self) -> None:
        finding = machine.check_graphics(lambda _: None)
        expect_warning(finding, "camera:=true", "apt install libegl1 libosmesa6")
        assert machine.check_graphics({"OSMesa": "x"}.get).level is Level.OK


class TestLibraries:
    @pytest.fixture
    def planted(self, tmp_path: Path) -> dict[str, Import]:
        (tmp_path / "broken.py").write_text(
            "raise ImportError('libGL.so.1: cannot open shared object file: No such file')"
        )
        (tmp_path / "deadly.py").write_text(
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
        )
        (tmp_path / "leaving.py").write_text("raise SystemExit(0)")
        (tmp_path / "fine.py").write_text("__version__ = '1.2'; print('chatter')")
        names = ["absent_library", "broken", "deadly", "leaving", "fine"]
        return try_imports(names, os.environ | {"PYTHONPATH": str(tmp_path)})

    def test_each_broken_library_is_found_and_none_takes_the_doctor_with_it(
        self, planted: dict[str, Import]
    ) -> None:
        assert "No module named 'absent_library'" in planted["absent_library"].error
        assert "libGL.so.1" in planted["broken"].error
        assert planted["deadly"].error == "the process ended with code -11"
        assert "SystemExit" in planted["leaving"].error
        assert planted["fine"].error == ""
        assert planted["fine"].version == "1.2"
        assert planted["fine"].file.endswith("fine.py")

    def test_a_missing_library_of_the_system_is_cured_by_its_debian_package(
        self, planted: dict[str, Import]
    ) -> None:
        finding = check_import("simulator", ["broken"], planted, "make setup")
        expect_problem(finding, "broken cannot be imported", "apt install libgl1")

    def test_a_missing_python_library_is_cured_by_installing_it(
        self, planted: dict[str, Import]
    ) -> None:
        finding = check_import("ros", ["fine", "absent_library", "deadly"], planted, "make setup")
        expect_problem(finding, "absent_library cannot be imported (and 1 more)", "make setup")

    def test_a_library_that_is_not_always_needed_is_no_problem(
        self, planted: dict[str, Import]
    ) -> None:
        finding = check_import("x", ["absent_library"], planted, "make x", "backend:=x")
        assert finding.level is Level.NOTE
        assert "Without it: backend:=x" in finding.text
        broken = check_import("x", ["broken"], planted, "make x", "backend:=x")
        expect_warning(broken, "Without it: backend:=x", "apt install libgl1")

    def test_a_library_without_a_known_package_is_named(self) -> None:
        error = "ImportError: libfoo-2.so.3: cannot open shared object file"
        assert missing_library(error) == "libfoo-2.so.3"
        finding = check_import("x", ["m"], {"m": Import(error)}, "make setup")
        expect_problem(finding, "libfoo-2.so.3", "apt-file search libfoo-2.so.3")


class TestContent:
    def test_messages_that_were_not_built_are_found(self, tmp_path: Path) -> None:
        expect_problem(content.check_interfaces(None, tmp_path), "is not built", "make setup")

    def test_messages_that_were_built_from_other_sources_are_found(self, tmp_path: Path) -> None:
        for place in ("built", "sources"):
            (tmp_path / place / "msg").mkdir(parents=True)
            (tmp_path / place / "msg/Same.msg").write_text("int8 a\n")
            (tmp_path / place / "msg/Changed.msg").write_text("int8 a  # old words\n\n")
        built, sources = tmp_path / "built", tmp_path / "sources"
        (sources / "msg/Changed.msg").write_text("# new words\nint8   a\n")
        assert content.check_interfaces(built, sources).level is Level.OK
        (sources / "msg/Changed.msg").write_text("int16 a\n")
        (sources / "msg/New.msg").write_text("int8 a\n")
        finding = content.check_interfaces(built, sources)
        expect_problem(finding, "other sources: msg/Changed.msg, msg/New.msg", "make setup")

    def test_an_arm_without_data_is_found(self) -> None:
        expect_problem(content.check_arm("pandaa"), "pandaa", "choose one of those")
        assert content.check_arm("panda").level is Level.OK

    def test_a_model_whose_file_was_changed_is_found(self, tmp_path: Path) -> None:
        shutil.copytree(shipped("bbrl"), tmp_path / "model")
        assert content.check_model(tmp_path / "model", "panda").level is Level.OK
        weights = tmp_path / "model/behaviours/model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
        finding = content.check_model(tmp_path / "model", "panda")
        expect_problem(finding, "model.safetensors", "introspect train bbrl")

    def test_a_model_folder_that_is_not_there_is_found(self, tmp_path: Path) -> None:
        finding = content.check_model(tmp_path / "none", "panda")
        expect_problem(finding, "none", "git checkout the model's folder")

    def test_a_model_for_another_arm_is_found(self, tmp_path: Path) -> None:
        shutil.copytree(shipped("bbrl"), tmp_path / "model")
        path = tmp_path / "model/behaviours/contract.json"
        contract = json.loads(path.read_text())
        contract["joint_names"] = [f"fr3_joint{number}" for number in range(1, 8)]
        contract["input_names"][0] = "joint_position.0"  # one that reads none fits all
        path.write_text(json.dumps(contract))
        finding = content.check_model(tmp_path / "model", "panda")
        expect_problem(finding, "fr3_joint1", "introspect train bbrl")


class TestCommand:
    def test_it_ends_with_one_line_of_json_and_the_exit_code_says_whether_all_is_well(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ROS_DOMAIN_ID", "300")
        assert main(["doctor", "--no-graph", "--json"]) == 1
        captured = capsys.readouterr()
        report = json.loads(captured.out.splitlines()[-1])
        problems = [f for f in report["findings"] if f["level"] == "problem"]
        assert report["value"] == len(problems)
        assert "domain" in [finding["check"] for finding in problems]
        assert all(finding["cure"] for finding in problems)
        assert "cure: export ROS_DOMAIN_ID=0" in captured.err

    def test_an_unknown_arm_is_a_finding_not_a_crash(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["doctor", "--arm", "none"]) == 1
        out = capsys.readouterr().out
        assert "arm: unknown arm 'none'" in out
        assert "not looked at, because of:" in out
