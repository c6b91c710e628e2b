"""Nodes as processes and a peer to talk to them, for tests over real DDS."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.task import Future

from introspect_control.nodes.middleware import enter_graph
from introspect_control.nodes.runtime import STREAM, make_executor

T = TypeVar("T")
PATIENCE = 60.0  # for whatever must happen on a busy machine [s]
ASK_AGAIN = 10.0  # when a service has not answered [s]
FAREWELL = 5.0  # for a process to end when asked to [s]
DEEP = QoSProfile(depth=5000)  # for a test that must not miss a message, however late it listens


class NodeProcess:
    """A node in a process of its own; its output is kept, and it never outlives the test.

    Args:
        module: that has a ``main``.
        parameters: of the node.
        arguments: further ``--ros-args``.
        environment: variables on top of this process's own.
    """

    def __init__(
        self,
        module: str,
        parameters: dict[str, object] | None = None,
        arguments: Sequence[str] = (),
        **environment: str,
    ) -> None:
        given = [f"{name}:={_text(value)}" for name, value in (parameters or {}).items()]
        flags = [flag for item in given for flag in ("-p", item)]
        self._output = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - closed by __exit__
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, "--ros-args", *flags, *arguments],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
        )

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            print(f"--- output of {self.process.args[2]}\n{self.output}")  # type: ignore[index]
            self.kill()
        self.stop()
        self._output.close()

    @property
    def output(self) -> str:
        """What the process has printed so far."""
        file = self._output.fileno()  # where to write on is the process's own affair
        return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")

    def wait_for_output(self, text: str) -> None:
        """Wait until it has printed something."""
        end = time.monotonic() + PATIENCE
        while text not in self.output:
            if time.monotonic() > end:
                raise AssertionError(f"waited {PATIENCE:.0f} s in vain for {text!r} to be printed")
            time.sleep(0.01)

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    def send(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End the process without giving it a chance."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the process; in peace if it will, so that its peers do not take it for alive."""
        self.send(signal.SIGINT)
        try:
            self.process.wait(FAREWELL)
        except subprocess.TimeoutExpired:
            self.kill()

    def end(self) -> int:
        """Wait until it ends by itself and return the exit code."""
        return self.process.wait(PATIENCE)

    def interrupt(self) -> int:
        """Ctrl-C, and return the exit code."""
        self.send(signal.SIGINT)
        return self.end()


class Peer:
    """The test's own node: hears topics, calls services, and never sleeps but waits."""

    def __init__(self) -> None:
        self.node = Node("peer")
        self.heard: dict[str, list[Any]] = defaultdict(list)
        self._subscriptions: dict[str, Any] = {}
        self._clients: dict[str, Any] = {}
        self._executor = make_executor()
        self._executor.add_node(self.node)
        self.node.executor = self._executor

    def hear(self, kind: type, topic: str, qos: Any = STREAM) -> list[Any]:
        """Subscribe; the list grows with every message."""
        heard = self.heard[topic]
        self._subscriptions[topic] = self.node.create_subscription(kind, topic, heard.append, qos)
        return heard

    def connect(self) -> None:
        """Wait until every topic that is listened to has a publisher that knows of it."""
        for topic, subscription in self._subscriptions.items():
            self.wait_for(subscription.get_publisher_count, f"a publisher of {topic}")

    def spin(self, timeout: float = 0.05) -> None:
        """Let one thing happen."""
        self._executor.spin_once(timeout_sec=timeout)

    def wait_for(self, condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
        """Spin until a condition holds, or fail."""
        end = time.monotonic() + patience
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"waited {patience:.0f} s in vain for {what}")
            self.spin()

    def first(self, heard: list[T], matches: Callable[[T], bool], what: str) -> T:
        """The first message heard that matches, once there is one."""
        found: list[T] = []

        def look() -> bool:
            found[:] = [message for message in heard if matches(message)]
            return bool(found)

        self.wait_for(look, what)
        return found[0]

    def result(self, future: Future[T], what: str) -> T:
        """Wait for a future."""
        self.wait_for(future.done, what)
        result = future.result()
        assert result is not None
        return result

    def call(self, service: Any, name: str, /, **request: Any) -> Any:
        """Call a service, waiting for it to be there.

        Asks again when no answer comes: a server that has not met the client yet, as on a busy
        machine, gives up answering after 0.1 s. Once it has answered it knows the client for good.
        """
        client = self._clients.get(name)
        if client is None:
            client = self._clients[name] = self.node.create_client(service, name)
        self.wait_for(client.service_is_ready, f"service {name}")
        asked: list[Future[Any]] = []
        ask_at = time.monotonic()

        def answered() -> bool:
            nonlocal ask_at
            if time.monotonic() >= ask_at:
                asked.append(client.call_async(service.Request(**request)))
                ask_at += ASK_AGAIN
            return any(future.done() for future in asked)

        self.wait_for(answered, f"answer of {name}")
        return next(future.result() for future in asked if future.done())

    def close(self) -> None:
        """Free the node."""
        self._executor.shutdown()
        self.node.destroy_node()


@contextmanager
def peer() -> Iterator[Peer]:
    """A peer on the domain of this test."""
    enter_graph([])
    peer = Peer()
    try:
        yield peer
    finally:
        peer.close()
        rclpy.try_shutdown()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def seconds(stamp: Any) -> float:
    """A stamp in seconds."""
    return float(stamp.sec + 1e-9 * stamp.nanosec)


def diagnosis(messages: Sequence[Any], node: str) -> dict[str, str]:
    """The latest values that a node has published on /diagnostics."""
    for message in reversed(messages):
        for status in message.status:
            if status.name.endswith(node):
                return {item.key: item.value for item in status.values}
    return {}
