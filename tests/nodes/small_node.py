"""A node for the tests of the runtime: it does what its parameters say, good or bad."""

from __future__ import annotations

import ctypes
import resource
import sys
from dataclasses import dataclass

from std_msgs.msg import String

from introspect_control.nodes.runtime import (
    STREAM,
    ConfigurationError,
    ManagedNode,
    NodeParameters,
    parameter,
    spin,
)


@dataclass(frozen=True)
class SmallParameters(NodeParameters):
    """One of each kind."""

    rate: float = parameter(50.0, "of ticks [Hz]", minimum=0.5, maximum=1000.0)
    count: int = parameter(3, "of things", minimum=1)
    colour: str = parameter("red", "of everything", choices=("red", "green"))
    even: int = parameter(2, "an even number", read_only=False)
    corner: tuple[float, ...] = parameter((1.0, 2.0), "a point [m]")
    fate: str = parameter("live", "what becomes of the node")

    def __post_init__(self) -> None:
        """Check what a range cannot say."""
        if self.even % 2:
            raise ValueError(f"parameter 'even' is {self.even}; it must be even")


class SmallNode(ManagedNode[SmallParameters]):
    """Ticks."""

    _hangs = False

    def __init__(self) -> None:
        super().__init__("small_node", SmallParameters)
        self._refused = False

    def configure(self) -> None:
        """Fail if asked to."""
        if self.parameters.fate == "misconfigured":
            raise ConfigurationError("there is no model in /nowhere; run 'introspect train bbrl'")
        if self.parameters.fate == "broken":
            raise KeyError("broken in configure")
        if self.parameters.fate == "segfault":
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            ctypes.string_at(0)
        self._hangs = self.parameters.fate == "hang"
        self._ticks = self.create_publisher(String, "ticks", STREAM)

    def activate(self) -> None:
        """Tick."""
        self._loop = self.diagnostics.time_loop("tick", 1.0 / self.parameters.rate)
        self.create_timer(1.0 / self.parameters.rate, self._tick)

    def deactivate(self) -> None:
        """Say so, which can still be heard, or refuse once."""
        if self.parameters.fate == "stubborn" and not self._refused:
            self._refused = True
            raise ConfigurationError("not now")
        self._ticks.publish(String(data="deactivated"))

    def cleanup(self) -> None:
        """Say so."""
        print("cleaned up")

    def destroy_node(self) -> None:
        """Never come back from a library that holds Python's lock, if asked to."""
        if self._hangs:
            ctypes.PyDLL(None).sleep(600)
        super().destroy_node()

    def _tick(self) -> None:
        with self._loop:
            self._ticks.publish(String(data=repr(self.parameters)))
        if self._loop.count > 3 and self.parameters.fate == "crash":
            raise RuntimeError("crashed in a callback")
        if self._loop.count > 3 and self.parameters.fate == "finish":
            self.finish(7)


if __name__ == "__main__":
    sys.exit(spin(SmallNode))
