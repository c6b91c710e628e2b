"""Keys and permissions as the middleware takes them: signed, whole, and for nobody else's eyes."""

from __future__ import annotations

import shutil
import stat
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from introspect.cli import main
from introspect.security.access import Rights
from introspect.security.keystore import create_keystore
from introspect.security.permissions import dds_topics, governance_xml
from introspect.security.processes import BRIDGE, PROCESSES
from introspect.security.switch import FILES, Switch
from introspect_description import ArmDescription

pytest.importorskip("cryptography", reason="NOT TESTED: keystores; cryptography is not installed")

OPENSSL = shutil.which("openssl")
FR3 = ArmDescription.load("fr3")


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("security") / "keys"
    create_keystore(folder, [FR3], "left")
    return folder


def enclave(keystore: Path, node: str) -> Path:
    return keystore / "enclaves" / "introspect" / node


def topics(document: Path, verb: str) -> set[str]:
    rule = ElementTree.parse(document).find(f"permissions/grant/allow_rule/{verb}/topics")
    assert rule is not None
    return {str(topic.text) for topic in rule}


def openssl(*words: str | Path) -> str:
    if OPENSSL is None:
        pytest.skip("NOT TESTED: signatures by another implementation; there is no openssl")
    done = subprocess.run([OPENSSL, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_process_has_all_that_the_middleware_asks_for(keystore: Path) -> None:
    switch = Switch(enabled=True, strict=True, keystore=keystore)
    assert {process.node: switch.lacks(process.node) for process in PROCESSES} == {
        process.node: "" for process in PROCESSES
    }


def test_certificates_are_those_of_the_enclaves_and_signed_by_the_authority(keystore: Path) -> None:
    authority = keystore / "public" / "ca.cert.pem"
    for process in PROCESSES:
        certificate = enclave(keystore, process.node) / "cert.pem"
        assert openssl("verify", "-CAfile", authority, certificate).endswith(": OK\n")
        subject = openssl("x509", "-in", certificate, "-noout", "-subject", "-nameopt", "RFC2253")
        assert subject == f"subject=CN={process.enclave}\n"


@pytest.mark.parametrize("name", ["permissions", "governance"])
def test_documents_are_signed_and_what_is_signed_is_what_can_be_read(
    keystore: Path, name: str
) -> None:
    folder = enclave(keystore, "arm_bridge_node")
    signed, authority = folder / f"{name}.p7s", folder / "permissions_ca.cert.pem"
    content = openssl("smime", "-verify", "-text", "-in", signed, "-CAfile", authority)
    plain = folder / "permissions.xml" if name == "permissions" else None
    wanted = plain.read_text() if plain else governance_xml().decode()
    assert content.replace("\r\n", "\n") == wanted


def test_a_document_that_was_changed_is_refused(keystore: Path, tmp_path: Path) -> None:
    folder = enclave(keystore, "task_node")
    text = (folder / "permissions.p7s").read_text()
    forged = tmp_path / "forged.p7s"
    forged.write_text(text.replace("rt/left/guard/status", "rt/left/guard/xtatus"))
    with pytest.raises(AssertionError, match="digest failure"):
        openssl("smime", "-verify", "-text", "-in", forged, "-CAfile", folder / FILES[0])


def test_the_bridge_alone_may_write_what_moves_the_arm(keystore: Path) -> None:
    command = f"rt/left/{FR3.controller.trajectory_topic}"
    writers = {
        process.node
        for process in PROCESSES
        if command in topics(enclave(keystore, process.node) / "permissions.xml", "publish")
    }
    assert writers == {"arm_bridge_node"}


def test_permissions_speak_of_one_subject_and_deny_all_else(keystore: Path) -> None:
    document = ElementTree.parse(enclave(keystore, "task_node") / "permissions.xml")
    assert document.findtext("permissions/grant/subject_name") == "CN=/introspect/task_node"
    assert document.findtext("permissions/grant/default") == "DENY"
    assert len(document.findall("permissions/grant")) == 1


def test_nobody_joins_without_keys_and_all_is_encrypted() -> None:
    rule = ElementTree.fromstring(governance_xml()).find("domain_access_rules/domain_rule")
    assert rule is not None
    assert rule.findtext("allow_unauthenticated_participants") == "false"
    assert rule.findtext("enable_join_access_control") == "true"
    for name in ("enable_read_access_control", "enable_write_access_control"):
        assert rule.findtext(f"topic_access_rules/topic_rule/{name}") == "true"
    assert rule.findtext("topic_access_rules/topic_rule/data_protection_kind") == "ENCRYPT"


def test_private_keys_are_for_their_owner_alone(keystore: Path) -> None:
    keys = [path for path in keystore.rglob("*key.pem") if not path.is_symlink()]
    assert len(keys) == len(PROCESSES) + 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert stat.S_IMODE(keystore.stat().st_mode) == 0o700


def test_permissions_are_small_enough_for_middlewares_that_are_in_use(tmp_path: Path) -> None:
    """Fast DDS before 2.14.5 and 3.2.3 fails where more than 8192 bytes are to be told at once."""
    every = [ArmDescription.load(name) for name in ("fr3", "gen3", "iiwa14", "panda", "xarm7")]
    create_keystore(tmp_path / "keys", every, "a_namespace_of_some_length")
    sizes = {
        process.node: (enclave(tmp_path / "keys", process.node) / "permissions.p7s").stat().st_size
        for process in PROCESSES
    }
    assert max(sizes.values()) < 6000, sizes


def test_no_two_enclaves_share_a_key(keystore: Path) -> None:
    keys = [(enclave(keystore, process.node) / "key.pem").read_bytes() for process in PROCESSES]
    assert len(set(keys)) == len(keys)


def test_links_stay_within_the_keystore_so_that_it_can_be_moved(keystore: Path) -> None:
    for path in keystore.rglob("*"):
        if path.is_symlink():
            assert not path.readlink().is_absolute()
            assert path.resolve().is_relative_to(keystore)


def test_names_of_ros_become_those_of_dds() -> None:
    rights = Rights(
        publishes=("own", "/absolute", "~/private"),
        subscribes=("heard",),
        serves=("served",),
        calls=("called",),
        executes=("done",),
        orders=("asked",),
    )
    writes, reads = dds_topics(rights, "it", "/left")
    assert set(writes) == {
        *("ros_discovery_info", "rt/left/own", "rt/absolute", "rt/left/it/*"),
        *("rr/left/servedReply", "rq/left/calledRequest"),
        *("rr/left/done/_action/*Reply", "rt/left/done/_action/*"),
        "rq/left/asked/_action/*Request",
    }
    assert set(reads) == {
        *("ros_discovery_info", "rt/left/heard"),
        *("rq/left/servedRequest", "rr/left/calledReply"),
        "rq/left/done/_action/*Request",
        *("rr/left/asked/_action/*Reply", "rt/left/asked/_action/*"),
    }


def test_a_keystore_that_is_there_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").touch()
    assert main(["security", "keystore", "--out", str(tmp_path)]) == 2
    assert f"--out {tmp_path} exists already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_keystore_that_cannot_be_finished_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("introspect.security.keystore._write_enclave", fail)
    with pytest.raises(Exception, match="cannot be written: No space left"):
        create_keystore(tmp_path / "keys", [FR3], "", [BRIDGE])
    assert not list(tmp_path.iterdir())


def test_the_command_says_what_to_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "keys"
    assert main(["security", "keystore", "--out", str(folder), "--arm", "fr3"]) == 0
    out = capsys.readouterr().out
    assert f"export ROS_SECURITY_KEYSTORE={folder} ROS_SECURITY_ENABLE=true" in out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["keystore"], "needs --out KEYSTORE"),
        (["policy", "--out", "x"], "needs --out KEYSTORE"),
        (["keystor", "--out", "x"], "Did you mean 'keystore'? Allowed: keystore, policy."),
    ],
)
def test_wrong_use_is_refused_in_a_line(
    words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["security", *words]) == 2
    assert text in capsys.readouterr().err
