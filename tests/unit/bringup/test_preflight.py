"""What is refused before any node is started."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from introspect.errors import UsageError
from introspect.graph import REAL, SIM
from introspect.runner import preflight
from introspect.runner.domain import DomainLock, domain_id, runtime_folder


@pytest.mark.parametrize("text", ["233", "-1", "1000", "one", "1.0", "²"])
def test_a_domain_that_dds_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"ROS_DOMAIN_ID={text} is not a domain"):
        domain_id({"ROS_DOMAIN_ID": text})


@pytest.mark.parametrize(("text", "domain"), [("", 0), ("0", 0), ("14", 14), ("232", 232)])
def test_a_domain_that_dds_has_is_taken(text: str, domain: int) -> None:
    assert domain_id({"ROS_DOMAIN_ID": text}) == domain
    assert domain_id({}) == 0


def test_a_taken_domain_is_refused_until_it_is_released(tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    lock = DomainLock(7, "/arm", environment)
    with pytest.raises(UsageError) as refusal:
        DomainLock(7, "/arm", environment)
    assert str(refusal.value) == (
        "an introspect graph already runs in ROS domain 7, namespace /arm "
        f"(process {os.getpid()}). Cure: stop it, or take another domain: ROS_DOMAIN_ID=8"
    )
    DomainLock(7, "/", environment).release()
    lock.release()
    DomainLock(7, "/arm", environment).release()


def test_who_joins_a_run_is_in_the_way_of_its_like_alone(tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    run = DomainLock(7, "/arm", environment)
    recorder = DomainLock(7, "/arm", environment, beside="capture")
    with pytest.raises(UsageError, match=r"^capture already runs in ROS domain 7, namespace /arm"):
        DomainLock(7, "/arm", environment, beside="capture")
    run.release()
    recorder.release()


def test_the_cure_names_a_domain_that_is_really_free(tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    locks = [DomainLock(domain, "/", environment) for domain in (7, 8, 9)]
    with pytest.raises(UsageError, match=r"ROS_DOMAIN_ID=10$"):
        DomainLock(7, "/", environment)
    for lock in locks:
        lock.release()


def test_without_a_runtime_folder_of_the_session_one_of_the_user_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = runtime_folder({})
    assert folder == tmp_path / f"introspect-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_in_the_place_of_the_runtime_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"introspect-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="belongs to somebody else"):
        runtime_folder({})


def test_a_model_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    folder = str(tmp_path / "none")
    with pytest.raises(UsageError) as refusal:
        preflight.check_model(folder)
    assert str(refusal.value) == f"model:={folder}: there is no such folder"


def test_a_folder_that_holds_no_policy_is_refused(tmp_path: Path) -> None:
    (tmp_path / "behaviours").mkdir()
    (tmp_path / "behaviours/contract.json").touch()
    with pytest.raises(UsageError, match=r"choreographer/contract\.json is missing"):
        preflight.check_model(str(tmp_path))
    (tmp_path / "choreographer").mkdir()
    (tmp_path / "choreographer/contract.json").touch()
    preflight.check_model(str(tmp_path))


def test_the_shipped_model_is_left_to_its_package() -> None:
    preflight.check_model("")


def test_an_arm_without_a_data_file_is_refused_with_those_that_have_one() -> None:
    preflight.check_arm("panda")
    with pytest.raises(UsageError, match=r"arm:=pandaa: .*panda"):
        preflight.check_arm("pandaa")


def test_rviz_without_a_screen_is_refused_with_the_cure() -> None:
    nodes = SIM.chosen(SIM.resolve({"rviz": "true"}))
    with pytest.raises(UsageError, match=r"rviz:=true needs a screen.*Cure: view:=true"):
        preflight.check_display(nodes, {})
    preflight.check_display(nodes, {"DISPLAY": ":0"})
    preflight.check_display(SIM.chosen(SIM.resolve({})), {})


def test_a_bag_that_exists_is_refused_before_anything_starts(tmp_path: Path) -> None:
    preflight.check_bag("")
    preflight.check_bag(str(tmp_path / "new"))
    with pytest.raises(UsageError) as error:
        preflight.check_bag(str(tmp_path))
    assert str(error.value) == f"capture:={tmp_path} exists already; name a folder that does not"


def test_a_bag_where_nobody_may_write_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file cannot be written to; name another folder"):
        preflight.check_bag(str(tmp_path / "file" / "bag"))
    monkeypatch.setattr(preflight.os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(UsageError, match=f"{tmp_path} cannot be written to"):
        preflight.check_bag(str(tmp_path / "new" / "bag"))


@pytest.mark.parametrize("off", [{"internal_states": "false"}, {"policy": "none"}])
@pytest.mark.parametrize("needs", [{"on_alarm": "stop"}, {"retry_above": "0.9"}])
def test_what_needs_internal_states_is_refused_without_them(
    needs: dict[str, str], off: dict[str, str]
) -> None:
    values = SIM.resolve(needs | off)

    with pytest.raises(UsageError, match=r"needs internal states\. Cure: internal_states:=true"):
        preflight.check(SIM.chosen(values), values, {})
    values = SIM.resolve(needs)
    preflight.check(SIM.chosen(values), values, {})


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"driver": "xarm", "mock": "true"}, "driver:=xarm is for a real arm"),
        ({"driver": "xarm"}, "driver:=xarm needs the arm's network address: address:=HOST"),
        ({"faults": "some.yaml"}, "faults:= is for the mock arm. Cure: mock:=true"),
        ({"faults": "none/such.yaml", "mock": "true"}, "none/such.yaml: there is no such file"),
        ({"objects": "tags"}, "objects:=tags needs the camera's calibration: camera_pose:=FILE"),
        (
            {"objects": "tags", "camera_pose": "none/such.yaml"},
            "camera_pose:=none/such.yaml: there is no such file",
        ),
        (
            {"objects": "tags", "camera_pose": __file__, "tags": "none/such.yaml"},
            "tags:=none/such.yaml: there is no such file",
        ),
        (
            {"objects": "tags", "camera_pose": __file__, "camera_file": "none/such.yaml"},
            "camera_file:=none/such.yaml: there is no such file",
        ),
        *(
            ({name: __file__}, f"{name}:= is for objects seen by a camera. Cure: objects:=tags")
            for name in ("camera_pose", "camera_file", "tags")
        ),
    ],
)
def test_a_real_arm_is_not_started_with_what_it_cannot_have(
    given: dict[str, str], problem: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)):
        preflight.check((), REAL.resolve(given), {})


def test_a_real_arm_and_a_mock_one_need_nothing_else() -> None:
    files = dict.fromkeys(("camera_pose", "camera_file", "tags"), __file__)
    for given in (
        {},
        {"mock": "true"},
        {"driver": "xarm", "address": "192.168.1.10"},
        {"objects": "tags", "camera_pose": __file__},
        {"objects": "tags", **files},
    ):
        preflight.check((), REAL.resolve(given), {})
