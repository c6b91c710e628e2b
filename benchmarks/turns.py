"""A node in the process of a measurement, which runs by turns."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import rclpy
from rclpy.client import Client
from rclpy.executors import Executor
from rclpy.node import Node

from introspect_control.nodes.middleware import enter_graph
from introspect_control.nodes.runtime import make_executor


def use_own_domain() -> None:
    """Meet nobody else's nodes; for this process and those that it starts."""
    os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 100)


@contextmanager
def ros(*parameters: str) -> Iterator[None]:
    """A ROS context for one measurement; parameters, as ``name:=value``, are for all its nodes."""
    enter_graph(["--ros-args", *(word for given in parameters for word in ("-p", given))])
    try:
        yield
    finally:
        rclpy.try_shutdown()


def executor_of(node: Node) -> Executor:
    """The one executor of a node.

    One for all its turns: events that wait in an executor are lost with it, and every message after
    a lost one would be taken one too late.
    """
    executor = make_executor()
    executor.add_node(node)
    node.executor = executor
    return executor


def turn(executor: Executor, enough: Callable[[], bool], patience: float, what: str = "") -> None:
    """Run a node until ``enough``, or for so long; a wait for ``what`` in vain is an error."""
    end_of_turn = time.monotonic() + patience
    while not enough() and time.monotonic() < end_of_turn:
        executor.spin_once(timeout_sec=0.1)
    if what and not enough():
        raise TimeoutError(f"{what} did not come within {patience:.0f} s")


def ask(executor: Executor, client: Client, request: Any, what: str) -> None:
    """Call a service that has to succeed."""
    future = client.call_async(request)
    turn(executor, future.done, 10.0, f"an answer of {what}")
    if not future.result().success:
        raise TimeoutError(f"{what}: {future.result().message}")
