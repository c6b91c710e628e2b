"""Runs the nodes of a graph: passes on their output and our signals, and ends none alone."""

from __future__ import annotations

import contextlib
import enum
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from introspect.graph import GRACE
from introspect.leftovers import CLEAN_UP
from introspect.runner import guardian
from introspect.runner.output import Output
from introspect.runner.process import NodeProcess, describe_exit
from introspect.specification import NodeSpec, OnExit

CLEAN, FAILED, REFUSED = 0, 1, 2
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LADDER = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
# Fast DDS (3.2, its issue 6501) crashes on what a killed node has left half written; now and then
# only once.
_ATTEMPTS = 2
_CURE = f"If killed nodes left something broken: end all nodes, then: {CLEAN_UP}"


@dataclass(frozen=True)
class Timing:
    """How long the supervisor waits for what."""

    grace: float = GRACE  # from the death of a critical node to the end of the run [s]
    interrupt: float = 5.0  # from SIGINT to SIGTERM [s]
    terminate: float = 5.0  # from SIGTERM to SIGKILL: longer than a node waits for DDS [s]
    young: float = 10.0  # age of a node up to which a crash is one of its start [s]


class _Phase(enum.Enum):
    RUNNING = enum.auto()
    GRACE = enum.auto()  # a critical node has died, the arm is coming to rest
    STOPPING = enum.auto()  # the nodes have been asked to end


class Supervisor:
    """Starts the nodes, waits for the end of the run, leaves nothing running.

    One thread, one loop: it sleeps until a node writes or ends, a signal arrives, or a deadline
    passes.
    """

    def __init__(
        self, output: Output, timing: Timing | None = None, keep_open: Sequence[int] = ()
    ) -> None:
        """Prepare a run.

        Args:
            output: where lines go.
            timing: how long to wait for what.
            keep_open: file descriptors that stay open until the last node has ended, even if the
                runner is killed (the lock of the domain).
        """
        self._output = output
        self._timing = timing or Timing()
        self._keep_open = tuple(keep_open)
        self._selector = selectors.DefaultSelector()
        self._alive: dict[int, NodeProcess] = {}
        self._phase = _Phase.RUNNING
        self._code = CLEAN
        self._cause = ""  # what the run failed of
        self._step = 0  # on the ladder of signals
        self._deadline: float | None = None  # when the phase, or the step, ends [s]

    def run(
        self, nodes: Sequence[tuple[NodeSpec, Sequence[str]]], environment: Mapping[str, str]
    ) -> int:
        """Run until the job is done, a critical node dies, or the user stops it.

        Args:
            nodes: the nodes and their command lines.
            environment: of every node.

        Returns:
            0 for a clean end, the code of the node whose end is the end of the run, 2 where a node
            refused its configuration, 1 where a critical node died or one had to be killed.
        """
        with self._signals() as wakeup, self._guardian() as guard:
            self._selector.register(wakeup, selectors.EVENT_READ, ("signal", wakeup))
            try:
                for spec, command in nodes:
                    self._start(spec, command, environment, guard)
                while self._alive:
                    self._wait_once(guard)
            finally:
                self._abandon(guard)
                self._selector.close()
        if self._cause:  # last words of nodes that were well would read like a success
            self._output.say(f"the run failed: {self._cause}")
        return self._code

    # --- starting -----------------------------------------------------------------------------

    def _start(
        self,
        spec: NodeSpec,
        command: Sequence[str],
        environment: Mapping[str, str],
        guard: int,
        attempt: int = 1,
    ) -> None:
        if self._phase is not _Phase.RUNNING:
            return
        try:
            process = NodeProcess(spec, command, environment, attempt)
        except OSError as error:
            self._output.say(f"{spec.name} cannot be started: {error}")
            if spec.on_exit is not OnExit.REPORT:
                self._end_run(FAILED, f"{spec.name} is missing")
            return
        self._tell(guard, f"+{process.pid}\n")
        self._alive[process.pid] = process
        self._selector.register(process.output_fd, selectors.EVENT_READ, ("output", process))
        self._selector.register(process.exit_fd, selectors.EVENT_READ, ("exit", process))

    @contextlib.contextmanager
    def _signals(self) -> Iterator[int]:
        """Turn the stop signals into bytes on a descriptor, which is yielded."""
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # In this order: a signal that is handled before it can be written down would be lost.
        wakeup_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        before = {number: signal.signal(number, lambda *_: None) for number in _STOP_SIGNALS}
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(wakeup_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(reading)
            os.close(writing)

    @contextlib.contextmanager
    def _guardian(self) -> Iterator[int]:
        """Start the guardian; yield the descriptor that it listens to."""
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(guardian.__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self._keep_open,
        )
        assert process.stdin is not None
        try:
            yield process.stdin.fileno()
        finally:
            process.stdin.close()
            process.wait()

    def _tell(self, guard: int, text: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # someone killed it; the kernel's way remains
            os.write(guard, text.encode())

    # --- the loop -----------------------------------------------------------------------------

    def _wait_once(self, guard: int) -> None:
        timeout = None
        if self._deadline is not None:
            timeout = max(0.0, self._deadline - time.monotonic())
        ended: list[NodeProcess] = []
        for key, _ in self._selector.select(timeout):
            kind, subject = key.data
            if kind == "signal":
                for number in os.read(subject, 1024):
                    self._on_signal(signal.Signals(number))
            elif kind == "output":
                self._pass_on(subject)
            else:
                ended.append(subject)
        for process in ended:
            self._on_end(process, guard)
        if self._output.closed and self._phase is not _Phase.STOPPING:
            self._end_run(self._code, "nobody reads the output any more")
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._on_deadline()

    def _pass_on(self, process: NodeProcess) -> None:
        data = process.read()
        if data is None:
            self._selector.unregister(process.output_fd)
            return
        for line in process.lines.feed(data):
            self._output.line(process.spec.name, line)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._phase is _Phase.STOPPING:
            names = ", ".join(process.spec.name for process in self._alive.values())
            self._output.say(f"{number.name}: already stopping, waiting for {names}")
            return
        self._end_run(self._code, f"{number.name}: stopping", number)

    def _on_end(self, process: NodeProcess, guard: int) -> None:
        """A node has ended: report it and do what its policy says."""
        code = process.reap()
        self._tell(guard, f"-{process.pid}\n")
        while data := process.read():  # what it wrote last, but no waiting for heirs of its pipe
            for line in process.lines.feed(data):
                self._output.line(process.spec.name, line)
        for line in process.lines.flush():
            self._output.line(process.spec.name, line)
        for descriptor in (process.output_fd, process.exit_fd):
            with contextlib.suppress(KeyError):
                self._selector.unregister(descriptor)
        process.close()
        del self._alive[process.pid]
        if self._phase is _Phase.RUNNING and process.crashed_at_its_start(code, self._timing.young):
            how = f"{process.spec.name} {describe_exit(code)} while it started"
            if process.attempt < _ATTEMPTS:
                self._output.say(f"{how}; starting it once more")
                command, environment = process.command, process.environment
                self._start(process.spec, command, environment, guard, process.attempt + 1)
                return
            self._output.say(f"{how}, again. {_CURE}")
        self._judge(process.spec, code)

    def _judge(self, spec: NodeSpec, code: int) -> None:
        how = f"{spec.name} {describe_exit(code)}"
        if self._phase is _Phase.STOPPING:
            if code not in (CLEAN, -signal.SIGINT, -signal.SIGTERM):
                self._output.say(f"{how} while stopping")
                if spec.on_exit is not OnExit.REPORT and self._code == CLEAN:
                    self._code = FAILED
        elif spec.on_exit is OnExit.REPORT:
            self._output.say(f"{how}; the run goes on without it")
        elif self._phase is _Phase.GRACE:
            self._output.say(how)
        elif code == REFUSED:
            self._end_run(REFUSED, f"{spec.name} refused its configuration (see its last line)")
        elif spec.on_exit is OnExit.FINISH and code >= 0:
            self._end_run(code, f"{how}: the run is over")
        else:
            self._code, self._cause = FAILED, how
            self._phase = _Phase.GRACE
            self._deadline = time.monotonic() + self._timing.grace
            self._output.say(
                f"{how}; the run cannot go on without it. "
                f"Stopping in {self._timing.grace:g} s, when the arm is at rest"
            )

    def _on_deadline(self) -> None:
        if self._phase is _Phase.GRACE:
            self._end_run(self._code, "stopping")
        elif self._phase is _Phase.STOPPING and self._step + 1 < len(_LADDER):
            self._climb(self._step + 1)

    # --- ending -------------------------------------------------------------------------------

    def _end_run(self, code: int, reason: str, number: int = signal.SIGINT) -> None:
        """Ask every node to end."""
        self._output.say(reason)
        self._code = code
        self._phase = _Phase.STOPPING
        self._stop(signal.SIGTERM if number == signal.SIGHUP else number)

    def _stop(self, number: int) -> None:
        """Pass the first signal on, once.

        A Python process that is still importing answers SIGINT with a traceback. So a node that has
        not said a word yet gets SIGTERM, which ends it in silence, or like SIGINT if it is up.
        """
        for process in self._alive.values():
            process.send(number if process.spoken else signal.SIGTERM)
        self._step = _LADDER.index(signal.Signals(number))
        self._set_step_deadline()

    def _climb(self, step: int) -> None:
        """Those that have not ended by now get the next signal of the ladder."""
        self._step = step
        for process in self._alive.values():
            self._output.say(f"{process.spec.name} does not end: {_LADDER[step].name}")
            process.send(_LADDER[step])
        self._set_step_deadline()

    def _set_step_deadline(self) -> None:
        waits = {signal.SIGINT: self._timing.interrupt, signal.SIGTERM: self._timing.terminate}
        wait = waits.get(_LADDER[self._step])
        self._deadline = None if wait is None else time.monotonic() + wait

    def _abandon(self, guard: int) -> None:
        """If our own code failed, leave no node behind all the same."""
        for process in list(self._alive.values()):
            process.send(signal.SIGKILL)
            process.reap()
            self._tell(guard, f"-{process.pid}\n")
            process.close()
        self._alive.clear()
