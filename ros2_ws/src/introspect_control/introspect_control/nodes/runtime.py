"""How every node runs: one process, one thread, exit codes that mean something.

The one import that a node needs::

    from introspect_control.nodes.runtime import ManagedNode, NodeParameters, parameter, spin
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress

import rclpy
from rclpy.duration import Duration
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node

from introspect_control.loop_timer import LoopTimer, Percentiles
from introspect_control.nodes.diagnostics import Diagnostics
from introspect_control.nodes.last_resort import leave_after
from introspect_control.nodes.managed_node import ManagedNode
from introspect_control.nodes.middleware import enter_graph
from introspect_control.nodes.parameters import ConfigurationError, NodeParameters, parameter
from introspect_control.nodes.qos import LATCHED, STREAM, TRANSFORMS

__all__ = [
    "LATCHED",
    "LONGEST_END",
    "STREAM",
    "TRANSFORMS",
    "ConfigurationError",
    "Diagnostics",
    "LoopTimer",
    "ManagedNode",
    "NodeParameters",
    "Percentiles",
    "end",
    "make_executor",
    "parameter",
    "spin",
    "stay_behind",
]

EXIT_OK, EXIT_FAILED, EXIT_MISUSED = 0, 1, 2
_NEW_OBJECTS = 50_000  # between collections: some seconds' worth of messages
_PATIENCE = 0.5  # at the end, with whom does not answer [s]
_LAST_PATIENCE = 3  # with the middleware that frees what it holds [s]
LONGEST_END = _PATIENCE + _LAST_PATIENCE
"""From a signal to the end of a node that has nothing else to do [s]."""

_WAKE_UP = 0.1  # longest sleep [s]; events end it at once, signals are seen after it


def make_executor() -> Executor:
    """The executor of the control path: events where rclpy has them, else one thread.

    Drive it with ``spin_once(timeout_sec=...)`` in a loop. Its ``spin()`` must not be called: as
    built into the PyPI wheels, the events executor's ``spin()`` dispatches nothing and ignores
    shutdown.
    """
    try:
        from rclpy.experimental import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()


def stay_behind(niceness: int = 5) -> None:
    """Leave the processor to the control loop first; for a process that nobody waits for.

    To be called before ``spin``: the threads of the middleware take after the one that starts them.
    Less of a share than others while the processor is wanted, and, as batch work, no interrupting
    of others for each message that arrives.

    Args:
        niceness: of all threads to come, 1 to 19.
    """
    os.nice(niceness)
    with suppress(OSError):  # a container may forbid it
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def spin(node_factory: Callable[[], Node], args: Sequence[str] | None = None) -> int:
    """Make a node, run it until it ends or is interrupted, and free it.

    A ``ManagedNode`` whose ``autostart`` parameter is true is configured and activated first. On
    SIGINT or SIGTERM the present callback ends, then an active node is deactivated and cleaned up
    while it can still send; further signals change nothing. What it sent last is waited for, half a
    second at most.

    Args:
        node_factory: makes the node, once ROS is up.
        args: command line; ``sys.argv`` by default.

    Returns:
        The exit code: 0 after SIGINT, SIGTERM or a normal end; 2 for a ``ConfigurationError``,
        which is logged as one line; 1 for any other exception, logged with its traceback; or what
        the node gave to ``finish``.
    """
    faulthandler.enable()  # a crash in a library says in which call
    interruptions: list[int] = []  # appending needs no lock that a second signal could find taken
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: interruptions.append(received))
    enter_graph(args)
    node: Node | None = None
    exit_code = EXIT_FAILED
    try:
        node = node_factory()
        exit_code = _run(node, interruptions)
    except (KeyboardInterrupt, ExternalShutdownException):
        exit_code = EXIT_OK
    except ConfigurationError as error:
        if not isinstance(node, ManagedNode):  # a managed node has already said it
            get_logger("introspect").error(str(error))
        exit_code = EXIT_MISUSED
    except Exception as error:
        if not (isinstance(node, ManagedNode) and error is node.failure):  # said there as well
            logger = node.get_logger() if node else get_logger("introspect")
            logger.fatal(traceback.format_exc())
    finally:
        exit_code = _end(node, exit_code)
    return exit_code


def _run(node: Node, interruptions: list[int]) -> int:
    executor = make_executor()
    executor.add_node(node)
    node.executor = executor
    managed = node if isinstance(node, ManagedNode) else None
    if managed and managed.parameters.autostart:
        managed.start()
    _spare_the_collector()
    while rclpy.ok() and not interruptions:
        executor.spin_once(timeout_sec=_WAKE_UP)
        if managed and managed.exit_code is not None:
            return managed.exit_code
    return EXIT_OK


def _spare_the_collector() -> None:
    """Keep the garbage collector from what is loaded: looking through it makes periods late."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


def end(node: Node) -> None:
    """Free a node that was spun by hand, and with it what it holds of shared memory.

    Its executor goes with it: the events executor keeps the node's DDS participant alive, whose
    segments would stay behind in /dev/shm.
    """
    executor = node.executor
    with suppress(Exception):
        node.destroy_node()
    if executor is not None:
        with suppress(Exception):
            executor.shutdown(timeout_sec=_PATIENCE)


def _wait_until_heard(node: Node) -> None:
    """Let the last messages arrive: DDS forgets what a writer has not sent when it goes."""
    end = time.monotonic() + _PATIENCE
    for publisher in node.publishers:
        with suppress(Exception):  # a publisher that is gone has nothing to say
            publisher.wait_for_all_acked(Duration(seconds=max(0.0, end - time.monotonic())))


def _end(node: Node | None, exit_code: int) -> int:
    """Free everything; returns the exit code, which a node may settle as late as in ``cleanup``."""
    if isinstance(node, ManagedNode):
        try:
            node.close()
        except Exception:
            node.get_logger().error(traceback.format_exc())
        exit_code = exit_code if node.exit_code is None else node.exit_code
    if node is not None:
        _wait_until_heard(node)
        # Fast DDS can wait for itself forever while it frees what another process is just leaving.
        leave_after(_LAST_PATIENCE, exit_code)
        with suppress(Exception):
            node.destroy_node()
    rclpy.try_shutdown()
    leave_after(0, exit_code)
    # The interpreter resets handled signals on its way out, ignored ones stay ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    return exit_code
