"""SROS2 is switched on by the variables of ROS: every node gets its keys, or none is started."""

from __future__ import annotations

import os
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from introspect import ros_launch
from introspect.cli import arm, main
from introspect.errors import UsageError
from introspect.graph import SIM
from introspect.runner.command import command_line, node_environment
from introspect.security.middleware import find_middleware
from introspect.security.switch import Switch, check_enclave, take_keys
from introspect.specification import NodeSpec

Environment = dict[str, str]
NODE = NodeSpec("pip", Path(sys.executable).name, "arm_bridge_node")
VALUES = {"namespace": "", "log_level": "info"}


def test_a_node_gets_its_enclave_on_the_command_line(secured: Environment) -> None:
    command = command_line(NODE, VALUES, secured)
    assert command[-2:] == ["--enclave", "/introspect/arm_bridge_node"]


@pytest.mark.parametrize("value", ["", "false"])
def test_without_the_one_word_that_ros_takes_nothing_is_added(
    secured: Environment, value: str
) -> None:
    environment = secured | {"ROS_SECURITY_ENABLE": value}
    assert "--enclave" not in command_line(NODE, VALUES, environment)


@pytest.mark.parametrize("value", ["True", "TRUE", "1", "on", " true", "0"])
def test_a_word_that_may_be_meant_to_switch_it_on_starts_no_node(
    secured: Environment, value: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        command_line(NODE, VALUES, secured | {"ROS_SECURITY_ENABLE": value})
    assert str(refusal.value) == (
        f"ROS_SECURITY_ENABLE must be true or false, got {value!r}, which ROS takes for off. "
        "Cure: export ROS_SECURITY_ENABLE=true"
    )


def test_a_middleware_without_security_is_refused_before_any_node_starts(
    secured: Environment, built: Callable[[bool], Environment]
) -> None:
    with pytest.raises(UsageError) as refusal:
        command_line(NODE, VALUES, secured | built(False))
    text = str(refusal.value)
    assert text.startswith("ROS_SECURITY_ENABLE=true, but this is Fast DDS built without DDS sec")
    assert "Cure: use a ROS 2 installation" in text
    assert text.endswith("or unset ROS_SECURITY_ENABLE")


def test_a_node_without_an_enclave_is_named_with_the_cure(
    secured: Environment, keystore: Path
) -> None:
    shutil.rmtree(keystore / "enclaves/introspect/arm_bridge_node")
    with pytest.raises(UsageError) as refusal:
        check_enclave("arm_bridge_node", secured)
    assert str(refusal.value) == (
        f"ROS_SECURITY_ENABLE=true, but {keystore} has no enclave /introspect/arm_bridge_node. "
        "Cure: introspect security keystore --out KEYSTORE"
    )


def test_an_enclave_that_lacks_a_file_is_refused(secured: Environment, keystore: Path) -> None:
    (keystore / "enclaves/introspect/task_node/permissions.p7s").unlink()
    with pytest.raises(UsageError, match=r"task_node lacks, or does not let us read, perm.*\.p7s"):
        check_enclave("task_node", secured)


def test_a_keystore_that_is_not_set_or_not_there_is_refused(secured: Environment) -> None:
    with pytest.raises(UsageError, match="ROS_SECURITY_KEYSTORE is not set"):
        check_enclave("task_node", secured | {"ROS_SECURITY_KEYSTORE": ""})
    with pytest.raises(UsageError, match="KEYSTORE=/none is not a folder"):
        check_enclave("task_node", secured | {"ROS_SECURITY_KEYSTORE": "/none"})


def test_a_node_without_keys_is_refused_by_ros_too_unless_the_user_says_otherwise(
    secured: Environment,
) -> None:
    """Permissive is what ROS does by default: a node that finds no keys runs without them."""
    silent = secured | {"ROS_SECURITY_STRATEGY": ""}
    assert node_environment(silent, colour=False)["ROS_SECURITY_STRATEGY"] == "Enforce"
    own = secured | {"ROS_SECURITY_STRATEGY": "Permissive"}
    assert node_environment(own, colour=False)["ROS_SECURITY_STRATEGY"] == "Permissive"
    off = node_environment(silent | {"ROS_SECURITY_ENABLE": ""}, colour=False)
    assert "ROS_SECURITY_STRATEGY" not in {name for name, value in off.items() if value}


def test_a_program_without_ros_arguments_takes_its_keys_from_the_environment(
    secured: Environment,
) -> None:
    environment = dict(secured)
    take_keys("introspect_view", environment)
    assert environment["ROS_SECURITY_ENCLAVE_OVERRIDE"] == "/introspect/introspect_view"
    own = secured | {"ROS_SECURITY_ENCLAVE_OVERRIDE": "/mine"}
    take_keys("introspect_view", own)
    assert own["ROS_SECURITY_ENCLAVE_OVERRIDE"] == "/mine"
    off: Environment = {}
    take_keys("introspect_view", off)
    assert off == {}


@pytest.mark.parametrize(
    ("words", "enclave"),
    [
        (["view"], "/introspect/introspect_view"),
        (["capture", "--out", "a_new_bag"], "/introspect/capture_node"),
        (["arm", "rearm"], "/introspect/introspect_arm"),
        (["arm", "teach", "--pose", "here"], "/introspect/introspect_teach"),
        (["arm", "teleop"], "/introspect/teleoperation_node"),
        (["calibrate", "--record"], "/introspect/calibration_terminal"),
    ],
)
def test_commands_that_become_a_node_take_its_keys(
    words: list[str],
    enclave: str,
    secured: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in secured.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ROS_SECURITY_ENCLAVE_OVERRIDE", "")
    monkeypatch.setattr(arm, "_arm", lambda given, namespace: "panda")
    became: list[str] = []
    monkeypatch.setattr("os.execv", lambda _, given: became.extend(given))
    main(words)
    assert became
    assert os.environ["ROS_SECURITY_ENCLAVE_OVERRIDE"] == enclave


def test_the_library_that_the_loader_would_take_is_looked_at(
    built: Callable[[bool], Environment], tmp_path: Path
) -> None:
    secure, plain = built(True)["LD_LIBRARY_PATH"], built(False)["LD_LIBRARY_PATH"]
    assert find_middleware({"LD_LIBRARY_PATH": f"{tmp_path}:{secure}:{plain}"}).secure is True
    assert find_middleware({"LD_LIBRARY_PATH": f"{plain}:{secure}"}).secure is False
    prefix = tmp_path / "prefix"
    (prefix / "lib").mkdir(parents=True)
    shutil.copy(Path(plain) / "librmw_fastrtps_shared_cpp.so", prefix / "lib")
    assert find_middleware({"AMENT_PREFIX_PATH": str(prefix)}).secure is False


def test_what_is_not_known_of_another_middleware_is_not_claimed() -> None:
    other = {"RMW_IMPLEMENTATION": "rmw_zenoh_cpp", "ROS_DISTRO": "kilted"}
    assert find_middleware(other).secure is None


def test_the_switch_is_read_as_ros_reads_it() -> None:
    switch = Switch.of({"ROS_SECURITY_ENABLE": "true", "ROS_SECURITY_STRATEGY": "enforce"})
    assert switch == Switch(enabled=True, strict=False, keystore=None)


class Recorder(types.ModuleType):
    """A module of which every name is a call that is remembered."""

    def __init__(self, name: str, calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*words: Any, **named: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
            self._calls.append((name, words, named))
            return self._calls[-1]

        return call


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """What the description asks of ROS 2's launch, of which there is a fake."""
    calls: list[Any] = []
    for name in (
        *("launch", "launch.actions", "launch.conditions", "launch.launch_description"),
        *("launch.substitutions", "launch_ros", "launch_ros.actions"),
        *("launch_ros.parameter_descriptions", "launch_ros.substitutions"),
    ):
        monkeypatch.setitem(sys.modules, name, Recorder(name, calls))

    def describe() -> list[Any]:
        calls.clear()
        ros_launch.launch_description(SIM)
        return calls

    return describe


def set_variables(calls: list[Any]) -> dict[str, str]:
    return {words[0]: words[1] for name, words, _ in calls if name == "SetEnvironmentVariable"}


def test_launch_of_ros_2_gives_every_node_its_enclave_as_well(
    launched: Callable[[], list[Any]], secured: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (secured | {"ROS_SECURITY_STRATEGY": ""}).items():
        monkeypatch.setenv(name, value)
    calls = launched()
    nodes = {named["name"]: named["ros_arguments"] for name, _, named in calls if name == "Node"}
    assert set(nodes) == {node.name for node in SIM.nodes}
    for name, words in nodes.items():
        assert words[-2:] == ["--enclave", f"/introspect/{name}"]
    assert set_variables(calls)["ROS_SECURITY_STRATEGY"] == "Enforce"


def test_launch_of_ros_2_keeps_to_this_machine_unless_told_otherwise(
    launched: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROS_SECURITY_ENABLE", raising=False)
    monkeypatch.delenv("ROS_AUTOMATIC_DISCOVERY_RANGE", raising=False)
    calls = launched()
    assert set_variables(calls)["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert not any("--enclave" in named["ros_arguments"] for n, _, named in calls if n == "Node")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "SUBNET")
    assert "ROS_AUTOMATIC_DISCOVERY_RANGE" not in set_variables(launched())
