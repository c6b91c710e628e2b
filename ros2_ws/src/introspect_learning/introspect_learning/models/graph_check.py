"""Whether an ONNX file is a graph of plain arithmetic, looked at before ONNX Runtime reads it.

ONNX is a language: a file may name other files to read weights from, loop for ever, or bring
operators of its own. A policy needs none of that. So the file is taken apart here (it is a protocol
buffer), and whatever is not on the list is refused.

Source: onnx/onnx.proto (numbers of the fields), protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

OPERATORS = frozenset(
    {
        *("Abs", "Add", "Cast", "Clip", "Concat", "Constant", "ConstantOfShape", "Div", "Elu"),
        *("Equal", "Erf", "Exp", "Expand", "Flatten", "Gather", "Gemm", "Greater"),
        *("GreaterOrEqual", "Identity", "Less", "LessOrEqual", "Log", "LogSoftmax", "MatMul"),
        *("Max", "Min", "Mul", "Neg", "Pow", "Reciprocal", "ReduceMax", "ReduceMean", "ReduceSum"),
        *("Relu", "Reshape", "SequenceAt", "Shape", "Sigmoid", "Slice", "Softmax", "Softplus"),
        *("Split", "SplitToSequence", "Sqrt", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze"),
        "Where",
    }
)
"""What a graph may be made of: no loops, no branches, no randomness, nothing that reads files."""

OLDEST_OPSET, NEWEST_OPSET = 13, 21
_DOMAINS = (b"", b"ai.onnx")
_LARGEST_FIELD = (1 << 29) - 1
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIZES = {_FIXED64: 8, _FIXED32: 4}

# Fields that are messages themselves: of which kind, by kind and number.
_INSIDE = {
    "model": {7: "graph", 8: "opset"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 10: "tensor", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "opset": {},
}
_REFUSED = {
    ("model", 20): "training of its own",
    ("model", 25): "functions of its own",
    ("attribute", 6): "a graph within a graph",
    ("attribute", 11): "graphs within a graph",
    ("tensor", 13): "weights in another file",
}


def check_graph(data: bytes) -> None:
    """Refuse a file that is more than a graph of plain arithmetic.

    Args:
        data: the file.

    Raises:
        ValueError: With what is wrong, in words.
    """
    opsets: list[int] = []
    waiting = [("model", memoryview(data))]
    while waiting:
        kind, message = waiting.pop()
        version, domain = 0, b""
        for number, value in _fields(message):
            if why := _REFUSED.get((kind, number)):
                raise ValueError(f"it has {why}")
            if number in _INSIDE[kind]:
                waiting.append((_INSIDE[kind][number], _message(value)))
            elif kind == "tensor" and number == 14 and value != 0:
                raise ValueError("it has weights in another file")
            elif kind == "node" and number == 4:
                _check_operator(_text(value))
            elif (kind, number) in (("node", 7), ("opset", 1)):
                domain = bytes(_message(value))
            elif kind == "opset" and number == 2:
                version = value if isinstance(value, int) else 0
        if domain not in _DOMAINS:
            raise ValueError(f"it has operators of {_text(domain)!r}")
        if kind == "opset":
            opsets.append(version)
    if len(opsets) != 1 or not OLDEST_OPSET <= opsets[0] <= NEWEST_OPSET:
        raise ValueError(f"its opset is {opsets}; allowed: {OLDEST_OPSET} to {NEWEST_OPSET}")


def _check_operator(name: str) -> None:
    if name not in OPERATORS:
        raise ValueError(
            f"operator {name!r} is not allowed; allowed: {', '.join(sorted(OPERATORS))}"
        )


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field; numbers of a fixed size are left out."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if not 0 < number <= _LARGEST_FIELD:
            raise ValueError("it is not ONNX: a field without a number")
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
        elif kind == _BYTES:
            size, at = _varint(message, at)
            at += size
            if at > end:
                raise ValueError("it is not ONNX: it ends within a field")
            yield number, message[at - size : at]
        elif kind in _SIZES:
            at += _SIZES[kind]
            if at > end:
                raise ValueError("it is not ONNX: it ends within a field")
        else:
            raise ValueError(f"it is not ONNX: a field of kind {kind}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("it is not ONNX: it ends within a number")
        byte, at = message[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("it is not ONNX: a number without an end")


def _message(value: int | memoryview | bytes) -> memoryview:
    if isinstance(value, int):
        raise ValueError("it is not ONNX: a number where a message should be")
    return memoryview(value)


def _text(value: int | memoryview | bytes) -> str:
    return bytes(_message(value)[:80]).decode(errors="replace")
