"""Model folders from anywhere: loaded as what they are, or refused by name; nothing is run."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import SEEDS, documents, fuzz, mutated, read_or_refuse, trap
from hypothesis import given
from hypothesis import strategies as st

from introspect_description import ArmDescription
from introspect_learning.models import (
    BehavioursRuntime,
    ChoreographerRuntime,
    ContractError,
    InternalStateRuntime,
    shipped,
)
from introspect_learning.models.contract import CONTRACT, GRAPH, WEIGHTS, Contract
from introspect_sim.tasks import OBSERVATION

onnx = pytest.importorskip("onnx", reason="to make hostile graphs; training is an extra")
pytest.importorskip("onnxruntime")

PANDA = ArmDescription.load("panda")
PARTS = ("behaviours", "choreographer", "internal_states")
ORIGINAL = {
    part: {name: (shipped() / part / name).read_bytes() for name in (CONTRACT, WEIGHTS, GRAPH)}
    for part in PARTS
}
DOCUMENTS = {part: json.loads(ORIGINAL[part][CONTRACT]) for part in PARTS}


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy folder that tests may spoil, as each puts back what it spoils."""
    folder = tmp_path_factory.mktemp("hostile") / "policy"
    shutil.copytree(shipped(), folder)
    return folder


def lay(policy: Path, part: str, **files: bytes) -> Path:
    """A part with other content, of which its contract knows."""
    folder = policy / part
    content = ORIGINAL[part] | {name.replace("_", "."): data for name, data in files.items()}
    if "contract_json" not in files:
        digests = {name: hashlib.sha256(content[name]).hexdigest() for name in (WEIGHTS, GRAPH)}
        content[CONTRACT] = json.dumps(DOCUMENTS[part] | {"sha256": digests}).encode()
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def use(part: str, folder: Path) -> None:
    """Load a part and run it once, as its node does."""
    if part == "behaviours":
        found = BehavioursRuntime(folder, PANDA).run(np.zeros(OBSERVATION.size, np.float32))
        assert found.actions.shape == (3, 5)
    elif part == "choreographer":
        runtime = ChoreographerRuntime(folder)
        sizes = runtime.contract.layers.items()
        runtime.run({name: np.zeros(size, np.float32) for name, size in sizes})
    else:
        states = InternalStateRuntime(folder)
        sizes = states.contract.layers.items()
        states.run({name: np.zeros(size, np.float32) for name, size in sizes}, "grasp")


def learn_from(part: str, policy: Path) -> None:
    """Load a part as a network, as training does."""
    pytest.importorskip("torch", reason="training is an extra")
    from introspect_learning.models import loading

    if part == "behaviours":
        loading.load_behaviours(policy, PANDA)
    elif part == "choreographer":
        loading.load_choreographer(policy)
    else:
        loading.load_internal_states(policy / part)


@pytest.mark.parametrize("part", PARTS)
def test_what_was_not_changed_is_loaded(policy: Path, part: str) -> None:
    folder = lay(policy, part)
    assert Contract.read(folder, part).kind == part
    use(part, folder)
    learn_from(part, policy)


@pytest.mark.parametrize("part", PARTS)
@fuzz
@given(data=st.data())
def test_a_contract_with_other_values(policy: Path, part: str, data: st.DataObject) -> None:
    document = data.draw(documents(DOCUMENTS[part]))
    folder = lay(policy, part, contract_json=json.dumps(document).encode())
    read_or_refuse(lambda: use(part, folder), ContractError, str(policy))
    read_or_refuse(lambda: learn_from(part, policy), ContractError, str(policy))


@fuzz
@given(seed=SEEDS)
def test_a_contract_with_other_bytes(policy: Path, seed: int) -> None:
    text = mutated(ORIGINAL["behaviours"][CONTRACT], seed)
    folder = lay(policy, "behaviours", contract_json=text)
    read_or_refuse(lambda: use("behaviours", folder), ContractError, str(policy))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"format": 1' + b"0" * 10_000 + b"}",
        b'{"format": 1, "rate": NaN}',
        b"\xff\xfe\x00",
        b" " * (2 << 20),
    ],
    ids=["empty", "null", "lists", "mappings", "a number", "NaN", "no text", "too large"],
)
def test_a_contract_that_is_no_contract(policy: Path, text: bytes) -> None:
    folder = lay(policy, "behaviours", contract_json=text)
    with pytest.raises(ContractError, match=CONTRACT):
        Contract.read(folder, "behaviours")


@pytest.mark.parametrize("part", PARTS)
@fuzz
@given(seed=SEEDS)
def test_a_graph_with_other_bytes(policy: Path, part: str, seed: int) -> None:
    folder = lay(policy, part, model_onnx=mutated(ORIGINAL[part][GRAPH], seed))
    read_or_refuse(lambda: use(part, folder), ContractError, str(policy))


@pytest.mark.parametrize("part", PARTS)
@fuzz
@given(seed=SEEDS)
def test_weights_with_other_bytes(policy: Path, part: str, seed: int) -> None:
    start = ORIGINAL[part][WEIGHTS]
    head = 8 + struct.unpack("<Q", start[:8])[0]  # what can be wrong is there
    lay(policy, part, model_safetensors=mutated(start[:head], seed) + start[head:])
    read_or_refuse(lambda: learn_from(part, policy), ContractError, str(policy))


def safetensors(header: Any, data: bytes = b"\0" * 64) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(**fields: Any) -> dict[str, Any]:
    return {"a": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]} | fields}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        struct.pack("<Q", 2**63) + b"{}",
        safetensors(b"[" * 100_000),
        safetensors(tensor()),
        safetensors(tensor(shape=[2**40, 2**40])),
        safetensors(tensor(data_offsets=[0, 2**60])),
        safetensors(tensor(data_offsets=[64, 0])),
        safetensors(tensor(dtype="PICKLE")),
        safetensors(tensor(shape=[])),
        safetensors({"__metadata__": {"x": 1}}),
        safetensors(
            {"feature_net.fc1.weight": tensor()["a"], "actor.weight": tensor(shape=[])["a"]}
        ),
    ],
)
def test_weights_that_are_none(policy: Path, part: str, data: bytes) -> None:
    lay(policy, part, model_safetensors=data)
    with pytest.raises(ContractError, match=WEIGHTS):
        learn_from(part, policy)


def test_sizes_that_no_memory_holds_are_refused_before_any_is_taken(policy: Path) -> None:
    """The weights are another network's: that is found out without making it."""
    training = DOCUMENTS["internal_states"]["training"]
    for hidden in ([60_000] * 30, [2**40], [1] * 100_000):
        model = training["model"] | {"hidden": hidden}
        document = DOCUMENTS["internal_states"] | {"training": training | {"model": model}}
        lay(policy, "internal_states", contract_json=json.dumps(document).encode())
        done = read_or_refuse(
            lambda: learn_from("internal_states", policy), ContractError, str(policy)
        )
        assert done is None


@pytest.mark.parametrize("name", [WEIGHTS, GRAPH, CONTRACT])
def test_a_pickle_in_the_place_of_a_file_is_not_run(
    policy: Path, name: str, tmp_path: Path
) -> None:
    payload, made = trap(tmp_path)
    folder = lay(policy, "behaviours", **{name.replace(".", "_"): payload})
    (folder / "model.pt").write_bytes(payload)
    (folder / "model.pkl").write_bytes(payload)
    for read in (lambda: use("behaviours", folder), lambda: learn_from("behaviours", policy)):
        read_or_refuse(read, ContractError, str(policy))
    (folder / "model.pt").unlink()
    (folder / "model.pkl").unlink()
    assert not made.exists()


@pytest.mark.parametrize("name", [CONTRACT, WEIGHTS, GRAPH])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link to nothing"])
def test_what_is_no_file_is_refused(policy: Path, name: str, kind: str) -> None:
    path = lay(policy, "behaviours") / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "nothing")
    try:
        with pytest.raises(ContractError, match=name):
            BehavioursRuntime(policy / "behaviours", PANDA)
    finally:
        path.rmdir() if path.is_dir() else path.unlink()


# --- graphs that mean harm ---

helper, numbers = onnx.helper, onnx.TensorProto
OUTPUTS = [*DOCUMENTS["behaviours"]["layers"], "actions"]
SENSED = helper.make_tensor_value_info("sensed", numbers.FLOAT, [1, OBSERVATION.size])


def graph(*nodes: Any, inputs: Any = (SENSED,), tensors: Any = ()) -> Any:
    outputs = [helper.make_tensor_value_info(name, numbers.FLOAT, None) for name in OUTPUTS]
    return helper.make_graph(list(nodes), "g", list(inputs), outputs, list(tensors))


def model(inside: Any, **more: Any) -> bytes:
    given = {"opset_imports": [helper.make_opsetid("", 17)], "ir_version": 8} | more
    made: bytes = helper.make_model(inside, **given).SerializeToString()
    return made


def constant(name: str, values: Any) -> Any:
    array = np.array(values)
    kind = {"int64": numbers.INT64, "float32": numbers.FLOAT, "bool": numbers.BOOL}[
        str(array.dtype)
    ]
    return helper.make_node(
        "Constant", [], [name], value=helper.make_tensor(name, kind, array.shape, array.flatten())
    )


def to_all(name: str) -> list[Any]:
    """Nodes that give one value as every output."""
    return [helper.make_node("Identity", [name], [output]) for output in OUTPUTS]


def elsewhere(path: str) -> bytes:
    outside = numbers(name="w", data_type=numbers.FLOAT, dims=[1, 4])
    outside.data_location = numbers.EXTERNAL
    outside.external_data.add(key="location", value=path)
    return model(graph(*to_all("w"), tensors=[outside]))


def in_an_attribute(path: str) -> bytes:
    outside = numbers(name="w", data_type=numbers.FLOAT, dims=[1, 4])
    outside.external_data.add(key="location", value=path)
    return model(graph(helper.make_node("Constant", [], ["w"], value=outside), *to_all("w")))


def endless() -> bytes:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"])],
        "body",
        [
            helper.make_tensor_value_info("number", numbers.INT64, []),
            helper.make_tensor_value_info("go", numbers.BOOL, []),
        ],
        [helper.make_tensor_value_info("go_on", numbers.BOOL, [])],
    )
    loop = helper.make_node("Loop", ["", "yes"], [], body=body)
    return model(graph(constant("yes", True), loop, *to_all("sensed")))


def with_a_function() -> bytes:
    opset = helper.make_opsetid("", 17)
    node = helper.make_node("Identity", ["x"], ["y"])
    function = helper.make_function("own", "f", ["x"], ["y"], [node], [opset])
    call = helper.make_node("f", ["sensed"], ["y"], domain="own")
    return model(
        graph(call, *to_all("y")),
        functions=[function],
        opset_imports=[opset, helper.make_opsetid("own", 1)],
    )


def bomb(*shape: int) -> bytes:
    """Memory for the asking: a shape, and a tensor of it."""
    filled = helper.make_node("ConstantOfShape", ["shape"], ["large"])
    total = helper.make_node("ReduceSum", ["large"], ["w"], keepdims=1)
    return model(graph(constant("shape", shape), filled, total, *to_all("w")))


def taking(*dims: Any, kind: int = numbers.FLOAT) -> bytes:
    given = helper.make_tensor_value_info("sensed", kind, list(dims))
    return model(graph(constant("w", np.zeros((1, 4), np.float32)), *to_all("w"), inputs=[given]))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "weights in /etc": (lambda: elsewhere("/etc/passwd"), "weights in another file"),
    "weights above": (lambda: elsewhere("../../secret"), "weights in another file"),
    "weights of a constant": (lambda: in_an_attribute("secret"), "weights in another file"),
    "no end": (endless, "'Loop' is not allowed|a graph within a graph"),
    "functions": (with_a_function, "operators of 'own'|functions of its own|operator 'f'"),
    "other operators": (
        lambda: model(graph(helper.make_node("PyOp", ["sensed"], ["w"]), *to_all("w"))),
        "operator 'PyOp' is not allowed; allowed: Abs, Add",
    ),
    "operators of others": (
        lambda: model(graph(helper.make_node("Add", ["sensed"], ["w"], domain="com.microsoft"))),
        "operators of 'com.microsoft'",
    ),
    "a new opset": (
        lambda: model(graph(*to_all("sensed")), opset_imports=[helper.make_opsetid("", 99)]),
        r"opset is \[99\]; allowed: 13 to 21",
    ),
    "no opset": (lambda: model(graph(*to_all("sensed")), opset_imports=[]), "opset is"),
    "terabytes": (lambda: bomb(1 << 20, 1 << 20), "cannot be run"),
    "four gigabytes": (lambda: bomb(1 << 30), "cannot be run"),
    "other inputs": (
        lambda: taking(1, 5),
        r"inputs are \{'sensed': \(1, 5\)\}, the contract says \{'sensed': \(1, 34\)\}",
    ),
    "any size": (lambda: taking(1, "n"), "allowed: tensor\\(float\\) of known sizes"),
    "no size": (lambda: taking(1, -1), "allowed: tensor\\(float\\) of known sizes"),
    "a large size": (lambda: taking(1 << 20, 1 << 20), "of known sizes, 1048576 numbers at most"),
    "text": (lambda: taking(1, kind=numbers.STRING), "is tensor\\(string\\)"),
    "other outputs": (lambda: model(graph(*to_all("sensed"))), "outputs are"),
    "not finite": (
        lambda: model(graph(constant("w", np.full((1, 4), np.nan, np.float32)), *to_all("w"))),
        "is not finite for zeros",
    ),
    "nothing": (lambda: b"", "opset is"),
    "no protocol buffer": (lambda: b"\xff" * 1000, "is not ONNX"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_graph_that_means_harm_is_refused_with_the_reason(policy: Path, name: str) -> None:
    make, reason = HOSTILE[name]
    folder = lay(policy, "behaviours", model_onnx=make())
    with pytest.raises(ContractError, match=reason) as refusal:
        BehavioursRuntime(folder, PANDA)
    assert str(folder / GRAPH) in str(refusal.value)


@pytest.mark.parametrize("part", PARTS)
def test_wherever_a_graph_is_cut_it_is_refused(policy: Path, part: str) -> None:
    data = ORIGINAL[part][GRAPH]
    for end in range(0, len(data), len(data) // 25):
        folder = lay(policy, part, model_onnx=data[:end])
        with pytest.raises(ContractError, match=GRAPH):
            use(part, folder)
