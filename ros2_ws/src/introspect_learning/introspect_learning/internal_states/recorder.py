"""Activations of any layer of any network, taken by forward hooks."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


class ActivationRecorder:
    """Keeps what named modules put out in the latest forward pass.

    Args:
        net: any network.
        layers: name to give a layer -> dotted name of the module whose output it is.

    Raises:
        ValueError: A module that the network does not have; the text lists those it has.
    """

    def __init__(self, net: nn.Module, layers: Mapping[str, str]) -> None:
        modules = dict(net.named_modules())
        if missing := sorted(set(layers.values()) - modules.keys()):
            known = ", ".join(name for name in modules if name)
            raise ValueError(f"the network has no module {', '.join(missing)}; it has {known}")
        self._latest: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = [
            modules[where].register_forward_hook(self._hook(name)) for name, where in layers.items()
        ]
        self._names = tuple(layers)

    @property
    def activations(self) -> dict[str, Tensor]:
        """Layer -> its latest output, detached, in the order asked for.

        Raises:
            RuntimeError: The network has not been run since the recorder was made.
        """
        if missing := [name for name in self._names if name not in self._latest]:
            raise RuntimeError(f"no activations of {', '.join(missing)} yet: run the network first")
        return {name: self._latest[name] for name in self._names}

    def close(self) -> None:
        """Take the hooks out of the network."""
        for handle in self._handles:
            handle.remove()

    def __enter__(self) -> ActivationRecorder:
        """Record for a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop recording."""
        self.close()

    def _hook(self, name: str):  # type: ignore[no-untyped-def]
        def keep(module: nn.Module, given: object, output: Tensor | tuple[Tensor, ...]) -> None:
            # Of what a recurrent module puts out, its state is the second.
            self._latest[name] = (output[0] if isinstance(output, tuple) else output).detach()

        return keep
