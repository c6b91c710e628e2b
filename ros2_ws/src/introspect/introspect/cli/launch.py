"""``introspect launch``: starts a graph where ROS 2's own launch is not installed."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Sequence

from introspect.cli.confirmation import confirmed
from introspect.cli.parser import verb_parser
from introspect.errors import UsageError
from introspect.graph import GRAPHS, find_graph
from introspect.specification import Graph


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    graphs = "\n".join(f"  {graph.name}  {graph.summary}" for graph in GRAPHS.values())
    parser = verb_parser(
        "launch",
        f"Start a system of nodes, and stop it as a whole.\n\ngraphs:\n{graphs}",
        "introspect launch sim backend:=pybullet episodes:=20\n  introspect launch sim --show-args",
    )
    parser.add_argument("graph", nargs="?", help="which system", metavar="GRAPH")
    parser.add_argument("arguments", nargs="*", help="launch arguments", metavar="name:=value")
    parser.add_argument("--show-args", action="store_true", help="print the launch arguments")
    parser.add_argument("--print", action="store_true", help="print the command of each node")
    options = parser.parse_intermixed_args(words)
    if options.graph is None:
        raise UsageError(f"which system? introspect launch {' | '.join(GRAPHS)}")
    graph = find_graph(options.graph)
    if options.show_args:
        print(describe_arguments(graph))
        return 0

    from introspect.runner import prepare

    given = parse_assignments(options.arguments)
    if not options.print:
        given = confirmed(graph, given)
    prepared = prepare(graph, given)
    if options.print:
        for _, command in prepared.commands:
            print(shlex.join(command))
        return 0
    # The supervisor takes the signals; once it has ended there is nothing left to interrupt.
    signal.signal(signal.SIGINT, lambda *_: None)
    return prepared.run()


def parse_assignments(words: Sequence[str]) -> dict[str, str]:
    """Split ``name:=value`` words.

    Raises:
        UsageError: for a word of another form, or a name that comes twice.
    """
    given: dict[str, str] = {}
    for word in words:
        name, assignment, value = word.partition(":=")
        if not assignment:
            wanted = word.replace("=", ":=", 1) if "=" in word else f"{word}:=VALUE"
            raise UsageError(f"'{word}' is not a launch argument. Did you mean '{wanted}'?")
        if name in given:
            raise UsageError(f"{name} is given twice: {name}:={given[name]} and {name}:={value}")
        given[name] = value
    return given


def describe_arguments(graph: Graph) -> str:
    """The graph's launch arguments with their meanings, defaults and allowed values."""
    lines = [f"{graph.name}: {graph.summary}", ""]
    for argument in graph.arguments:
        lines.append(f"  {argument.name}:={argument.default}")
        lines.append(f"      {argument.help} ({argument.allowed})")
    return "\n".join(lines)
