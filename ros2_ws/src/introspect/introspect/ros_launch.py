"""A graph as a launch description of ROS 2 (Jazzy and later), for ``launch/*.launch.py``.

``launch`` and ``launch_ros`` come with a ROS 2 installation, not with pip, so they are imported
where they are used. ``ros2 launch`` knows two exit codes only: 0, and 1 where an error was raised
in it. A run that fails therefore raises; the runner's finer codes (``introspect.runner``) are lost.
"""

# mypy: disable-error-code="import-not-found,import-untyped,attr-defined"
from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from introspect.errors import IntrospectError
from introspect.graph import ENVIRONMENT, GRACE
from introspect.runner import preflight
from introspect.runner.process import describe_exit
from introspect.runner.supervisor import REFUSED
from introspect.security.switch import check_enclave, enclave_arguments, security_environment
from introspect.specification import (
    AnyOf,
    Argument,
    Condition,
    FromArgument,
    Graph,
    NodeSpec,
    OnExit,
    ShareFile,
    Value,
    When,
)

Action = Any  # launch has no stubs and may not be there: its types are names for the reader
LaunchCondition = Any
LaunchContext = Any
LaunchDescription = Any
ProcessExited = Any
Substitution = Any


class RunFailed(IntrospectError):
    """A node ended in a way that makes the run a failure."""


def launch_description(graph: Graph) -> LaunchDescription:
    """Turn a graph into arguments, environment and nodes of ``launch_ros``."""
    from launch.actions import OpaqueFunction, SetEnvironmentVariable
    from launch.launch_description import LaunchDescription as Description

    def check_arguments(context: LaunchContext) -> list[Action]:
        """Refuse bad values with the same words as the pip runner."""
        given = context.launch_configurations
        values = graph.resolve({a.name: given[a.name] for a in graph.arguments if a.name in given})
        preflight.check(graph.chosen(values), values, os.environ)
        for node in graph.chosen(values):
            check_enclave(node.name, os.environ)
        return []

    return Description(
        [
            *(declared(argument) for argument in graph.arguments),
            OpaqueFunction(function=check_arguments),
            *(
                SetEnvironmentVariable(name, value)
                for name, value in (ENVIRONMENT | security_environment(os.environ)).items()
                if not os.environ.get(name)
            ),
            *(node_action(node, graph) for node in graph.nodes),
        ]
    )


def declared(argument: Argument) -> Action:
    """The declaration of one launch argument, as ``ros2 launch --show-args`` prints it."""
    from launch.actions import DeclareLaunchArgument

    booleans = ("true", "false", "True", "False") if argument.type is bool else ()
    return DeclareLaunchArgument(
        argument.name,
        default_value=argument.default,
        description=f"{argument.help} ({argument.allowed})",
        choices=list(argument.choices or booleans) or None,
    )


def node_action(node: NodeSpec, graph: Graph) -> Action:
    """The action that starts one node and deals with its end."""
    from launch.substitutions import LaunchConfiguration
    from launch_ros.actions import Node

    types = {argument.name: argument.type for argument in graph.arguments}
    return Node(
        package=node.package,
        executable=node.executable,
        name=node.name,
        namespace=LaunchConfiguration("namespace"),
        parameters=[{name: _parameter(v, types) for name, v in node.parameters.items()}],
        remappings=list(node.remappings),
        arguments=[_word(argument) for argument in node.arguments],
        ros_arguments=[
            "--log-level",
            LaunchConfiguration("log_level"),
            *enclave_arguments(node.name, os.environ),
        ],
        condition=_condition(node),
        on_exit=_on_exit(node),
        output="both",
        emulate_tty=True,
    )


def _parameter(value: Value | FromArgument | Condition, types: Mapping[str, type]) -> Any:
    from launch.substitutions import LaunchConfiguration
    from launch_ros.parameter_descriptions import ParameterValue

    if isinstance(value, FromArgument):
        return ParameterValue(LaunchConfiguration(value.argument), value_type=types[value.argument])
    if isinstance(value, When | AnyOf):
        return ParameterValue(_met(value), value_type=bool)
    return value


def _word(argument: str | ShareFile) -> str | Substitution:
    from launch.substitutions import PathJoinSubstitution
    from launch_ros.substitutions import FindPackageShare

    if isinstance(argument, ShareFile):
        return PathJoinSubstitution([FindPackageShare(argument.package), argument.path])
    return argument


def _condition(node: NodeSpec) -> LaunchCondition | None:
    from launch.conditions import IfCondition

    return None if node.condition is None else IfCondition(_met(node.condition))


def _met(condition: Condition) -> Substitution:
    from launch.substitutions import (
        AndSubstitution,
        EqualsSubstitution,
        LaunchConfiguration,
        NotSubstitution,
        OrSubstitution,
    )

    if isinstance(condition, AnyOf):
        return functools.reduce(OrSubstitution, map(_met, condition.conditions))
    value: Substitution = LaunchConfiguration(condition.argument)
    if condition.equals is not True:
        value = EqualsSubstitution(value, condition.equals)
    if condition.negated:
        value = NotSubstitution(value)
    return value if condition.also is None else AndSubstitution(value, _met(condition.also))


def _on_exit(node: NodeSpec) -> Callable[[ProcessExited, LaunchContext], list[Action] | None]:
    """What ``launch`` does when the node ends, by the node's policy."""
    from launch.actions import LogInfo, OpaqueFunction, Shutdown, TimerAction

    def fail(reason: str) -> Action:
        def failure(_: LaunchContext) -> None:
            raise RunFailed(reason)

        return OpaqueFunction(function=failure)

    def decide(event: ProcessExited, context: LaunchContext) -> list[Action] | None:
        if context.is_shutdown:
            return None
        how = f"{node.name} {describe_exit(event.returncode)}"
        if node.on_exit is OnExit.REPORT:
            return [LogInfo(msg=f"{how}; the run goes on without it")]
        if node.on_exit is OnExit.FINISH and event.returncode == 0:
            return [Shutdown(reason=f"{how}: the run is over")]
        if event.returncode == REFUSED or (node.on_exit is OnExit.FINISH and event.returncode > 0):
            return [fail(how)]
        rest = f"{how}; the run cannot go on without it. Stopping in {GRACE:g} s"
        return [LogInfo(msg=rest), TimerAction(period=GRACE, actions=[fail(how)])]

    return decide
