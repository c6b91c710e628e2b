"""Opens a model's graph in ONNX Runtime, and sees that it does what its contract promises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from introspect_description.untrusted import limited_memory, read_file
from introspect_learning.models.contract import GRAPH, LARGEST_FILE, ContractError
from introspect_learning.models.graph_check import check_graph

Shape = tuple[int, ...]

LARGEST_MEMORY = 2 << 30  # to open a graph and run it once [bytes]; ours take some million
MOST_NUMBERS = 1 << 20  # in one input


class Session:
    """A graph that has been run once, on zeros.

    Args:
        folder: of the model.

    Attributes:
        inputs: shape of each input by its name, in their order.

    Raises:
        ContractError: The graph is not plain arithmetic, or cannot be run.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / GRAPH
        try:
            data = read_file(self._file, LARGEST_FILE)
            check_graph(data)
            with limited_memory(LARGEST_MEMORY):
                self._session = _open(data)
                self.inputs = {i.name: self._shape(i) for i in self._session.get_inputs()}
                zeros = {name: np.zeros(s, np.float32) for name, s in self.inputs.items()}
                names = [output.name for output in self._session.get_outputs()]
                found = dict(zip(names, self._session.run(names, zeros), strict=True))
        except ContractError:
            raise
        except Exception as error:  # ONNX Runtime has no class of its own for all of them
            line = " ".join(str(error).split())[:400]
            raise ContractError(f"{self._file} cannot be run: {line}") from error
        self._outputs = {name: self._checked(name, value) for name, value in found.items()}
        self.run = self._session.run  # every period: without a detour

    def expect(self, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> None:
        """Refuse a graph with other inputs or outputs.

        Args:
            inputs: shape of each by its name.
            outputs: of those that have to be there.

        Raises:
            ContractError: With both sides.
        """
        for what, wanted, found in (
            ("inputs", dict(inputs), self.inputs),
            ("outputs", dict(outputs), {n: s for n, s in self._outputs.items() if n in outputs}),
        ):
            if wanted != found:
                raise ContractError(f"{self._file}: {what} are {found}, the contract says {wanted}")

    @property
    def outputs(self) -> Mapping[str, Shape]:
        """Shape of each output by its name, in their order."""
        return self._outputs

    def _shape(self, given: Any) -> Shape:
        sizes = tuple(given.shape)
        whole = all(isinstance(size, int) and size > 0 for size in sizes)
        if given.type != "tensor(float)" or not whole or math.prod(sizes) > MOST_NUMBERS:
            raise ContractError(
                f"{self._file}: input {given.name[:80]!r} is {given.type} of {list(sizes)}; "
                f"allowed: tensor(float) of known sizes, {MOST_NUMBERS} numbers at most"
            )
        return sizes

    def _checked(self, name: str, value: Any) -> Shape:
        if not isinstance(value, np.ndarray) or value.dtype != np.float32:
            raise ContractError(f"{self._file}: output {name[:80]!r} is no tensor(float)")
        if not np.isfinite(value).all():
            raise ContractError(f"{self._file}: output {name[:80]!r} is not finite for zeros")
        shape: Shape = value.shape
        return shape


def _open(data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
