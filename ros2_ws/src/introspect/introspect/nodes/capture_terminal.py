"""Records and says so in the terminal; ``introspect capture`` becomes this program."""

from __future__ import annotations

import argparse
import math
import sys
import time

from rclpy.clock import Clock
from rclpy.clock_type import ClockType

from introspect_control.nodes.capture_node import CaptureNode, describe
from introspect_control.nodes.runtime import spin

_PERIOD = 0.25  # of the line [s]
_OWN = "/diagnostics"  # in the default set, and the recorder's are always there


class CaptureTerminal(CaptureNode):
    """A capture node with a line that is always up to date.

    Args:
        seconds: after which it ends by itself [s].
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._end = time.monotonic() + seconds
        self._live = sys.stderr.isatty()

    def activate(self) -> None:
        """Start recording, and telling."""
        super().activate()
        self.create_timer(_PERIOD, self._tell, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def cleanup(self) -> None:
        """Say what has come of it, as the exit code does: 0 if all that was asked for is there."""
        super().cleanup()
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr)
        if self.last is None:
            return
        bag = self.parameters.bag
        print(f"{describe(self.last)} in {bag}", flush=True)
        problem = ""
        if not self.last.messages or not self._anybody():
            problem = (
                f"nothing was heard for {self.last.seconds:.1f} s, {bag} has nothing. "
                "Cure: introspect launch sim; if that runs, introspect doctor"
            )
        elif self.last.lost:
            problem = f"{self.last.lost} messages were lost"
        if problem and not self.last.failure:  # of that, the node has told already
            print(f"introspect: {problem}", file=sys.stderr, flush=True)
        if problem or self.last.failure:
            self.finish(1)

    def _anybody(self) -> bool:
        """Whether anybody was heard but ourselves."""
        asked_for = any(self.parameters.topics)
        return asked_for or set(self.last_heard) > {_OWN}

    def _tell(self) -> None:
        recorder = self.recorder
        if recorder is None:  # capture/stop has ended it
            self.finish(0)  # unless ``cleanup`` finds that something is wrong
            return
        if recorder.progress.failure:
            self.finish(1)  # the node has said why
            return
        if self._live:
            text = f"{describe(recorder.progress)}, {len(recorder.heard)} topics; Ctrl-C ends it"
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        if time.monotonic() >= self._end:
            self.finish(0)


def main() -> int:
    """Record as the words ask, which ``introspect capture`` has checked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=math.inf)
    options, _ = parser.parse_known_args()
    return spin(lambda: CaptureTerminal(options.seconds))


if __name__ == "__main__":
    sys.exit(main())
