"""YAML from anywhere: plain values as PyYAML reads them, and nothing that is more than that."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hostile import SEEDS, bounded, documents, fuzz, mutated, read_or_refuse
from hypothesis import given
from hypothesis import strategies as st

from introspect_description import ArmDescription, DescriptionError, share_dir
from introspect_description.plain_yaml import DEEPEST, LARGEST, PlainYamlError, read_yaml

URDF = share_dir() / "urdf"
FILES = sorted(URDF.rglob("*.yaml"))
ARM = yaml.safe_load((URDF / "arms/panda.yaml").read_text())


def laughs(item: str, levels: int = 11) -> str:
    """Ten of ten of ten ..., in a few hundred characters."""
    text = "a0: &a0 {k: v}\n"
    for level in range(1, levels):
        text += f"a{level}: &a{level} {item.format(', '.join([f'*a{level - 1}'] * 10))}\n"
    return text


# --- the reader itself ---


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_our_own_files_are_read_as_pyyaml_reads_them(file: Path) -> None:
    assert read_yaml(file.read_text()) == yaml.safe_load(file.read_text())
    assert read_yaml(file.read_bytes()) == yaml.safe_load(file.read_text())


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@fuzz
@given(value=PLAIN, flow=st.booleans())
def test_what_pyyaml_writes_is_read_back(value: Any, flow: bool) -> None:
    assert read_yaml(yaml.safe_dump(value, default_flow_style=flow)) == value


def test_a_value_that_is_referred_to_twice_is_read() -> None:
    shared = {"depth": 10}
    value = {"a": shared, "b": [shared, shared]}
    assert "&id" in yaml.safe_dump(value)
    assert read_yaml(yaml.safe_dump(value)) == value


@fuzz
@given(text=st.text(alphabet="ab01 \n:-[]{}&*!|>'\"#?,%<~.é\t", max_size=60))
def test_a_text_of_its_signs_is_read_as_pyyaml_reads_it_or_refused(text: str) -> None:
    found = read_or_refuse(lambda: [read_yaml(text)], PlainYamlError, "")
    if found is not None:
        expected = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        assert found == [expected]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (laughs("{{<<: [{}]}}"), "merged mappings"),
        ("a: {<<: {b: 1}}", "merged mappings"),
        ("&a [*a]", "refers to nothing that is complete"),
        ("*a", "refers to nothing|undefined alias"),
        ("[" * 200_000, f"nested more than {DEEPEST} deep"),
        ("{a: " * 200_000, f"nested more than {DEEPEST} deep"),
        ("- " * 200_000 + "a", f"nested more than {DEEPEST} deep"),
        ("? " * 200_000 + "a", f"nested more than {DEEPEST} deep"),
        ("a: [" + "{}," * 300_000 + "]", "more than 100000 values"),
        ("- " + "1:" * 200_000 + "1", "a number of 400001 characters"),
        ("a: " + "9" * 5000, "a number of 5000 characters"),
        ("".join(f"{n * (2**61 - 1)}: 1\n" for n in range(1, 20_000)), "a key that is larger than"),
        ("? [a]\n: b", "a key that is neither text nor a whole number"),
        ("yes: 1", "a key that is neither text nor a whole number"),
        ("1.5: 1", "a key that is neither text nor a whole number"),
        ("1: a\n1: b", "key '1' comes twice"),
        ("a: 1\na: 2", "key 'a' comes twice"),
        ("!!python/object/apply:os.system ['touch owned']", "is not plain"),
        ("!!python/name:os.system", "is not plain"),
        ("!!python/tuple [1]", "is not plain"),
        ("!own {}", "is not plain"),
        ("!!binary aGVsbG8=", "is not plain"),
        ("!!set {a}", "is not plain"),
        ("!!timestamp now", "is not plain"),
        ("!!bool maybe", "'maybe' is no bool"),
        ("!!int ''", "'' is no int"),
        ("!!float x", "'x' is no float"),
        ("---\na\n---\nb", "a second document"),
        ("\0", "control characters|unacceptable character|special characters"),
        ("x" * (LARGEST + 1), f"has {LARGEST + 1} characters; allowed: {LARGEST}"),
        ("a: [", "expected"),
    ],
)
def test_what_is_more_than_plain_values_is_refused_at_once(text: str, reason: str) -> None:
    with (
        bounded(seconds=2.0, memory=256 << 20),
        pytest.raises(PlainYamlError, match=reason) as error,
    ):
        read_yaml(text)
    assert len(str(error.value)) < 500
    assert not Path("owned").exists()


def test_references_to_references_take_no_memory() -> None:
    with bounded(memory=64 << 20):
        assert len(read_yaml(laughs("[{}]"))) == 11


def test_where_it_went_wrong_is_told() -> None:
    with pytest.raises(PlainYamlError, match="in line 2, column 4"):
        read_yaml("a: 1\nb: !own x\n")


@pytest.mark.parametrize("text", ["2001-01-01", "2001-99-99", "2001-12-14t21:59:43.10-05:00", "="])
def test_a_date_is_a_text(text: str) -> None:
    assert read_yaml(text) == text


@pytest.mark.parametrize("data", [b"\xff\xfea\0", b"\xef\xbb\xbfa"])
def test_marked_encodings_are_read(data: bytes) -> None:
    assert read_yaml(data) == "a"


def test_bytes_of_no_encoding_are_refused() -> None:
    with pytest.raises(PlainYamlError):
        read_yaml(b"a: \xff\xff")


# --- arms ---


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the descriptions, of which tests spoil the file of one arm."""
    copy = tmp_path_factory.mktemp("hostile") / "urdf"
    shutil.copytree(URDF, copy)
    return copy


def read_arm(file: Path) -> ArmDescription:
    arm = ArmDescription.read(file)
    assert len(arm.joint_names) == 7
    assert np.isfinite(arm.home).all()
    return arm


@fuzz
@given(document=documents(ARM))
def test_an_arm_with_other_values(folder: Path, document: Any) -> None:
    file = folder / "arms/panda.yaml"
    file.write_text(yaml.safe_dump(document))
    read_or_refuse(lambda: read_arm(file), DescriptionError, str(file))


@fuzz
@given(seed=SEEDS)
def test_an_arm_with_other_bytes(folder: Path, seed: int) -> None:
    file = folder / "arms/panda.yaml"
    file.write_bytes(mutated((URDF / "arms/panda.yaml").read_bytes(), seed))
    read_or_refuse(lambda: read_arm(file), DescriptionError, str(file))


@pytest.mark.parametrize(
    "text",
    [
        laughs("{{<<: [{}]}}"),
        "[" * 5000,
        "!!python/object/apply:os.system ['touch owned']",
        "!!bool maybe",
        "!!timestamp now",
        "name: 2001-99-99",
        "",
        "- a",
        "\0",
    ],
)
def test_an_arm_that_is_none(folder: Path, text: str) -> None:
    file = folder / "arms/panda.yaml"
    file.write_text(text)
    with bounded(), pytest.raises(DescriptionError, match=r"panda\.yaml"):
        read_arm(file)
    assert not Path("owned").exists()


@pytest.mark.parametrize("urdf", ["../elsewhere.urdf.xacro", "/etc/passwd", ".", "..", "a/../b"])
def test_an_arm_names_no_program_outside_of_its_folder(folder: Path, urdf: str) -> None:
    (folder.parent / "elsewhere.urdf.xacro").touch()
    file = folder / "arms/panda.yaml"
    file.write_text(yaml.safe_dump(ARM | {"urdf": urdf}))
    with pytest.raises(DescriptionError, match="urdf: must be the name of a file in"):
        read_arm(file)


def test_what_an_arm_says_is_data_to_the_urdf_not_an_expression(
    folder: Path, tmp_path: Path
) -> None:
    made = tmp_path / "somebody_ran_it"
    expression = f"${{open('{made}', 'w')}}$(eval open('{made}', 'w'))"
    file = folder / "arms/panda.yaml"
    frames = [expression, *ARM["link_names"][1:]]
    file.write_text(yaml.safe_dump(ARM | {"name": expression, "link_names": frames}))
    read_or_refuse(lambda: read_arm(file).urdf(), DescriptionError, str(file))
    assert not made.exists()
