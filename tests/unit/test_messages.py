"""The interfaces: every field says what it is and in which unit, and survives the wire."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ros2_ws" / "src" / "introspect_msgs"
FILES = sorted(p for kind in ("msg", "srv", "action") for p in (PACKAGE / kind).iterdir())

# What a comment has to contain, by the type of the field: a unit in brackets, or a range or a
# meaning that makes a unit needless.
UNITS = {
    re.compile(r"(float|geometry_msgs)"): re.compile(r"\[.+\]|\b0 to 1\b"),
    re.compile(r"u?int(16|32|64)"): re.compile(r"\[.+\]|\bnumber of\b"),
    re.compile(r"std_msgs/Header"): re.compile(r"stamp: .+\[s, ns\]; frame_id: .+"),
}
FIELD = re.compile(r"^(?P<type>[\w/]+(\[\d*\])?)\s+(?P<name>[a-z]\w*)\s*(?P<comment>#.*)?$")
CONSTANT = re.compile(r"^(?P<type>\w+)\s+(?P<name>[A-Z]\w*)=(?P<value>\S+)\s*(?P<comment>#.*)?$")


def lines(path: Path) -> list[str]:
    """Return the lines that declare something."""
    text = path.read_text(encoding="utf-8").splitlines()
    return [line for line in text if line.strip() and line[0] != "#" and line != "---"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_interface_says_what_it_is(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_field_says_its_unit_or_meaning(path: Path) -> None:
    for line in lines(path):
        match = CONSTANT.match(line) or FIELD.match(line)
        assert match, f"{path.name}: neither a field nor a constant: {line!r}"
        comment = match["comment"] or ""
        assert len(comment) > len("# unit"), f"{path.name}: {match['name']} has no comment"
        for kind, unit in UNITS.items():
            if kind.match(match["type"]) and "=" not in line.split("#")[0]:
                assert unit.search(comment), f"{path.name}: {match['name']} has no unit: {comment}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_cmake_builds_every_interface(path: Path) -> None:
    assert f'"{path.parent.name}/{path.name}"' in (PACKAGE / "CMakeLists.txt").read_text()


def test_every_message_that_streams_is_stamped() -> None:
    for path in FILES:
        if path.parent.name == "msg":
            assert any(line.split()[:2] == ["std_msgs/Header", "header"] for line in lines(path))


def test_every_package_of_field_types_is_declared() -> None:
    declared = {
        element.text for element in ElementTree.parse(PACKAGE / "package.xml").iter("depend")
    }
    for path in FILES:
        for line in lines(path):
            package, slash, _ = line.split()[0].partition("/")
            assert not slash or package in declared, f"{path.name} uses {package}"


def defined(path: Path) -> list[type]:
    """Return the message classes that an interface file makes."""
    module = pytest.importorskip(f"introspect_msgs.{path.parent.name}")
    interface = getattr(module, path.stem)
    if path.parent.name == "msg":
        return [interface]
    if path.parent.name == "srv":
        return [interface.Request, interface.Response]
    return [interface.Goal, interface.Result, interface.Feedback]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_interface_survives_the_wire(path: Path) -> None:
    serialization = pytest.importorskip("rclpy.serialization")
    samples = {"string": "grasp", "float": 0.25, "double": 0.25, "boolean": True}
    for message_class in defined(path):
        sent = message_class()
        for name, kind in sent.get_fields_and_field_types().items():
            base = kind.removeprefix("sequence<").removesuffix(">")
            if "/" in base:
                continue  # a message of another package: its own tests' business
            value = samples.get(base, 3)
            setattr(sent, name, value if base == kind else [value, value])
        received = serialization.deserialize_message(
            serialization.serialize_message(sent), message_class
        )
        assert received == sent


def test_tf_message_is_the_one_of_ros() -> None:
    """Same fields and same type hash: on the wire it is the tf2_msgs of every ROS 2."""
    prefix = Path(sys.prefix) / "share" / "tf2_msgs" / "msg" / "TFMessage.json"
    if not prefix.exists():
        pytest.skip("tf2_msgs was not built here: tools/build_interfaces.sh")
    hashes = {
        item["type_name"]: item["hash_string"]
        for item in json.loads(prefix.read_text(encoding="utf-8"))["type_hashes"]
    }
    upstream = "RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087"
    assert hashes["tf2_msgs/msg/TFMessage"] == upstream
