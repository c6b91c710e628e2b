"""One node as a process: in a session of its own, tied to the life of the runner."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from introspect.runner.output import LineBuffer
from introspect.specification import NodeSpec

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>
_CRASH_REPORT = b"Fatal Python error: "  # Python's last words
_CRASHES = (signal.SIGSEGV, signal.SIGBUS)


def _die_with_parent() -> Callable[[], None] | None:
    """What a child does before it becomes the node: ask for SIGTERM when the runner dies."""
    if not sys.platform.startswith("linux"):
        return None  # the guardian still ends the nodes
    prctl = ctypes.CDLL(None).prctl
    runner = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != runner:  # it died before we asked
            os._exit(1)

    return ask


class NodeProcess:
    """A running node.

    The kernel ties the signal on the runner's death to the thread that starts the process, so that
    must be the main thread.
    """

    def __init__(
        self,
        spec: NodeSpec,
        command: Sequence[str],
        environment: Mapping[str, str],
        attempt: int = 1,
    ):
        """Start the node.

        Args:
            spec: which node.
            command: its program and arguments.
            environment: its variables.
            attempt: which start of this node it is.

        Raises:
            OSError: if the operating system will not start it.
        """
        self.spec = spec
        self.command = command
        self.environment = environment
        self.attempt = attempt
        self.lines = LineBuffer()
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509  (the runner has one thread)
        )
        self.spoken = False  # has written something, before any report of a crash
        self._crashing = False
        self._started_at = time.monotonic()
        self.pid = self._process.pid
        assert self._process.stdout is not None
        self.output_fd = self._process.stdout.fileno()
        os.set_blocking(self.output_fd, False)
        self.exit_fd = os.pidfd_open(self.pid)

    def read(self) -> bytes | None:
        """What the node has written: ``b""`` for nothing yet, None at the end of its output."""
        try:
            data = os.read(self.output_fd, 65536) or None
        except BlockingIOError:
            return b""
        if data is not None and not self.spoken:
            self._crashing = self._crashing or data.startswith(_CRASH_REPORT)
            self.spoken = not self._crashing
        return data

    def send(self, number: int) -> None:
        """Send a signal to the node and everything that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def crashed_at_its_start(self, code: int, young: float) -> bool:
        """Whether it ended by a crash, young and without a word.

        Both, for a node that has little to say may be in the midst of things.

        Args:
            code: how it ended, see ``reap``.
            young: the age that it has not come to [s].
        """
        age = time.monotonic() - self._started_at
        return -code in _CRASHES and age < young and not self.spoken

    def reap(self) -> int:
        """Collect the ended process, and end whatever it left running in its group.

        Returns:
            The exit code, or minus the number of the signal that ended it.
        """
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)  # its number is ours until wait()
        self.send(signal.SIGKILL)
        return self._process.wait()

    def close(self) -> None:
        """Give the file descriptors back."""
        os.close(self.exit_fd)
        if self._process.stdout is not None:
            self._process.stdout.close()


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
