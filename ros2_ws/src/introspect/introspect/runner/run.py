"""From a graph and its arguments to its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from introspect.runner import preflight
from introspect.runner.command import command_line, node_environment
from introspect.runner.domain import DomainLock, domain_id
from introspect.runner.output import Output, wants_colour
from introspect.runner.supervisor import Supervisor, Timing
from introspect.specification import Graph, NodeSpec, absolute_namespace


@dataclass(frozen=True)
class PreparedRun:
    """A graph that passed every check that can be made before it starts."""

    name: str  # of the graph
    commands: tuple[tuple[NodeSpec, tuple[str, ...]], ...]  # nodes and their command lines
    environment: Mapping[str, str]  # the user's
    domain: int  # ROS domain
    namespace: str  # absolute
    beside: bool = False  # whether it may join another graph there

    def run(self, timing: Timing | None = None) -> int:
        """Run until the job is done, a critical node dies, or the user stops it.

        Args:
            timing: how long to wait for what.

        Returns:
            The exit code, see ``Supervisor.run``.

        Raises:
            UsageError: if another run has this domain and namespace.
        """
        beside = self.name if self.beside else ""
        lock = DomainLock(self.domain, self.namespace, self.environment, beside)
        try:
            stream = sys.stdout.buffer
            colour = wants_colour(stream)
            output = Output(stream, colour=colour)
            output.say(
                f"{self.name}: {len(self.commands)} node{'s' if len(self.commands) > 1 else ''} in "
                f"ROS domain {self.domain}, namespace {self.namespace}; Ctrl-C stops all"
            )
            supervisor = Supervisor(output, timing, keep_open=(lock.descriptor,))
            return supervisor.run(self.commands, node_environment(self.environment, colour=colour))
        finally:
            lock.release()


def prepare(
    graph: Graph, given: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> PreparedRun:
    """Resolve a graph's arguments and check all that can be checked beforehand.

    Args:
        graph: what to run.
        given: launch arguments as text; the others take their defaults.
        environment: variables of the user; None for this process's own.

    Raises:
        UsageError: for the first thing that would keep the graph from running.
    """
    user = dict(os.environ if environment is None else environment)
    values = graph.resolve(given)
    domain = domain_id(user)
    nodes = graph.chosen(values)
    preflight.check(nodes, values, user)
    return PreparedRun(
        name=graph.name,
        commands=tuple((node, tuple(command_line(node, values, user))) for node in nodes),
        environment=user,
        domain=domain,
        namespace=absolute_namespace(str(values["namespace"])),
        beside=graph.beside,
    )
